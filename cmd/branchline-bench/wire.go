//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "graphql-transport-ws"
	// operationID is the id of each socket's one subscription: a UUID, as graphql-ws
	// sends it. It is the same everywhere, so that the bytes are.
	operationID = "6c0e9a8e-3a8c-4c59-9d0c-0d3b5a3e5a11"
	// expiryQuery is the web app's subscription to its own login session.
	expiryQuery = `subscription { sessionExpiry { __typename
... on SessionState { serverTime loginSessionId idleExpiresAt absoluteExpiresAt level expiryReason }
... on SessionExpiryWarning { serverTime level expiryReason expiresAt extendable }
... on SessionExtended { serverTime idleExpiresAt absoluteExpiresAt level expiryReason }
... on SessionExpired { serverTime expiryReason }
... on ForcedLogout { serverTime logoutReason endedByUserId endedAt } } }`
)

// frame is one message of a socket. The body of a close frame is its code and
// its reason (RFC 6455, 5.5.1).
type frame struct {
	Kind int
	Body []byte
}

// String shows the frame in an error.
func (f frame) String() string { return fmt.Sprintf("%d %q", f.Kind, f.Body) }

// script is what a server sends to one socket, as it was heard from the product.
// The floor sends the same.
type script struct {
	Ack      frame
	State    frame // the answer to subscribe
	Event    frame // a deadline moved
	End      frame // the forced logout
	Complete frame
	Close    frame
}

func (s *script) all() []frame {
	return []frame{s.Ack, s.State, s.Event, s.End, s.Complete, s.Close}
}

// parseScript sorts the frames of a socket that was connected, told of one moved
// deadline, and revoked.
func parseScript(frames []frame) (script, error) {
	if len(frames) != 6 || frames[5].Kind != websocket.CloseMessage {
		return script{}, fmt.Errorf("the product sent other frames than expected: %v", frames)
	}
	return script{frames[0], frames[1], frames[2], frames[3], frames[4], frames[5]}, nil
}

// order is what a child is told to do. Each order gets one reply.
type order struct {
	Do string

	// For the crowd.
	Address  string   // host:port
	Source   string   // the clients' own address, which has 28,000 ports for each server
	Tokens   []string // one socket for each
	AtOnce   int      // connections being opened at the same time
	First    int      // which sockets to wait for
	Count    int
	Events   int  // how many events each has to have had since it was connected
	Closed   bool // or whether they have to be closed
	Frames   bool // whether to tell what the first of all sockets has heard
	Patience time.Duration

	// For the floors and the program with a cheap hash.
	Script   *script
	Database string // its URL
	Keys     string // the key ring
	Dir      string // for its log
}

// reply answers an order. Moments are in nanoseconds since 1970: all processes
// read one kernel's clock.
type reply struct {
	Error string

	At    []int64 // when each socket had what was waited for
	Codes []int   // the close codes
	Heard []frame // everything that the first socket heard
	// SentOff is how often a socket that was being opened was told to come back.
	SentOff int64

	Address    string
	Moment     int64 // when sending began
	Executions int64 // events that were executed
	PerSecond  float64
	Heap       uint64
	Stack      uint64
	Goroutines int
}

// obey answers orders until in ends.
func obey(in io.Reader, out io.Writer, do func(order) (reply, error)) error {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := from.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		r, err := do(o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := to.Encode(r); err != nil {
			return fmt.Errorf("answer an order: %w", err)
		}
	}
}
