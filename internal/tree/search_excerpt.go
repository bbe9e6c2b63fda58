package tree

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// Lengths of an excerpt, in characters.
const (
	maxExcerpt    = 200
	excerptBefore = 60 // before the first word that matches
)

// Piece is a part of a text and whether it is what was looked for. Pieces in
// their order are the whole text, so nobody has to trust markup in it.
type Piece struct {
	Text  string
	Match bool
}

// highlight returns a text in pieces.
func (t SearchTerms) highlight(text string) []Piece {
	var pieces []Piece
	from, to := 0, 0 // of the match that may go on
	end := func() {
		if from < to {
			pieces = append(pieces, Piece{Text: text[from:to], Match: true})
		}
	}
	for w := range words(text) {
		matched := t.matched(text, &w)
		switch {
		case matched <= to:
			continue
		case w.from > to:
			end()
			pieces = append(pieces, Piece{Text: text[to:w.from]})
			from = w.from
		}
		to = matched
	}
	end()
	if to < len(text) {
		pieces = append(pieces, Piece{Text: text[to:]})
	}
	return pieces
}

// matched returns where what matches of a word ends, or 0.
func (t SearchTerms) matched(text string, w *word) int {
	end := 0
	for _, term := range t {
		for _, way := range term {
			for _, lexeme := range way {
				switch {
				case !w.matches(lexeme.Text, lexeme.Prefix):
				case w.dense && lexeme.Prefix: // one character of two
					_, size := utf8.DecodeRuneInString(text[w.from:])
					end = max(end, w.from+size)
				default:
					end = max(end, w.to)
				}
			}
		}
	}
	return end
}

// foundIn returns which of the terms the texts have, a bit for each, and which of
// them the first text has alone.
func (t SearchTerms) foundIn(texts []string) (all, first uint) {
	var seen []SearchLexeme
	for i, text := range texts {
		for w := range words(text) {
			for _, term := range t {
				for _, way := range term {
					for _, lexeme := range way {
						if w.matches(lexeme.Text, lexeme.Prefix) && !slices.Contains(seen, lexeme) {
							seen = append(seen, lexeme)
						}
					}
				}
			}
		}
		all = t.among(seen)
		if i == 0 {
			first = all
		}
	}
	return all, first
}

func (t SearchTerms) among(seen []SearchLexeme) uint {
	var found uint
	for i, term := range t {
		for _, way := range term {
			if !slices.ContainsFunc(way, func(l SearchLexeme) bool { return !slices.Contains(seen, l) }) {
				found |= 1 << i
			}
		}
	}
	return found
}

// matchingNode returns the node that has the most of the terms, those in its title
// before others; nil where no node has any.
func (t SearchTerms) matchingNode(g *Graph) *Node {
	var best *Node
	most := 0
	for i := range g.Nodes {
		all, title := t.foundIn(g.Nodes[i].searchedTexts())
		if score := 2*bits.OnesCount(all) + bits.OnesCount(title); score > most {
			best, most = &g.Nodes[i], score
		}
	}
	return best
}

// searchedTexts returns the node's texts that search looks at, its title first.
func (n *Node) searchedTexts() []string {
	var texts []string
	n.searched(func(_ byte, text string) { texts = append(texts, text) })
	return texts
}

// excerpt returns a part of the text that has the most of the terms, with line
// breaks as spaces. Of several the first wins.
func (t SearchTerms) excerpt(texts []string) []Piece {
	best, most := "", -1
	for _, text := range texts {
		found, _ := t.foundIn([]string{text})
		if n := bits.OnesCount(found); n > most && text != "" {
			best, most = text, n
		}
	}
	best = strings.Join(strings.Fields(best), " ")
	from := 0
	for w := range words(best) {
		if t.matched(best, &w) > 0 {
			from = w.from
			break
		}
	}
	from = wordBoundary(best, max(0, utf8.RuneCountInString(best[:from])-excerptBefore), true)
	to := from + runeOffset(best[from:], maxExcerpt)
	if to < len(best) {
		to = max(from+wordBoundary(best[from:], maxExcerpt, false), from)
	}
	pieces := t.highlight(best[from:to])
	if from > 0 {
		pieces = slices.Insert(pieces, 0, Piece{Text: "… "})
	}
	if to < len(best) {
		pieces = append(pieces, Piece{Text: " …"})
	}
	return pieces
}

// wordBoundary returns the place of a space near the nth character, behind it or
// before it, or that character's own place in a text without spaces.
func wordBoundary(text string, n int, behind bool) int {
	const near = 30
	at := runeOffset(text, n)
	switch {
	case n == 0:
		return 0
	case behind:
		if i := strings.IndexByte(text[at:], ' '); i >= 0 && i < near {
			return at + i + 1
		}
	default:
		if i := strings.LastIndexByte(text[:at], ' '); i > at-near && i > 0 {
			return i
		}
	}
	return at
}
