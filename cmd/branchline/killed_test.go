package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
)

// TestServe_MakesNoAccount serves a new database.
func TestServe_MakesNoAccount(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	launch(t, buildProgram(t), "DATABASE_URL="+url, "BRANCHLINE_KEYS="+string(login.NewKey()), "BRANCHLINE_DRAIN=1s")
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var people, accounts int
	check(t, conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM accounts)").Scan(&people, &accounts))
	if people != 0 || accounts != 0 {
		t.Errorf("there are %d users and %d accounts that nobody opened", people, accounts)
	}
}

// TestServe_AKilledProcessLeavesNobodyConnected kills a process with a socket as kill -9
// does. Nobody says so to the other one, which has to find out.
func TestServe_AKilledProcessLeavesNobodyConnected(t *testing.T) {
	t.Parallel()
	const patience = time.Minute
	binary, url := buildProgram(t), pgtest.URL(t)
	env := []string{"DATABASE_URL=" + url, "BRANCHLINE_KEYS=" + string(login.NewKey()), "BRANCHLINE_DRAIN=1s"}
	other := startProcess(t, binary, env...)
	victim := launch(t, binary, env...)

	post := func(token, query string, into any) {
		t.Helper()
		body, err := json.Marshal(map[string]string{"query": query})
		check(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, other+"/graphql", bytes.NewReader(body))
		check(t, err)
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}}
		resp, err := (&http.Client{Timeout: patience}).Do(r)
		check(t, err)
		defer resp.Body.Close()
		check(t, json.NewDecoder(resp.Body).Decode(into))
	}
	var registered struct {
		Data struct{ Register struct{ AccessToken string } }
	}
	post("", `mutation { register(input: { accountName: "A", name: "N", email: "owner@example.com", password: "a long passphrase" }) { accessToken } }`, &registered)
	token := registered.Data.Register.AccessToken
	connected := func() bool {
		var answer struct {
			Data struct {
				AccountSecurity struct{ ActiveSessions []struct{ ConnectedNow bool } }
			}
		}
		post(token, `{ accountSecurity { activeSessions { connectedNow } } }`, &answer)
		list := answer.Data.AccountSecurity.ActiveSessions
		if len(list) != 1 {
			t.Fatalf("%d login sessions, want 1", len(list))
		}
		return list[0].ConnectedNow
	}
	await := func(want bool) {
		t.Helper()
		for limit := time.After(patience); connected() != want; {
			select {
			case <-limit:
				t.Fatalf("the login session never was connected: %v", want)
			default:
			}
		}
	}
	await(false)
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	socket, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(victim.url, "http")+"/graphql", nil)
	check(t, err)
	defer socket.Close()
	check(t, socket.WriteJSON(map[string]any{"type": "connection_init", "payload": map[string]string{"authorization": "Bearer " + token}}))
	await(true)

	victim.kill(t)
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), "UPDATE nodes SET seen_at = seen_at - interval '9 s' WHERE id IN (SELECT node_id FROM login_connections)")
	check(t, err)
	await(false)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
