package tree

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// MaxRanked is how many trees one search ranks: half of it with all words in title
// or tags, half of it others. Ranking costs what it ranks (docs/speed.md), so a word
// that a million trees have must not rank a million.
const MaxRanked = 2000

// SearchMatch says what the trees that a search found have.
type SearchMatch string

// What trees are found by. Each is tried only where the ones before it find nothing.
const (
	AllWords  SearchMatch = "ALL_WORDS" // all words that were typed
	Corrected SearchMatch = "CORRECTED" // all of them, with typing errors corrected
	AnyWord   SearchMatch = "ANY_WORD"  // at least one of them, typing errors corrected
)

// SearchQuery asks for the trees that a person looks for.
type SearchQuery struct {
	Text     string // as typed; only its first MaxSearch characters and ten words count
	Filter   TreeFilter
	First    *int   // 0 to MaxPageSize; DefaultPageSize if nil
	After    string // a cursor of an earlier answer to the same query
	Fields   TreeFields
	Excerpts bool // read what the hits show
	Total    bool
}

// SearchResult is a page of the trees that were found, the best first.
type SearchResult struct {
	Connection[SearchHit]
	Match SearchMatch
	// Bounded says that more trees match than were ranked.
	Bounded bool
}

// SearchHit is a tree that was found. What follows the tree is empty unless
// excerpts were asked for.
type SearchHit struct {
	Tree      *Tree
	Title     []Piece
	NodeID    NodeID // the node that matches best; empty where title, tags or description match alone
	NodeTitle string
	// Excerpt is a part of the node's text, or of the description where no node matches.
	Excerpt []Piece
}

// TreeSearch is a SearchQuery that was checked: what the store reads.
type TreeSearch struct {
	Terms  SearchTerms
	Any    bool // one of the terms is enough
	Filter TreeFilter
	Fields TreeFields
	Total  bool
	Span   Span // a cursor's value is the rank
}

// FoundTrees is a page of the trees that a search found.
type FoundTrees struct {
	Connection[*Tree]      // a cursor's text is the rank; Total is MaxRanked at the most
	Bounded           bool // more match than were ranked
}

// SearchTrees finds trees by the words of their titles, tags, descriptions and
// nodes, the best first. Viewers find published trees by their published form;
// engineers and above find drafts too, and archived trees where the filter asks
// for them. No text is refused; one without words finds nothing. A cursor of
// another query is BadUserInput.
//
// The rank of a tree depends on that tree and the query alone, so that trees
// that are made or removed meanwhile move no others: no tree comes twice or is
// left out unless it is saved in between, or the result is Bounded.
func (s *Service) SearchTrees(ctx context.Context, actor account.Actor, q SearchQuery) (SearchResult, error) {
	none := SearchResult{Connection: Connection[SearchHit]{Total: -1}, Match: AllWords}
	if err := actor.Require(account.Viewer); err != nil {
		return none, err
	}
	form := formFor(actor)
	nothing, err := q.Filter.clean(form)
	if err != nil {
		return none, err
	}
	q.Filter.Today = dayOf(s.Now())
	search := TreeSearch{Terms: ParseSearch(q.Text), Filter: q.Filter, Fields: q.Fields, Total: q.Total}
	order := "SEARCH " + search.fingerprint()
	if search.Span, err = (Page{First: q.First, After: q.After}).span(order, false); err != nil {
		return none, err
	}
	match := AllWords
	if search.Span.From != nil {
		if match, err = search.Span.From.searchMatch(); err != nil {
			return none, err
		}
	}
	if q.Total {
		none.Total = 0
	}
	if nothing || len(search.Terms) == 0 {
		return none, nil
	}
	if q.Excerpts {
		search.Fields |= TreeTitle | TreeDescription | TreeGraph
	}
	found, match, err := s.find(ctx, actor.AccountID, form, &search, match)
	if err != nil {
		return none, err
	}
	result := SearchResult{Match: match, Bounded: found.Bounded, Connection: Connection[SearchHit]{
		HasNextPage: found.HasNextPage, HasPrevPage: found.HasPrevPage, Total: found.Total,
		Edges: make([]Edge[SearchHit], len(found.Edges)),
	}}
	for i, e := range found.Edges {
		cursor := Cursor{Order: order, Value: string(match) + " " + e.Cursor, ID: e.Node.ID.UUID()}
		result.Edges[i] = Edge[SearchHit]{Cursor: cursor.String(), Node: SearchHit{Tree: e.Node}}
		if q.Excerpts {
			result.Edges[i].Node = search.Terms.hit(e.Node)
		}
		if !q.Fields.Has(TreeGraph) {
			e.Node.Graph = nil
		}
	}
	return result, nil
}

