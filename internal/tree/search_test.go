package tree

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func wordsOf(text string) []string {
	var list []string
	for w := range words(text) {
		list = append(list, w.text)
		if w.spelled != "" {
			list = append(list, w.spelled)
		}
	}
	return list
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"VPN does not connect":      "vpn does not connect",
		"pool.ntp.org:123/udp":      "pool ntp org 123 udp",
		"Wi-Fi, e-mail; it's":       "wifi wi fi email e mail its it s",
		"a-b-c-d":                   "a b c d",
		"-x- 'y'":                   "x y",
		"Straße":                    "strasse",
		"Gerät":                     "gerat geraet",
		"Gera\u0308t":               "gerat geraet",
		"Åse Øl":                    "ase aase ol oel",
		"CRÈME brûlée œuf":          "creme brulee oeuf",
		"ΟΔΟΣ οδος":                 "οδοσ οδοσ",
		"İstanbul ışık":             "istanbul isik",
		"打印机":                       "打印 印机 机",
		"VPN连接 2":                   "vpn 连接 接 2",
		"ﬁle ＶＰＮ":                   "file vpn",
		"한국어":                       "한국어",
		"\u0301\u0301 ½ 👩 \xff\x00": "",
		strings.Repeat("x", 50):     strings.Repeat("x", maxWord),
	} {
		if got := strings.Join(wordsOf(text), " "); got != want {
			t.Errorf("words of %q: %q, want %q", text, got, want)
		}
	}
}

func TestParseSearch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"printer":                     "(| printer*)",
		"printer ":                    "(| printer)",
		"printer off":                 "(| printer)(| off*)",
		"off off":                     "(| off)(| off*)",
		"printer o":                   "(| printer)",
		"o":                           "(| o)",
		"wi-fi":                       "(| wifi*| wi fi*)",
		"wi-fi slow":                  "(| wifi| wi fi)(| slow*)",
		"gerät":                       "(| gerat*| geraet*)",
		"打印机":                         "(| 打印)(| 印机)",
		"机":                           "(| 机*)",
		"vpn 打":                       "(| vpn)(| 打*)",
		"!:*'()\\":                    "",
		"a & !b | c":                  "(| a)(| b)",
		"1 2 3 4 5 6 7 8 9 10 11 12 ": "(| 1)(| 2)(| 3)(| 4)(| 5)(| 6)(| 7)(| 8)(| 9)(| 10)",
	} {
		if got := ParseSearch(text).String(); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

// FuzzParseSearch looks for texts whose terms could mean something to PostgreSQL, or
// that do not find themselves.
func FuzzParseSearch(f *testing.F) {
	for _, text := range []string{"printer offline", "wi-fi", "Gerät", "打印机", "'\\:*&|!()<->", "\x00\xff", "o'b-c-d e", "ŉ ﷺ ½ ſ İ ͺ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms := ParseSearch(text)
		if len(terms) > maxSearchTerms {
			t.Errorf("%d terms", len(terms))
		}
		for _, term := range terms {
			if len(term) == 0 {
				t.Error("a term without a way to write it")
			}
			for _, way := range term {
				if len(way) == 0 {
					t.Error("a way to write it without words")
				}
				for _, l := range way {
					if l.Text == "" || !utf8.ValidString(l.Text) || strings.ContainsFunc(l.Text, func(r rune) bool { return !inWord(r) }) || utf8.RuneCountInString(l.Text) > maxWord {
						t.Errorf("%q is no word", l.Text)
					}
				}
			}
		}
		if all, _ := terms.foundIn([]string{text}); all != 1<<len(terms)-1 {
			t.Errorf("%q does not find itself: %v has %b", text, terms, all)
		}
		var whole strings.Builder
		for _, p := range terms.highlight(text) {
			whole.WriteString(p.Text)
		}
		if whole.String() != text {
			t.Errorf("highlighted it is %q, was %q", whole.String(), text)
		}
		if n := utf8.RuneCountInString(textOf(terms.excerpt([]string{text}))); n > maxExcerpt+4 {
			t.Errorf("the excerpt has %d characters", n)
		}
	})
}

func textOf(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.Text)
	}
	return b.String()
}

