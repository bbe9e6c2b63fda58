package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// What search reads is in two tables. tree_search has a tree's words as a
// tsvector that the program makes, not PostgreSQL: its parser and its lower()
// depend on the database's locale, and it knows no umlauts, no Chinese and no
// parts of a host's name. tree_words has each word once, for typing errors.

// wordKind says which words of which trees a prefix is for.
type wordKind struct {
	form  tree.Form
	title bool // those of titles and tags alone, which are kept a second time
	share share
}

// wordLetters has a letter for each kind of words. Letters are never used anew: e, q,
// E and Q were those of every 32nd tree.
var wordLetters = map[wordKind]string{
	{tree.DraftForm, false, fewest}: "f", {tree.PublishedForm, false, fewest}: "r",
	{tree.DraftForm, true, fewest}: "F", {tree.PublishedForm, true, fewest}: "R",
	{tree.DraftForm, false, few}: "g", {tree.PublishedForm, false, few}: "s",
	{tree.DraftForm, true, few}: "G", {tree.PublishedForm, true, few}: "S",
	{tree.DraftForm, false, rest}: "d", {tree.PublishedForm, false, rest}: "p",
	{tree.DraftForm, true, rest}: "D", {tree.PublishedForm, true, rest}: "P",
}

// share is a part of all trees. An index cannot hand out the first thousand of a
// million trees: it gathers all of them before. So a word is looked for among the
// fewest first, and in the next share only where that gave no more than MaxRanked/2:
// one look gathers 16,000 trees, or every 256th, where that is more.
type share byte

const (
	fewest share = iota // every 256th tree
	few                 // every 16th, without those
	rest
)

// shares are all of them, in the order in which they are looked into.
var shares = []share{fewest, few, rest}

// shareOf says which share a tree is in. It is for ever, and chance.
func shareOf(id tree.ID) share {
	bytes := id.UUID()
	switch chance := bytes[len(bytes)-1]; {
	case chance == 0:
		return fewest
	case chance%16 == 0:
		return few
	}
	return rest
}

// wordPrefix begins every word of one account and kind, so that a word's place in
// the index is its account's: neither a common word nor the beginning of one costs
// more because other accounts have it too. It is 36 bits of a hash, not an id:
// statements compare the account besides.
func wordPrefix(accountID account.ID, kind wordKind) string {
	accountUUID := accountID.UUID()
	sum := sha256.Sum256(accountUUID[:])
	return base64.RawURLEncoding.EncodeToString(sum[:5])[:6] + wordLetters[kind]
}

// nearPrefix begins every key by which words with a typing error in common are found.
func nearPrefix(accountID account.ID, form tree.Form) string {
	return wordPrefix(accountID, wordKind{form, false, rest})
}

// SearchVector returns the words of a tree as PostgreSQL reads a tsvector, for those who
// load many trees at once.
func SearchVector(words []tree.SearchWord, accountID account.ID, id tree.ID, form tree.Form) string {
	var b strings.Builder
	write := func(prefix string, w *tree.SearchWord) {
		b.WriteByte('\'')
		b.WriteString(prefix)
		b.WriteString(w.Text)
		b.WriteByte('\'')
		for i, at := range w.At {
			b.WriteByte(":,"[min(i, 1)])
			b.WriteString(strconv.Itoa(at.Position))
			b.WriteByte(at.Weight)
		}
		b.WriteByte(' ')
	}
	share := shareOf(id)
	any, title := wordPrefix(accountID, wordKind{form, false, share}), wordPrefix(accountID, wordKind{form, true, share})
	for i := range words {
		write(any, &words[i])
		if words[i].Title {
			write(title, &words[i])
		}
	}
	return b.String()
}

// tsquery returns the terms as PostgreSQL reads a tsquery.
func tsquery(terms tree.SearchTerms, any bool, prefix string) string {
	all := make([]string, len(terms))
	for i, term := range terms {
		ways := make([]string, len(term))
		for j, way := range term {
			lexemes := make([]string, len(way))
			for k, l := range way {
				lexemes[k] = "'" + prefix + l.Text + "'"
				if l.Prefix {
					lexemes[k] += ":*"
				}
			}
			ways[j] = strings.Join(lexemes, " & ")
		}
		all[i] = "(" + strings.Join(ways, " | ") + ")"
	}
	if any {
		return strings.Join(all, " | ")
	}
	return strings.Join(all, " & ")
}

// indexDraft makes a tree's draft known to search, and what else a save changes: the
// status, and the tags, which the latest version shares. It compares with the tree
// as it stands, so it comes before the tree is saved.
func (s treeTx) indexDraft(ctx context.Context, t *tree.Tree) error {
	tags := tree.SearchWords("", "", t.Tags, &tree.Graph{})
	published := s.tx.NewRaw(`
		UPDATE tree_search AS s
		SET status = ?, words = ts_filter(s.words, '{a,c,d}') || ?::tsvector
		FROM trees AS t
		WHERE t.account_id = ? AND t.id = ? AND s.account_id = t.account_id AND s.tree_id = t.id AND s.form = ?
		  AND (t.status <> ? OR t.tags <> ? OR t.published_version IS DISTINCT FROM ?)`,
		t.Status, SearchVector(tags, t.AccountID, t.ID, tree.PublishedForm), t.AccountID, t.ID, tree.PublishedForm,
		t.Status, pgdialect.Array(append([]string{}, t.Tags...)), bun.NullZero(t.PublishedVersion))
	return s.index(ctx, t.AccountID, t.ID, tree.DraftForm, t.Status, tree.SearchWords(t.Title, t.Description, t.Tags, t.Graph), published)
}

