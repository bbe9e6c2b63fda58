package tree_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/fault"
)

// Whatever windows write at the same time, and whichever answers are lost: where
// each merges what a conflict brings, no line is lost and none comes twice.
func TestScratchpad_WindowsThatMergeLoseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := begin(cable())
		windows := make([]struct {
			text     string
			revision int
		}, rapid.IntRange(2, 4).Draw(t, "windows"))
		var written []string
		save := func(i int, answerLost bool) {
			w := &windows[i]
			_, err := s.WriteScratchpad(actor(emil), w.revision, w.text)
			switch f := fault.Of(err); {
			case answerLost:
			case err == nil:
				w.revision = s.ScratchpadRevision
			case f.Code == fault.Conflict:
				present := f.Extensions["scratchpad"].(string)
				for line := range strings.Lines(w.text) {
					if !strings.Contains(present, line) {
						present += line
					}
				}
				w.text, w.revision = present, f.Extensions["scratchpadRevision"].(int)
			default:
				t.Fatal(err)
			}
		}
		for n := range rapid.IntRange(1, 40).Draw(t, "saves") {
			i := rapid.IntRange(0, len(windows)-1).Draw(t, "window")
			line := fmt.Sprintf("line %02d\n", n)
			windows[i].text += line
			written = append(written, line)
			save(i, rapid.IntRange(0, 3).Draw(t, "lost") == 0)
		}
		for range 2 { // to learn of the others, then to save what came of it
			for i := range windows {
				save(i, false)
				save(i, false)
			}
		}
		got := slices.Sorted(strings.Lines(s.Scratchpad))
		if !slices.Equal(got, written) {
			t.Fatalf("of %q there is %q", written, got)
		}
	})
}
