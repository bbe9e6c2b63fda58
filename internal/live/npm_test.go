package live_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

// npm returns the folder of the protocols' own suites, with what they need
// installed.
var npm = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../../web/audit")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return dir, nil
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return dir, cmd.Run()
})

// node starts a script of web/audit and returns its lines as they come.
func node(t *testing.T, script string, args ...string) func() string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: the npm suites are not run")
	}
	dir, err := npm()
	if err != nil {
		t.Fatalf("install web/audit: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		cancel()
		cmd.Wait() // it may have been killed
	})
	return func() string {
		if !lines.Scan() {
			return ""
		}
		return lines.Text()
	}
}

// TestAudits runs the audits of the GraphQL over HTTP specification.
func TestAudits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	line := node(t, "audits.mjs", b.http.URL)
	count := 0
	for l := line(); l != ""; l = line() {
		count++
		if !strings.HasPrefix(l, "ok\t") {
			t.Error(l)
		}
	}
	if count != 61 {
		t.Errorf("%d audits ran, want 61", count)
	}
}

// TestGraphQLWS lets the client that nearly everybody uses come back where it
// should, and not where it should not.
func TestGraphQLWS(t *testing.T) {
	t.Parallel()
	url := func(b *bench) string { return "ws" + strings.TrimPrefix(b.http.URL, "http") }
	t.Run("forced out while connected", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		line := node(t, "client.mjs", url(b), "ann", "expired", "ann", "ann")
		want := func(lines ...string) {
			t.Helper()
			for _, want := range lines {
				if got := line(); got != want {
					t.Fatalf("graphql-ws said %q, want %q", got, want)
				}
			}
		}
		subscribed := func(n int64) {
			t.Helper()
			await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == n })
		}
		want("params ann", "next 0")
		subscribed(1)
		b.in.Hub.Publish("a", &testschema.Count{Value: 1})
		want("next 1")
		b.end("ann", live.TooOld)
		want("closed 4403", "params expired", "closed 4403", "params ann", "next 0")
		subscribed(2)
		b.end("ann", live.Restart)
		want("closed 1012", "params ann", "next 0")
		subscribed(3)
		b.in.Hub.Publish("a", &testschema.Count{Value: 7})
		b.end("ann", live.SessionEnded)
		want("next 7", "complete", "end")
		if rest := []string{line(), line()}; !slices.Contains(rest, "closed 4401") || slices.ContainsFunc(rest, func(l string) bool { return strings.HasPrefix(l, "params") }) {
			t.Errorf("then graphql-ws said %q, want only that it was closed with 4401", rest)
		}
	})
	t.Run("refused when connecting", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		line := node(t, "client.mjs", url(b), "ended", "ann")
		var got []string
		for l := line(); l != ""; l = line() {
			got = append(got, l)
		}
		slices.Sort(got[1:])
		if want := []string{"params ended", "closed 4401", "end", "error 4401"}; !slices.Equal(got, want) {
			t.Errorf("graphql-ws said %q, want %q", got, want)
		}
	})
}