// indexVersion makes a version known to search as its tree's latest. Status and
// tags are the tree's; they come when that is saved.
func (s treeTx) indexVersion(ctx context.Context, v *tree.Version) error {
	return s.index(ctx, v.AccountID, v.TreeID, tree.PublishedForm, tree.Published, tree.SearchWords(v.Title, v.Description, nil, v.Graph), s.tx.NewRaw("SELECT"))
}

// index writes the words of one form of a tree, in one statement with another
// one. A tree of another account is not found, and nothing is written.
func (s treeTx) index(ctx context.Context, accountID account.ID, id tree.ID, form tree.Form, status tree.Status, words []tree.SearchWord, with *bun.RawQuery) error {
	var known []string
	for i := range words {
		if words[i].Correctable() {
			known = append(known, words[i].Text)
		}
	}
	slices.Sort(known) // two transactions that add the same words wait for each other in one order
	_, err := s.tx.NewRaw(`
		WITH other AS (?),
		form AS (
			INSERT INTO tree_search AS s (account_id, tree_id, form, status, rules, words)
			SELECT t.account_id, t.id, ?, ?, ?, ?::tsvector FROM trees AS t WHERE t.account_id = ? AND t.id = ?
			ON CONFLICT (account_id, tree_id, form) DO UPDATE
			SET status = excluded.status, rules = excluded.rules, words = excluded.words
			WHERE s.status <> excluded.status OR s.rules <> excluded.rules OR s.words <> excluded.words
		)
		INSERT INTO tree_words AS k (account_id, form, word, near_keys)
		SELECT t.account_id, ?, w, (
			SELECT array_agg(DISTINCT ? || key) FROM (
				SELECT left(w, ?) AS key
				UNION ALL SELECT overlay(left(w, ?) PLACING '' FROM i FOR 1) FROM generate_series(1, least(length(w), ?)) AS i
			) AS keys
		)
		FROM trees AS t CROSS JOIN unnest(?::text[]) AS w
		WHERE t.account_id = ? AND t.id = ?
		  AND NOT EXISTS (SELECT FROM tree_words AS k WHERE k.account_id = t.account_id AND k.form = ? AND k.word = w)
		ON CONFLICT DO NOTHING`,
		with,
		form, status, tree.SearchRules, SearchVector(words, accountID, id, form), accountID, id,
		form, nearPrefix(accountID, form), tree.NearLetters, tree.NearLetters, tree.NearLetters,
		pgdialect.Array(known), accountID, id, form).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("index a tree for search: %w", err)
	}
	return nil
}

// indexMissing makes known to search what it does not know, or knows by older
// rules: the trees that were there before it. Each tree is a transaction.
func (s *Trees) indexMissing(ctx context.Context) error {
	type key struct {
		AccountID account.ID `bun:"account_id"`
		ID        tree.ID    `bun:"id"`
	}
	for after := (key{}); ; {
		const batch = 1000
		var missing []key
		err := s.db.NewRaw(`
			SELECT t.account_id, t.id FROM trees AS t
			WHERE (t.account_id, t.id) > (?::uuid, ?::uuid)
			  AND NOT EXISTS (SELECT FROM tree_search AS s WHERE s.account_id = t.account_id AND s.tree_id = t.id AND s.form = ? AND s.rules = ?)
			ORDER BY t.account_id, t.id
			LIMIT ?`, after.AccountID.UUID(), after.ID.UUID(), tree.DraftForm, tree.SearchRules, batch).
			Scan(ctx, &missing)
		if err != nil {
			return fmt.Errorf("look for trees that search does not know: %w", err)
		}
		for _, k := range missing {
			if err := s.InTx(ctx, func(ctx context.Context, tx tree.Tx) error { return tx.(treeTx).indexAnew(ctx, k.AccountID, k.ID) }); err != nil {
				return err
			}
		}
		if len(missing) < batch {
			return nil
		}
		after = missing[len(missing)-1]
	}
}

// indexAnew makes a tree as it stands known to search. One that is gone is no error.
func (s treeTx) indexAnew(ctx context.Context, accountID account.ID, id tree.ID) error {
	t, err := s.LockTree(ctx, accountID, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.PublishedVersion > 0 {
		_, v, err := s.LatestVersion(ctx, accountID, id)
		if err != nil {
			return err
		}
		words := tree.SearchWords(v.Title, v.Description, t.Tags, v.Graph)
		if err := s.index(ctx, accountID, id, tree.PublishedForm, t.Status, words, s.tx.NewRaw("SELECT")); err != nil {
			return err
		}
	}
	return s.indexDraft(ctx, t)
}
