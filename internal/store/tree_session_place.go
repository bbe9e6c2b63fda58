package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// placeJSON is a place of a walk as it is kept.
type placeJSON struct {
	Tree    *tree.ID     `json:"tree,omitempty"` // nil outside any tree
	Version int          `json:"version,omitempty"`
	Title   string       `json:"title,omitempty"`
	Node    tree.NodeID  `json:"node,omitempty"`
	Why     tree.Arrival `json:"why"`
}

func newPlaces(places []tree.Place) []placeJSON {
	out := make([]placeJSON, len(places))
	for i, p := range places {
		out[i] = placeJSON{Version: p.Version, Title: p.Title, Node: p.NodeID, Why: p.Why}
		if !p.TreeID.IsZero() {
			out[i].Tree = &p.TreeID
		}
	}
	return out
}

func places(in []placeJSON) []tree.Place {
	if len(in) == 0 {
		return nil
	}
	out := make([]tree.Place, len(in))
	for i, p := range in {
		out[i] = tree.Place{Version: p.Version, Title: p.Title, NodeID: p.Node, Why: p.Why}
		if p.Tree != nil {
			out[i].TreeID = *p.Tree
		}
	}
	return out
}

// valueJSON is a value as it is kept.
type valueJSON struct {
	Name      string         `json:"name"`
	Label     string         `json:"label"`
	Type      tree.FieldType `json:"type"`
	Text      string         `json:"text"`
	Sensitive bool           `json:"sensitive,omitempty"`
}

func newValues(values []tree.Value) []valueJSON {
	out := make([]valueJSON, len(values))
	for i, v := range values {
		out[i] = valueJSON(v)
	}
	return out
}

func values(in []valueJSON) []tree.Value {
	if len(in) == 0 {
		return nil
	}
	out := make([]tree.Value, len(in))
	for i, v := range in {
		out[i] = tree.Value(v)
	}
	return out
}

// linkJSON is a node's link as it is kept.
type linkJSON struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

func newLinks(links []tree.Link) []linkJSON {
	out := make([]linkJSON, len(links))
	for i, l := range links {
		out[i] = linkJSON(l)
	}
	return out
}

func links(in []linkJSON) []tree.Link {
	if len(in) == 0 {
		return nil
	}
	out := make([]tree.Link, len(in))
	for i, l := range in {
		out[i] = tree.Link(l)
	}
	return out
}

// stepDetails is what entries of some kinds have and others do not.
type stepDetails struct {
	Values  []valueJSON     `json:"values,omitempty"`
	Cleared []string        `json:"cleared,omitempty"`
	Facts   json.RawMessage `json:"clientFacts,omitempty"`
	Places  []placeJSON     `json:"places,omitempty"`
	Links   []linkJSON      `json:"links,omitempty"`
	// Internal marks what was written down for colleagues alone.
	Internal bool `json:"internal,omitempty"`
}

// asJSON writes a list of ours as JSON, which cannot fail.
func asJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("store: write %T as JSON: %w", v, err))
	}
	return text
}

// read parses a column of JSON that may not have been asked for.
func read[T any](text json.RawMessage) (v T, err error) {
	if text == nil {
		return v, nil
	}
	err = json.Unmarshal(text, &v)
	return v, err
}

// WalkedVersions reads a version with its graph, and all versions that its
// subtrees lead to, in one statement.
func (s treeTx) WalkedVersions(ctx context.Context, accountID account.ID, ref tree.VersionRef) (tree.Versions, error) {
	var rows []readTreeVersion
	pinned := s.tx.NewSelect().
		TableExpr("tree_version_pins AS p").
		ColumnExpr("p.pinned_tree_id, p.pinned_number").
		Where("p.account_id = ?", accountID).
		Where("p.tree_id = ?", ref.TreeID).
		Where("p.number = ?", ref.Number)
	err := s.tx.NewSelect().
		Model(&rows).
		ColumnExpr("v.account_id, v.tree_id, v.number, v.title, v.published_at, v.graph").
		Where("v.account_id = ?", accountID).
		Where("((v.tree_id = ? AND v.number = ?) OR (v.tree_id, v.number) IN (?))", ref.TreeID, ref.Number, pinned).
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read version %d of tree %s and its subtrees: %w", ref.Number, ref.TreeID, err)
	}
	versions := make(tree.Versions, len(rows))
	for i := range rows {
		v, err := rows[i].version()
		if err != nil {
			return nil, err
		}
		versions[tree.VersionRef{TreeID: v.TreeID, Number: v.Number}] = s.remember(v, len(rows[i].Graph))
	}
	return versions, nil
}

// remember keeps what a walk needs of a version, for the next step.
func (s treeTx) remember(v *tree.Version, bytes int) *tree.Version {
	walked := &tree.Version{AccountID: v.AccountID, TreeID: v.TreeID, Number: v.Number, Title: v.Title, Graph: v.Graph}
	s.versions.put(keyOf(v.AccountID, tree.VersionRef{TreeID: v.TreeID, Number: v.Number}, v.PublishedAt), walked, bytes)
	return walked
}

// Colleague reads a user and keeps others from changing them.
func (s treeTx) Colleague(ctx context.Context, accountID account.ID, id account.UserID) (account.User, error) {
	row := new(userRow)
	err := s.tx.NewSelect().
		Model(row).
		Column(userColumns...).
		Where("u.account_id = ?", accountID).
		Where("u.id = ?", id).
		For("SHARE").
		Scan(ctx)
	if err != nil {
		return account.User{}, pgFault(err, "user")
	}
	return row.user(), nil
}

// SaveSession writes what a locked troubleshooting session is for, the facts and
// the title in which that may be shown, and what is suggested beside it.
func (s treeTx) SaveSession(ctx context.Context, session *tree.Session) error {
	row := newTreeSessionRow(session)
	row.SubjectWords = subjectVector(session)
	_, err := s.tx.NewUpdate().
		Model(row).
		Column("ticket", "client_id", "client_name", "client_key", "client_facts", "subject", "subject_words", "current_title", "suggestions", "suggestion_count", "people").
		Where("s.account_id = ?", session.AccountID).
		Where("s.id = ?", session.ID).
		Exec(ctx)
	return pgFault(err, "troubleshooting session")
}

// began returns the one place of a session that stands in the tree it began with.
func (r *readTreeSession) began(node tree.NodeID) []tree.Place {
	return []tree.Place{{TreeID: r.TreeID, Version: r.TreeVersion, Title: r.VersionTitle, NodeID: node, Why: tree.Began}}
}

// ordinary says whether places need not be kept, because they are what
// readTreeSession.began returns.
func ordinary(s *tree.Session, places []tree.Place) bool {
	return len(places) == 1 && places[0].TreeID == s.TreeID && places[0].Why == tree.Began
}

// given returns what a session was started with.
func (r *readTreeSession) given() ([]tree.Value, error) {
	start, err := read[[]valueJSON](r.StartValues)
	if err != nil {
		return nil, fmt.Errorf("read what tree session %s was started with: %w", r.ID, err)
	}
	return values(start), nil
}

// startOf returns where a session whose log is read began.
func (r *readTreeSession) startOf(log []tree.Entry) ([]tree.Place, error) {
	start, err := read[[]placeJSON](r.StartPlaces)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read where tree session %s began: %w", r.ID, err)
	case len(start) > 0:
		return places(start), nil
	}
	// Before the first entry it stood at the root, and a session without entries still does.
	root := r.CurrentNodeID
	if len(log) > 0 {
		root = log[0].NodeID
	}
	return r.began(root), nil
}
