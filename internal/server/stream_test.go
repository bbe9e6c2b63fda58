package server_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestEventStream_SetsNoCookieHoweverItIsAskedFor logs out over streams: the
// operation runs beside the handler that writes the header.
func TestEventStream_SetsNoCookieHoweverItIsAskedFor(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true})
	for _, accept := range []string{
		"text/event-stream", "text/event-stream, text/html", "text/event-stream;q=0.5, image/png",
		"text/event-stream, application/json;q=0", "TEXT/EVENT-STREAM", "text/event-stream, application/json;q=x",
	} {
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.http.URL+"/graphql", strings.NewReader(`{"query": "mutation { logout { revokedCount } }"}`))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}}
				resp, err := n.http.Client().Do(r)
				if err != nil {
					t.Errorf("%s: %v", accept, err)
					return
				}
				defer resp.Body.Close()
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Errorf("%s: %v", accept, err)
				}
				if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || len(resp.Cookies()) != 0 {
					t.Errorf("%s was answered with %v", accept, resp.Header)
				}
			})
		}
		all.Wait()
	}
}

func TestCompression_WhateverElseIsAccepted(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{introspection: true})
	const accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
	ask := func(query string) *http.Response {
		t.Helper()
		body, err := json.Marshal(map[string]string{"query": query})
		check(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.http.URL+"/graphql", strings.NewReader(string(body)))
		check(t, err)
		r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}, "Accept-Encoding": {"gzip"}, "Authorization": {"Bearer " + n.owner().access}}
		resp, err := n.http.Client().Do(r)
		check(t, err)
		t.Cleanup(func() { resp.Body.Close() }) //nolint:errcheck // it was only read
		return resp
	}
	long := ask(`{ __schema { types { name description } } }`)
	if long.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("a long answer came with %v", long.Header)
	}
	plain, err := gzip.NewReader(long.Body)
	check(t, err)
	if text, err := io.ReadAll(plain); err != nil || !strings.Contains(string(text), "LoginSession") {
		t.Errorf("it says %.100s, %v", text, err)
	}
	stream := ask(`subscription { sessionExpiry { __typename } }`)
	first := make([]byte, len("event: next\n"))
	if _, err := io.ReadFull(stream.Body, first); err != nil || string(first) != "event: next\n" || stream.Header.Get("Content-Encoding") != "" {
		t.Errorf("the stream begins with %q, %v, %v", first, err, stream.Header)
	}
}

func TestEvents_OfOneRevocationAreExecutedOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	sockets := make([]*socket, 10)
	for i := range sockets {
		sockets[i] = n.watch(p)
	}
	before := n.server.Stats()
	if ended := n.revoke(p, "ALL", ""); ended != 1 {
		t.Fatalf("%d login sessions ended, want 1", ended)
	}
	for _, s := range sockets {
		s.loggedOut("REVOKED_BY_SELF")
	}
	after := n.server.Stats()
	if events, runs := after.Events-before.Events, after.Executions-before.Executions; events != 10 || runs != 1 {
		t.Errorf("%d events took %d executions, want 10 and 1", events, runs)
	}
}