// find reads the trees with all words, else with corrected ones, else with any.
// A later page takes the way that the first one took. The terms become those that
// were found.
func (s *Service) find(ctx context.Context, accountID account.ID, form Form, search *TreeSearch, match SearchMatch) (FoundTrees, SearchMatch, error) {
	first := search.Span.From == nil
	var found FoundTrees
	var err error
	if match == AllWords {
		found, err = s.Store.SearchTrees(ctx, accountID, form, *search)
		if err != nil || !first || len(found.Edges) > 0 || found.HasNextPage {
			return found, AllWords, err
		}
	}
	corrected := false
	if keys := search.Terms.nearKeys(); len(keys) > 0 {
		known, err := s.Store.KnownWords(ctx, accountID, form, keys)
		if err != nil {
			return found, match, err
		}
		search.Terms, corrected = search.Terms.correct(known)
	}
	if corrected && match != AnyWord {
		match = Corrected
		found, err = s.Store.SearchTrees(ctx, accountID, form, *search)
		if err != nil || !first || len(found.Edges) > 0 || found.HasNextPage {
			return found, Corrected, err
		}
	}
	if len(search.Terms) > 1 {
		search.Any = true
		found, err = s.Store.SearchTrees(ctx, accountID, form, *search)
		return found, AnyWord, err
	}
	return found, match, nil
}

// fingerprint tells the search from others, so that no cursor of theirs is taken.
func (s *TreeSearch) fingerprint() string {
	status := make([]string, len(s.Filter.Status))
	for i, one := range s.Filter.Status {
		status[i] = string(one)
	}
	slices.Sort(status)
	sum := sha256.Sum256(fmt.Append(nil, s.Terms, status, s.Filter.Category, s.Filter.Author, s.Filter.Owner, s.Filter.Due, strconv.Quote(s.Filter.Tag), ParseSearch(s.Filter.Text)))
	return hex.EncodeToString(sum[:8])
}

// searchMatch takes the match out of a search's cursor, so that its value is the
// rank alone.
func (c *Cursor) searchMatch() (SearchMatch, error) {
	match, rank, _ := strings.Cut(c.Value, " ")
	number, err := strconv.ParseFloat(rank, 32)
	known := match == string(AllWords) || match == string(Corrected) || match == string(AnyWord)
	if err != nil || !known || math.IsNaN(number) || math.IsInf(number, 0) {
		return "", fault.Input("after", "This is not a cursor of this list in this order. Take one from its latest answer.")
	}
	c.Value = strconv.FormatFloat(number, 'g', -1, 32)
	return SearchMatch(match), nil
}

// hit says where in a tree the terms are.
func (t SearchTerms) hit(found *Tree) SearchHit {
	h := SearchHit{Tree: found, Title: t.highlight(found.Title)}
	if node := t.matchingNode(found.Graph); node != nil {
		h.NodeID, h.NodeTitle = node.ID, node.Title
		texts := node.searchedTexts()
		h.Excerpt = t.excerpt(append(texts[1:], texts[0])) // the title is shown anyway
		return h
	}
	h.Excerpt = t.excerpt([]string{found.Description})
	return h
}