func TestTypos(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typed, meant string
		prefix       bool
		errors, n    int
	}{
		{"printer", "printer", false, 0, 7},
		{"pritner", "printer", false, 1, 7},
		{"priner", "printer", false, 1, 7},
		{"printter", "printer", false, 1, 7},
		{"prunter", "printer", false, 1, 7},
		{"vnp", "vpn", false, 1, 3},
		{"authetic", "authentication", true, 1, 9},
		{"printer", "printers", true, 0, 7},
		{"abc", "xyz", false, 3, 3},
	} {
		if errors, n := typos(tt.typed, tt.meant, tt.prefix); errors != tt.errors || n != tt.n {
			t.Errorf("from %q to %q: %d errors in %d characters, want %d in %d", tt.meant, tt.typed, errors, n, tt.errors, tt.n)
		}
	}
}

// TestNearKeys_FindOneTypingError makes one mistake in a word: the two have a key
// in common.
func TestNearKeys_FindOneTypingError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		letter := rapid.RuneFrom([]rune("abcdeäж"))
		meant := rapid.SliceOfN(letter, 3, 14).Draw(r, "meant")
		typed := slices.Clone(meant)
		i := rapid.IntRange(0, len(typed)-2).Draw(r, "at")
		switch rapid.IntRange(0, 3).Draw(r, "mistake") {
		case 0:
			typed[i] = letter.Draw(r, "wrong")
		case 1:
			typed = slices.Delete(typed, i, i+1)
		case 2:
			typed = slices.Insert(typed, i, letter.Draw(r, "added"))
		case 3:
			typed[i], typed[i+1] = typed[i+1], typed[i]
		}
		if errors, _ := typos(string(typed), string(meant), false); errors > 1 {
			r.Fatalf("%q for %q counts as %d errors", string(typed), string(meant), errors)
		}
		theirs := NearKeys(string(meant))
		if !slices.ContainsFunc(NearKeys(string(typed)), func(key string) bool { return slices.Contains(theirs, key) }) {
			r.Errorf("%q and %q have no key in common", string(typed), string(meant))
		}
	})
}

func TestSearchWords_WeighWhereAWordStands(t *testing.T) {
	t.Parallel()
	g := &Graph{Nodes: []Node{{
		ID: "n", Kind: Action, Title: "Node", Text: "Text", Commands: []string{"command"}, Expected: "expected",
		Options: []Option{{Label: "label"}}, Links: []Link{{Title: "link", URL: "https://nowhere.example"}}, FollowUps: []string{"next"}, Fields: []Field{{Label: "field"}},
	}}}
	got := map[string]string{}
	for _, w := range SearchWords("Title both", "Description", []string{"tag"}, g) {
		for _, at := range w.At {
			got[w.Text] += string(at.Weight)
		}
		if w.Title {
			got[w.Text] += "!"
		}
	}
	want := map[string]string{
		"title": "A!", "both": "A!", "tag": "B!", "description": "C", "node": "C", "text": "D", "command": "D", "expected": "D",
		"label": "D", "link": "D", "next": "D", "field": "D",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestSearchWords_AreBounded(t *testing.T) {
	t.Parallel()
	g := &Graph{}
	for i := range MaxNodes {
		var text strings.Builder
		for k := range 100 {
			fmt.Fprintf(&text, "word%dx%d ", i, k)
		}
		g.Nodes = append(g.Nodes, Node{ID: "n", Title: strings.Repeat("again ", 20), Text: text.String()})
	}
	bytes, places := 0, 0
	list := SearchWords("Title", "", nil, g)
	for _, w := range list {
		bytes += len(w.Text)
		places = max(places, len(w.At))
		for _, at := range w.At {
			if at.Position < 1 || at.Position > lastSearchPlace {
				t.Fatalf("%q stands at %d", w.Text, at.Position)
			}
		}
	}
	if len(list) < 10_000 || bytes > maxSearchBytes || places != maxSearchPlaces {
		t.Errorf("%d words of %d bytes, at most %d places", len(list), bytes, places)
	}
}

func TestSearchCursor_OfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "ALL_WORDS", "ALL_WORDS NaN", "ALL_WORDS Inf", "SOME 0.1", "ALL_WORDS 0.1; DROP", "0.1"} {
		if match, err := (&Cursor{Value: value}).searchMatch(); err == nil {
			t.Errorf("%q is read as %s", value, match)
		}
	}
	c := Cursor{Value: "ANY_WORD 0.30396354"}
	if match, err := c.searchMatch(); err != nil || match != AnyWord || c.Value != "0.30396354" {
		t.Errorf("%s, %q, %v", match, c.Value, err)
	}
}
