package tree

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what is searched for. What is beyond is not looked at.
const (
	MaxSearch      = 200 // characters
	maxSearchTerms = 10
)

// SearchTerms is what a person looks for, word by word.
type SearchTerms []SearchTerm

// SearchTerm is a word that a person looks for: any one of several ways to write
// it, each of which is one word or several that a tree must all have.
type SearchTerm [][]SearchLexeme

// SearchLexeme is a word as SearchWord.Text has it, or the beginning of one.
type SearchLexeme struct {
	Text   string
	Prefix bool
}

// ParseSearch reads what a person typed. Nothing is refused: what is no letter
// or digit only separates words. The last word may be the beginning of one, unless
// something follows it; as long as it is one letter, it says too little and counts
// only where it stands alone.
func ParseSearch(text string) SearchTerms {
	if i := runeOffset(text, MaxSearch); i < len(text) {
		text = text[:i]
	}
	last, _ := utf8.DecodeLastRuneInString(text)
	typing := inWord(last)
	found := slices.Collect(words(text))
	var terms SearchTerms
	for i := 0; i < len(found) && len(terms) < maxSearchTerms; i++ {
		w := found[i]
		ends := typing && w.to == len(text)
		var term SearchTerm
		switch {
		case w.joined:
			term = w.term(ends)
			var parts []SearchLexeme
			for ; i+1 < len(found) && found[i+1].to <= w.to; i++ {
				parts = append(parts, SearchLexeme{found[i+1].text, ends && found[i+1].to == len(text)})
			}
			term = append(term, parts)
		case w.dense && utf8.RuneCountInString(text[w.from:w.to]) == 1:
			if i > 0 && found[i-1].dense && found[i-1].to == w.to {
				continue // the last of a row was looked for with the one before it
			}
			term = w.term(true)
		case w.dense:
			term = w.term(false)
		case ends && utf8.RuneCountInString(w.text) == 1:
			if len(terms) > 0 {
				continue
			}
			term = w.term(false)
		default:
			term = w.term(ends)
		}
		if !slices.ContainsFunc(terms, func(t SearchTerm) bool { return slices.EqualFunc(t, term, slices.Equal) }) {
			terms = append(terms, term)
		}
	}
	return terms
}

// runeOffset returns where the nth character of a text begins, or its length.
func runeOffset(text string, n int) int {
	for i := range text {
		if n--; n < 0 {
			return i
		}
	}
	return len(text)
}

func (w *word) term(prefix bool) SearchTerm {
	term := SearchTerm{{{w.text, prefix}}}
	if w.spelled != "" {
		term = append(term, []SearchLexeme{{w.spelled, prefix}})
	}
	return term
}

// String returns the terms in one form, which tells them from any others.
func (t SearchTerms) String() string {
	var b strings.Builder
	for _, term := range t {
		b.WriteByte('(')
		for _, way := range term {
			b.WriteByte('|')
			for _, lexeme := range way {
				b.WriteByte(' ')
				b.WriteString(lexeme.Text)
				if lexeme.Prefix {
					b.WriteByte('*')
				}
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}

// word returns the one word of a term in which a typing error may be corrected.
func (t SearchTerm) word() (SearchLexeme, bool) {
	for _, way := range t {
		if len(way) != 1 || !correctable(way[0].Text) {
			return SearchLexeme{}, false
		}
	}
	return t[0][0], true
}

// nearKeys returns the keys of the words that may be meant in place of the terms'.
func (t SearchTerms) nearKeys() []string {
	var keys []string
	for _, term := range t {
		if w, ok := term.word(); ok {
			keys = append(keys, NearKeys(w.Text)...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// correct puts, in place of each word that nobody wrote, those known ones that are
// nearest to it. It says whether there was any.
func (t SearchTerms) correct(known []string) (SearchTerms, bool) {
	corrected, any := slices.Clone(t), false
	for i, term := range t {
		if w, ok := term.word(); ok {
			if ways := nearest(w, known); ways != nil {
				corrected[i], any = ways, true
			}
		}
	}
	return corrected, any
}

// nearest returns the known words with the fewest typing errors: one, or two in a
// word of six letters and more. It is nil where the word is known itself.
func nearest(w SearchLexeme, known []string) SearchTerm {
	const most = 5 // ways to read one word
	fewest := 1
	if utf8.RuneCountInString(w.Text) >= 6 {
		fewest = 2
	}
	var ways SearchTerm
	for _, k := range known {
		errors, n := typos(w.Text, k, w.Prefix)
		switch {
		case errors == 0:
			return nil
		case errors > fewest:
			continue
		case errors < fewest:
			fewest, ways = errors, nil
		}
		way := []SearchLexeme{{k[:runeOffset(k, n)], w.Prefix}}
		if !slices.ContainsFunc(ways, func(w []SearchLexeme) bool { return slices.Equal(w, way) }) {
			ways = append(ways, way)
		}
	}
	slices.SortFunc(ways, func(a, b []SearchLexeme) int { return strings.Compare(a[0].Text, b[0].Text) })
	return ways[:min(len(ways), most)]
}
