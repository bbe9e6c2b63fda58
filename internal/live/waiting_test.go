package live_test

import (
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/branchline/branchline/internal/live"
)

// from dials from a network.
func from(network string) func(*websocket.Dialer, http.Header) {
	return func(_ *websocket.Dialer, h http.Header) { h.Set("X-Network", network) }
}

// crowded is a server that lets few sockets wait.
func crowded(t *testing.T, all, ofNetwork int) *bench {
	t.Helper()
	return setup(t, func(o *live.Options) {
		o.Limits.Waiting, o.Limits.WaitingOfNetwork = all, ofNetwork
		o.Network = func(r *http.Request) string { return r.Header.Get("X-Network") }
	})
}

// waits dials and returns when the server has counted the socket.
func (b *bench) waits(t *testing.T, network string, want int) *client {
	t.Helper()
	c := b.dial(t, from(network))
	await(t, "the socket waits", func() bool { return b.Stats().Waiting == want })
	return c
}

func TestWaiting_TheOldestOfTheNetworkGivesWay(t *testing.T) {
	t.Parallel()
	b := crowded(t, 100, 2)
	first, second := b.waits(t, "office", 1), b.waits(t, "office", 2)
	elsewhere := b.waits(t, "home", 3)
	third := b.dial(t, from("office"))
	first.wantClose(live.Crowded)
	b.pass(0)
	await(t, "the first one is gone", func() bool { s := b.Stats(); return s.Sockets == 3 && s.Waiting == 3 && s.Closes["4408 crowded"] == 1 })
	for _, c := range []*client{second, third, elsewhere} { // nobody else had to
		c.init("ann")
	}
	await(t, "nobody waits", func() bool { return b.Stats().Waiting == 0 })
}

func TestWaiting_TheOldestOfAllGivesWay(t *testing.T) {
	t.Parallel()
	b := crowded(t, 3, 100)
	first := b.waits(t, "a", 1)
	b.waits(t, "b", 2)
	b.waits(t, "c", 3)
	b.dial(t, from("d"))
	first.wantClose(live.Crowded)
}

// TestWaiting_AFloodKeepsNobodyOut holds both bounds full all the time, from as many
// networks, while people sign in.
func TestWaiting_AFloodKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	b := crowded(t, 6, 3)
	networks := []string{"a", "b", "c", "office"}
	for i := range 12 {
		b.dial(t, from(networks[i%len(networks)]))
	}
	var people []*client
	for range 5 {
		p := b.dial(t, from("office"))
		p.init("ann")
		people = append(people, p)
		for i := range 12 {
			b.dial(t, from(networks[i%len(networks)]))
		}
		if n := b.Stats().Waiting; n > 6 {
			t.Fatalf("%d sockets wait, more than 6", n)
		}
	}
	for _, p := range people { // who was signed in is never sent away
		p.send(`{"type":"ping"}`)
		p.want(`{"type":"pong"}`)
	}
}

// TestWaiting_WhoIsRefusedAndStaysCounts refuses clients that do not answer the
// farewell, and so hold their connections for as long as they may.
func TestWaiting_WhoIsRefusedAndStaysCounts(t *testing.T) {
	t.Parallel()
	b := crowded(t, 2, 2)
	for range 2 {
		c := b.dial(t)
		c.ws.SetCloseHandler(func(int, string) error { return nil })
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer unknown"}}`)
		c.wantClose(live.Close{Code: 4401, Reason: "INVALID_TOKEN"})
	}
	if s := b.Stats(); s.Waiting != 2 || s.Sockets != 2 {
		t.Fatalf("%d wait of %d, want 2 of 2", s.Waiting, s.Sockets)
	}
	p := b.signIn(t, "ann")
	b.pass(0)
	await(t, "one of the refused is broken off", func() bool { s := b.Stats(); return s.Sockets == 2 && s.Waiting == 1 })
	p.send(`{"type":"ping"}`)
	p.want(`{"type":"pong"}`)
}
