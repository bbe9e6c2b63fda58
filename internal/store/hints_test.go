package store

import (
	"maps"
	"testing"

	"github.com/branchline/branchline/internal/event"
)

// FuzzHints reads any payload, and reads back what was written.
func FuzzHints(f *testing.F) {
	for _, payload := range []string{"", " \n", "login_sessions acct_01\n", "login_sessions acct_01\nx \n", "{}", "a b c\n\n"} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		set := map[event.Hint]struct{}{}
		for _, h := range parseHints(payload) {
			set[h] = struct{}{}
		}
		text := formatHints(set)
		if len(text) > longestPayload {
			t.Fatalf("a payload of %d bytes", len(text))
		}
		again := map[event.Hint]struct{}{}
		for _, h := range parseHints(text) {
			again[h] = struct{}{}
		}
		if _, all := again[everything]; !all && !maps.Equal(set, again) {
			t.Errorf("%q became %q", payload, text)
		}
	})
}
