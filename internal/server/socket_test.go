package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// socket is a client of graphql-transport-ws. It reads when it is asked to.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

type frame struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dial opens a socket, or returns the response of a refused upgrade.
func (n *node) dial(header http.Header) (*socket, *http.Response) {
	n.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	conn, resp, err := dialer.DialContext(n.t.Context(), "ws"+strings.TrimPrefix(n.http.URL, "http")+"/graphql", header)
	if errors.Is(err, websocket.ErrBadHandshake) {
		return nil, resp
	}
	check(n.t, err)
	n.t.Cleanup(func() { conn.Close() }) //nolint:errcheck // it may be closed already
	return &socket{n.t, conn}, resp
}

// open opens a socket and signs it in with a token; "" is nobody.
func (n *node) open(token string) *socket {
	n.t.Helper()
	s, _ := n.dial(nil)
	if s == nil {
		n.t.Fatal("the socket was refused")
	}
	s.init(token)
	if f := s.next(); f.Type != "connection_ack" {
		n.t.Fatalf("connection_init was answered with %s %s", f.Type, f.Payload)
	}
	return s
}

func (s *socket) init(token string) {
	payload := map[string]any{}
	if token != "" {
		payload["authorization"] = "Bearer " + token
	}
	s.write("connection_init", "", payload)
}

func (s *socket) write(kind, id string, payload any) {
	s.t.Helper()
	m := map[string]any{"type": kind}
	if id != "" {
		m["id"] = id
	}
	if payload != nil {
		m["payload"] = payload
	}
	check(s.t, s.conn.WriteJSON(m))
}

// subscribe begins an operation.
func (s *socket) subscribe(id, query string, variables vars) {
	s.t.Helper()
	s.write("subscribe", id, map[string]any{"query": query, "variables": variables})
}

// next returns the next message.
func (s *socket) next() frame {
	s.t.Helper()
	check(s.t, s.conn.SetReadDeadline(time.Now().Add(patience)))
	var f frame
	if err := s.conn.ReadJSON(&f); err != nil {
		s.t.Fatalf("read from the socket: %v", err)
	}
	return f
}

// answer returns the next message as the answer to an operation.
func (s *socket) answer() *answer {
	s.t.Helper()
	f := s.next()
	a := &answer{t: s.t, Status: http.StatusOK, Body: string(f.Payload), request: f.Type}
	switch f.Type {
	case "next":
		check(s.t, json.Unmarshal(f.Payload, a))
	case "error":
		check(s.t, json.Unmarshal(f.Payload, &a.Errors))
	default:
		s.t.Fatalf("the socket said %s %s, want next or error", f.Type, f.Payload)
	}
	return a
}

// ask sends a query over the socket and returns its answer. Events that come
// before it fail the test.
func (s *socket) ask(query string, variables vars) *answer {
	s.t.Helper()
	s.subscribe("ask", query, variables)
	f := s.next()
	if f.ID != "ask" {
		s.t.Fatalf("before the answer came %s %s", f.Type, f.Payload)
	}
	a := &answer{t: s.t, Status: http.StatusOK, Body: string(f.Payload), request: query}
	if f.Type == "error" {
		check(s.t, json.Unmarshal(f.Payload, &a.Errors))
		return a
	}
	check(s.t, json.Unmarshal(f.Payload, a))
	if f := s.next(); f.Type != "complete" {
		s.t.Fatalf("after the answer came %s %s", f.Type, f.Payload)
	}
	return a
}

// complete waits for the end of the operation with an id.
func (s *socket) complete(id string) {
	s.t.Helper()
	if f := s.next(); f.Type != "complete" || f.ID != id {
		s.t.Fatalf("the socket said %s %s %s, want complete %s", f.Type, f.ID, f.Payload, id)
	}
}

// closed waits for the close and checks its code.
func (s *socket) closed(code int) {
	s.t.Helper()
	check(s.t, s.conn.SetReadDeadline(time.Now().Add(patience)))
	_, data, err := s.conn.ReadMessage()
	if !websocket.IsCloseError(err, code) {
		s.t.Fatalf("the socket said %s, %v; want close %d", data, err, code)
	}
}

const expiryQuery = `subscription SessionExpiry {
  sessionExpiry {
    __typename
    ... on SessionState { serverTime loginSessionId idleExpiresAt absoluteExpiresAt level expiryReason }
    ... on SessionExpiryWarning { serverTime level expiryReason expiresAt extendable }
    ... on SessionExtended { serverTime idleExpiresAt absoluteExpiresAt level expiryReason }
    ... on SessionExpired { serverTime expiryReason }
    ... on ForcedLogout { serverTime logoutReason endedByUserId endedAt }
  }
}`

// watch opens a socket that follows the person's login session, and reads the
// first event.
func (n *node) watch(p *person) *socket {
	n.t.Helper()
	s := n.open(p.access)
	s.subscribe("expiry", expiryQuery, nil)
	if state := s.event("SessionState"); state.text("loginSessionId") != p.session {
		n.t.Fatalf("the state is of the login session %s, want %s", state.text("loginSessionId"), p.session)
	}
	return s
}

// event returns the next event of sessionExpiry, which has to be of this type.
func (s *socket) event(kind string) *answer {
	s.t.Helper()
	a := s.answer().ok()
	a.Data = a.at("sessionExpiry")
	if got := a.text("__typename"); got != kind {
		s.t.Fatalf("the event is %s, want %s", a.Body, kind)
	}
	return a
}

// loggedOut waits for the end of a watched login session by a person or a rule.
func (s *socket) loggedOut(reason string) *answer {
	s.t.Helper()
	a := s.event("ForcedLogout")
	if got := a.text("logoutReason"); got != reason {
		s.t.Errorf("logoutReason is %s, want %s", got, reason)
	}
	s.complete("expiry")
	s.closed(4401)
	return a
}
