package tree

import (
	"context"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
)

// Publication is what came of publishing.
type Publication struct {
	Tree     *Tree
	Version  int       // the new version's number; 0 where errors kept it from being published
	Problems []Problem // errors first, then warnings
}

// PublishTree freezes the draft as the tree's next version, with its subtrees
// pinned to the newest versions of their trees. Engineers and above may. A draft
// with errors is not published: the problems say why, and nothing changes.
// Publishing an archived tree brings it back into use. Another revision than the
// expected one is a Conflict as with UpdateTree.
//
// One tree of an account is published at a time, so that of two people who close
// a circle the second one sees it. The trees that it leads through are locked, so
// that they stay as they were read.
func (s *Service) PublishTree(ctx context.Context, actor account.Actor, id ID, expectedRevision int, changeNote string, fields TreeFields) (Publication, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Publication{}, err
	}
	changeNote, err := cleanText("input.changeNote", changeNote, MaxChangeNote)
	if err != nil {
		return Publication{}, err
	}
	var done Publication
	freeze := func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		done.Version = 0
		if err := t.expect(expectedRevision); err != nil {
			return false, err
		}
		subtrees, err := readSubtrees(t.ID, t.Graph, func(ids []ID) (Subtrees, error) { return tx.LockSubtrees(ctx, t.AccountID, ids) })
		if err != nil {
			return false, err
		}
		if done.Problems = subtrees.problems(t.ID, t.Title, t.Graph); HasErrors(done.Problems) {
			return false, nil
		}
		t.PublishedVersion++
		t.Status = Published
		done.Version = t.PublishedVersion
		pins, _ := subtrees.reach(t.Graph)
		err = tx.InsertVersion(ctx, &Version{
			AccountID:   t.AccountID,
			TreeID:      t.ID,
			Number:      t.PublishedVersion,
			Title:       t.Title,
			Description: t.Description,
			NodeCount:   len(t.Graph.Nodes),
			Graph:       t.Graph.pinnedTo(subtrees.Newest),
			PublishedBy: account.User{AccountID: actor.AccountID, ID: actor.UserID},
			PublishedAt: s.Now(),
			ChangeNote:  changeNote,
		}, pins)
		if err != nil {
			return false, err
		}
		e := s.audit(actor, account.TreePublished, t)
		e.Details["version"] = t.PublishedVersion
		return true, tx.AddAudit(ctx, e)
	}
	err = s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		if err := tx.LockPublishing(ctx, actor.AccountID); err != nil {
			return err
		}
		return s.changeLocked(ctx, tx, actor, id, freeze)
	})
	if err != nil {
		return Publication{}, err
	}
	done.Tree, err = s.Store.Tree(ctx, actor.AccountID, id, DraftForm, fields)
	return done, err
}

// ValidateTree finds the problems that publishing would find of a tree that need
// not be saved, errors first. The id is zero while it has none. Engineers and
// above may.
func (s *Service) ValidateTree(ctx context.Context, actor account.Actor, id ID, title string, g Graph) ([]Problem, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	subtrees, err := readSubtrees(id, &g, func(ids []ID) (Subtrees, error) { return s.Store.Subtrees(ctx, actor.AccountID, ids) })
	if err != nil {
		return nil, err
	}
	return subtrees.problems(id, title, &g), nil
}

// readSubtrees reads what a graph leads through, if anything. The tree itself is
// left out: that it leads through itself needs no reading.
func readSubtrees(id ID, g *Graph, read func(ids []ID) (Subtrees, error)) (Subtrees, error) {
	if len(g.Nodes) > MaxNodes {
		return Subtrees{}, nil // nothing else is looked at
	}
	var ids []ID
	for _, tree := range g.subtrees() {
		if tree != id {
			ids = append(ids, tree)
		}
	}
	switch {
	case len(ids) == 0:
		return Subtrees{}, nil
	case len(ids) > MaxSubtrees:
		return Subtrees{More: true}, nil
	}
	return read(ids)
}

// Version reads one version of a tree. Viewers read the latest one of a published
// tree alone; any other is NotFound to them.
func (s *Service) Version(ctx context.Context, actor account.Actor, id ID, number int, fields VersionFields) (*Version, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	return s.Store.Version(ctx, actor.AccountID, formFor(actor), id, number, fields)
}

// Versions reads a page of a tree's versions, the latest first. Viewers find the
// latest one of a published tree alone; a tree that does not exist has none.
// Cursors and pages are as with Trees.
func (s *Service) Versions(ctx context.Context, actor account.Actor, q VersionQuery) (Connection[*Version], error) {
	none := Connection[*Version]{Total: -1}
	if err := actor.Require(account.Viewer); err != nil {
		return none, err
	}
	span, err := q.Page.span(VersionOrder, false)
	if err != nil {
		return none, err
	}
	// A version's number is read as a count is.
	if span.From != nil && !(TreeOrder{Field: ByUse}).takes(span.From.Value) {
		return none, notACursor(q.Page.cursorField())
	}
	return s.Store.Versions(ctx, actor.AccountID, formFor(actor), q, span)
}
