package tree

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The shortcuts of what Validate does most often say the same as what they stand for.
func TestValidate_ShortcutsChangeNothing(t *testing.T) {
	t.Parallel()
	place := regexp.MustCompile(`\{\{\s*((?:client\.)?[a-z][a-z0-9_]{0,39})\s*\}\}`)
	control := regexp.MustCompile(`[^\P{Cc}\t\n]`)
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"{", "{{", "}", "}}", " ", "\t", "\n", "\v", "\x7f", "\u00a0", "\u0085", "\xff", "\x00", "client", "client.", ".", "a", "vpn_1", "9", "_", "Ä", "K", "{{a}}", "{{ client.vpn }}", strings.Repeat("n", 40)}),
		rapid.StringN(0, 3, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "text"), "")
		var want, got []string
		for _, found := range place.FindAllStringSubmatch(text, -1) {
			want = append(want, found[1])
		}
		placeholders(text, func(name string) { got = append(got, name) })
		if !slices.Equal(want, got) {
			t.Fatalf("%q shows %q, want %q", text, got, want)
		}
		value := func(name string) string { return map[string]string{"a": "<A>", "client.vpn": "V", "vpn_1": ""}[name] }
		filled := place.ReplaceAllStringFunc(text, func(p string) string {
			if v := value(place.FindStringSubmatch(p)[1]); v != "" {
				return v
			}
			return p
		})
		if got := fill(text, value, func(s string) string { return s }); got != filled {
			t.Fatalf("%q is filled to %q, want %q", text, got, filled)
		}
		if want, got := strings.ToLower(strings.Join(strings.Fields(text), " ")), fold(text); got != want {
			t.Fatalf("%q folds to %q, want %q", text, got, want)
		}
		if want, got := utf8.ValidString(text) && !control.MatchString(text), printable(text); got != want {
			t.Fatalf("%q is printable: %v, want %v", text, got, want)
		}
	})
}
