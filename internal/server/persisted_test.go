package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// A client that knows Apollo's automatic persisted queries sends a document once and
// its hash from then on, by POST and by GET.
func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	hash := func(document string) string {
		sum := sha256.Sum256([]byte(document))
		return hex.EncodeToString(sum[:])
	}
	extensions := func(hash string, version int) vars {
		return vars{"persistedQuery": vars{"version": version, "sha256Hash": hash}}
	}
	ask := func(method string, request vars) *answer {
		t.Helper()
		header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}, "Authorization": {"Bearer " + p.access}}
		if method == http.MethodPost {
			body, err := json.Marshal(request)
			check(t, err)
			return n.request(n.http.Client(), method, "/graphql", header, string(body))
		}
		query := url.Values{}
		for name, value := range request {
			text, err := json.Marshal(value)
			check(t, err)
			query.Set(name, strings.Trim(string(text), `"`))
		}
		return n.request(n.http.Client(), method, "/graphql?"+query.Encode(), header, "")
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		document := "query By" + method + " { me { id } }"
		known := vars{"extensions": extensions(hash(document), 1)}
		if a := ask(method, known); a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" {
			t.Errorf("%s of what is not known yet: %s", method, a.Body) // stock clients wait for either word
		}
		ask(method, vars{"query": document, "extensions": extensions(hash(document), 1)}).ok()
		a := ask(method, known).ok()
		if a.text("me.id") != p.id || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s by the hash: %v %s", method, a.Header, a.Body)
		}
		for what, request := range map[string]vars{
			"another document's hash": {"query": "{ me { name } }", "extensions": extensions(hash(document), 1)},
			"an unknown version":      {"query": document, "extensions": extensions(hash(document), 2)},
			"no hash":                 {"query": document, "extensions": vars{"persistedQuery": 1}},
		} {
			if a := ask(method, request); a.Status != http.StatusBadRequest || a.code() != "BAD_USER_INPUT" {
				t.Errorf("%s with %s: status %d %s", method, what, a.Status, a.Body)
			}
		}
	}
	signOut := "mutation { logout { revokedCount } }"
	ask(http.MethodPost, vars{"query": signOut, "extensions": extensions(hash(signOut), 1)}).ok()
	if a := ask(http.MethodGet, vars{"extensions": extensions(hash(signOut), 1)}); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("a mutation by GET: %d %s", a.Status, a.Body)
	}
}

// Long answers are compressed as the client likes it best, short ones not at all.
func TestCompression(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{introspection: true})
	ask := func(query, encodings string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.http.URL+"/graphql?query="+url.QueryEscape(query), nil)
		check(t, err)
		r.Header.Set("Accept-Encoding", encodings)
		resp, err := n.http.Client().Do(r)
		check(t, err)
		t.Cleanup(func() { resp.Body.Close() }) //nolint:errcheck // it was only read
		return resp
	}
	const long, short = `{ __schema { types { name description } } }`, `{ serverInfo { version } }`
	resp := ask(long, "gzip, br, zstd")
	if resp.Header.Get("Content-Encoding") != "zstd" || !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
		t.Fatalf("a long answer came with %v", resp.Header)
	}
	plain, err := zstd.NewReader(resp.Body)
	check(t, err)
	defer plain.Close()
	if text, err := io.ReadAll(plain); err != nil || !bytes.Contains(text, []byte("LoginSession")) {
		t.Errorf("it says %.100s, %v", text, err)
	}
	for what, resp := range map[string]*http.Response{"a short answer": ask(short, "gzip, zstd"), "who takes nothing": ask(long, "identity")} {
		if got := resp.Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s is answered in %s", what, got)
		}
	}
}
