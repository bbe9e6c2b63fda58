package tree

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SearchRules numbers the rules by which SearchWords finds the words of a tree, and by
// which they are kept. It rises when they change: then what is kept of every tree has to
// be made anew.
const SearchRules = 3

// Bounds of what search keeps of one tree. Titles, tags and descriptions come
// first, then the nodes in the author's order; what does not fit is not found.
const (
	maxSearchBytes  = 384 << 10 // of all words with their places; PostgreSQL takes 1 MiB
	maxSearchPlaces = 8         // of one word: more do not change the rank much
	lastSearchPlace = 16383     // PostgreSQL's highest position
)

// SearchWord is a word by which a tree is found.
type SearchWord struct {
	Text  string // in lower case, without accents; letters and digits alone
	Title bool   // it stands in the title or in a tag
	Dense bool   // it is of a script without spaces: no word, but two characters
	At    []SearchPlace
}

// SearchPlace is where a word stands in a tree.
type SearchPlace struct {
	Position int  // 1 to 16,383; near ones are near in the text
	Weight   byte // 'A' in the title, 'B' in a tag, 'C' in the description or a node's title, 'D' in any other text
}

// SearchWords returns the words by which a tree is found, each once.
func SearchWords(title, description string, tags []string, g *Graph) []SearchWord {
	c := collector{at: map[string]int{}}
	c.add('A', title)
	for _, tag := range tags {
		c.add('B', tag)
	}
	c.add('C', description)
	for i := range g.Nodes {
		g.Nodes[i].searched(c.add)
	}
	return c.list
}

// searched calls add with the node's texts that search looks at.
func (n *Node) searched(add func(weight byte, text string)) {
	add('C', n.Title)
	add('D', n.Text)
	add('D', n.Expected)
	for _, list := range [][]string{n.Commands, n.FollowUps} {
		for _, text := range list {
			add('D', text)
		}
	}
	for i := range n.Options {
		add('D', n.Options[i].Label)
	}
	for i := range n.Fields {
		add('D', n.Fields[i].Label)
	}
	for i := range n.Links {
		add('D', n.Links[i].Title)
	}
}

// collector gathers words with their places.
type collector struct {
	list     []SearchWord
	at       map[string]int // where in list a word stands
	bytes    int
	position int
}

func (c *collector) add(weight byte, text string) {
	c.position += 5 // words of two texts are not neighbours
	for w := range words(text) {
		c.position++
		c.place(w.text, weight, w.dense)
		if w.spelled != "" {
			c.place(w.spelled, weight, w.dense)
		}
		if w.joined {
			c.position-- // its first part stands where it does
		}
	}
}

func (c *collector) place(text string, weight byte, dense bool) {
	const perWord, perPlace = 16, 2 // bytes that PostgreSQL adds, roughly
	i, known := c.at[text]
	if !known {
		if c.bytes += len(text) + perWord; c.bytes > maxSearchBytes {
			return
		}
		i = len(c.list)
		c.list = append(c.list, SearchWord{Text: text, Dense: dense})
		c.at[text] = i
	}
	w := &c.list[i]
	w.Title = w.Title || weight <= 'B'
	if len(w.At) == maxSearchPlaces {
		return
	}
	c.bytes += perPlace
	w.At = append(w.At, SearchPlace{Position: min(c.position, lastSearchPlace), Weight: weight})
}

// Bounds of words that a typing error is looked for in.
const (
	minCorrected = 3
	maxCorrected = 32
)

// Correctable says whether the word may be what somebody meant who typed
// another. One with digits is not: another error code is another error.
func (w *SearchWord) Correctable() bool { return !w.Dense && correctable(w.Text) }

func correctable(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= minCorrected && n <= maxCorrected &&
		strings.IndexFunc(text, func(r rune) bool { return unicode.IsDigit(r) || isDense(r) }) < 0
}

// NearLetters is how many of a word's first characters NearKeys looks at.
const NearLetters = 8

// NearKeys returns the word's first NearLetters characters, and these with each
// one of them left out. Two words that begin with one letter wrong, left out,
// added, or swapped with its neighbour have a key in common. So a word that was
// mistyped is found by equality, and an index finds it.
func NearKeys(word string) []string {
	r := []rune(word)
	r = r[:min(len(r), NearLetters)]
	keys := []string{string(r)}
	for i := range r {
		if key := string(slices.Delete(slices.Clone(r), i, i+1)); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// typos returns how many typing errors lead from what was meant to what was
// typed: a letter wrong, left out, added, or swapped with its neighbour. With
// prefix, what was typed may be the beginning only; then n is how many characters
// of what was meant it stands for.
func typos(typed, meant string, prefix bool) (errors, n int) {
	a, b := []rune(typed), []rune(meant)
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		next[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	n = len(b)
	if prefix {
		for j := len(b) - 1; j > 0; j-- {
			if row[j] < row[n] {
				n = j
			}
		}
	}
	return row[n], n
}
