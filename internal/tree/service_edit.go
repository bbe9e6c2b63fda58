package tree

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// NewTree is a tree to be made.
type NewTree struct {
	Title       string
	Description string
	Category    CategoryID // zero for none
	Tags        []string
	ReviewBy    time.Time // its day in UTC counts; zero for none
	Graph       Graph     // may have problems; may be empty
}

// TreeChange is what to change in a tree. A nil field stays as it is.
type TreeChange struct {
	Title       *string
	Description *string
	Category    *CategoryID // the zero id takes it off its shelf
	Tags        *[]string
	ReviewBy    *time.Time // the zero time removes it
	Owner       *account.UserID
	Graph       *Graph
}

// CreateTree makes a tree with a draft. Engineers and above may. The draft may
// have problems that a person can mend later.
func (s *Service) CreateTree(ctx context.Context, actor account.Actor, in NewTree, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	t, err := s.newTree(actor, in)
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error { return tx.InsertTree(ctx, t) })
	if err != nil {
		return nil, err
	}
	return s.Store.Tree(ctx, actor.AccountID, t.ID, DraftForm, fields)
}

// newTree returns a tree of the actor's that is not kept yet.
func (s *Service) newTree(actor account.Actor, in NewTree) (*Tree, error) {
	t := &Tree{
		AccountID: actor.AccountID,
		ID:        id.New[treeKind](),
		Status:    Draft,
		Author:    &account.User{AccountID: actor.AccountID, ID: actor.UserID},
		Owner:     &account.User{AccountID: actor.AccountID, ID: actor.UserID},
		Graph:     &Graph{},
	}
	change := TreeChange{Title: &in.Title, Description: &in.Description, Category: &in.Category, Tags: &in.Tags, ReviewBy: &in.ReviewBy, Graph: &in.Graph}
	if err := t.update(change); err != nil {
		return nil, err
	}
	t.CreatedAt = s.Now()
	t.saved(actor, t.CreatedAt)
	return t, nil
}

// UpdateTree changes a tree. Engineers and above may. Another revision than the
// expected one is a Conflict that carries revision, savedBy and savedAt. The
// draft may have problems that a person can mend later. An owner who is not of
// the account is NotFound; one who may not write trees is BadUserInput.
func (s *Service) UpdateTree(ctx context.Context, actor account.Actor, id ID, expectedRevision int, change TreeChange, fields TreeFields) (*Tree, error) {
	return s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		if err := t.expect(expectedRevision); err != nil {
			return false, err
		}
		if err := t.update(change); err != nil {
			return false, err
		}
		if change.Owner == nil || *change.Owner == t.Owner.ID {
			return true, nil
		}
		return true, s.giveAway(ctx, tx, actor, t, *change.Owner)
	})
}

// giveAway makes somebody else the tree's owner.
func (s *Service) giveAway(ctx context.Context, tx Tx, actor account.Actor, t *Tree, to account.UserID) error {
	owner, err := tx.Colleague(ctx, actor.AccountID, to)
	switch {
	case err != nil:
		return err
	case !owner.DisabledAt.IsZero():
		return fault.Input("input.ownerId", "%s is disabled. Choose somebody else.", owner.Name)
	case !owner.Role.AtLeast(account.Engineer):
		return fault.Input("input.ownerId", "%s is a viewer and cannot write trees. Choose somebody else.", owner.Name)
	}
	e := s.audit(actor, account.TreeOwnerChanged, t)
	e.SubjectID = owner.ID
	t.Owner = &owner
	return tx.AddAudit(ctx, e)
}

// RestoreVersion makes a version's title, description and graph the draft again;
// its subtrees are pinned anew when it is published. Engineers and above may.
// Another revision than the expected one is a Conflict as with UpdateTree.
func (s *Service) RestoreVersion(ctx context.Context, actor account.Actor, id ID, expectedRevision, number int, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	v, err := s.Store.Version(ctx, actor.AccountID, DraftForm, id, number, VersionGraph)
	if err != nil {
		return nil, err
	}
	return s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		if err := t.expect(expectedRevision); err != nil {
			return false, err
		}
		t.Title, t.Description = v.Title, v.Description
		t.Graph, t.NodeCount = v.Graph.pinnedTo(nil), len(v.Graph.Nodes)
		e := s.audit(actor, account.TreeVersionRestored, t)
		e.Details["version"] = number
		return true, tx.AddAudit(ctx, e)
	})
}

// DuplicateTree makes a tree with that title from another one's draft, or from
// the version with that number where there is one. Category and tags go with it;
// the history, the owner and the review date do not. Engineers and above may.
func (s *Service) DuplicateTree(ctx context.Context, actor account.Actor, id ID, number *int, title string, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	from, err := s.Store.Tree(ctx, actor.AccountID, id, DraftForm, TreeDescription|TreeTags|TreeCategory|TreeGraph)
	if err != nil {
		return nil, err
	}
	if number != nil {
		v, err := s.Store.Version(ctx, actor.AccountID, DraftForm, id, *number, VersionGraph)
		if err != nil {
			return nil, err
		}
		from.Description, from.Graph = v.Description, v.Graph
	}
	return s.CreateTree(ctx, actor, NewTree{Title: title, Description: from.Description, Category: from.Category.ID, Tags: from.Tags, Graph: *from.Graph}, fields)
}

// ArchiveTree takes a tree out of use: it cannot be started any more, and its
// history stays. Versions of other trees that lead through it still do; they
// cannot be published anew. Engineers and above may. Archiving twice is no error.
func (s *Service) ArchiveTree(ctx context.Context, actor account.Actor, id ID, fields TreeFields) (*Tree, error) {
	return s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		if t.Status == Archived {
			return false, nil
		}
		t.Status = Archived
		return true, tx.AddAudit(ctx, s.audit(actor, account.TreeArchived, t))
	})
}

// UnarchiveTree takes a tree back into use as it was: its latest version can be
// started again, and one that was never published is a draft. Engineers and above
// may. A tree that is not archived stays as it is.
func (s *Service) UnarchiveTree(ctx context.Context, actor account.Actor, id ID, fields TreeFields) (*Tree, error) {
	return s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		if t.Status != Archived {
			return false, nil
		}
		t.Status = Draft
		if t.PublishedVersion > 0 {
			t.Status = Published
		}
		return true, tx.AddAudit(ctx, s.audit(actor, account.TreeUnarchived, t))
	})
}

// DeleteTree removes a tree and its versions. Admins and owners may. Once a
// session used it, or a version of another tree leads through it, that is a
// Conflict: archive it instead.
func (s *Service) DeleteTree(ctx context.Context, actor account.Actor, id ID) error {
	if err := actor.Require(account.Admin); err != nil {
		return err
	}
	return s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		t, err := tx.LockTree(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteTree(ctx, actor.AccountID, id); err != nil {
			return err
		}
		return tx.AddAudit(ctx, s.audit(actor, account.TreeDeleted, t))
	})
}

// audit begins an entry of the audit log about a tree.
func (s *Service) audit(actor account.Actor, action account.AuditAction, t *Tree) account.AuditEntry {
	return account.AuditEntry{
		AccountID: actor.AccountID, ID: account.NewAuditID(), At: s.Now(), Action: action, ActorID: actor.UserID,
		Details: map[string]any{"tree": t.ID.String(), "title": t.Title},
	}
}

// expect returns a Conflict unless the tree has that revision.
func (t *Tree) expect(revision int) error {
	if t.Revision == revision {
		return nil
	}
	conflict := fault.New(fault.Conflict, "%s changed this tree in between. Look at what changed, then try again.", t.SavedBy.Name)
	if revision > t.Revision {
		conflict = fault.New(fault.Conflict, "This tree is at revision %d, not %d. Read it again, then try again.", t.Revision, revision)
	}
	return conflict.
		With("revision", t.Revision).
		With("savedBy", t.SavedBy.Name).
		With("savedAt", t.UpdatedAt.UTC().Format(time.RFC3339Nano))
}

// saved counts a change. The tree's times never run backwards.
func (t *Tree) saved(actor account.Actor, now time.Time) {
	t.Revision++
	t.SavedBy = &account.User{AccountID: actor.AccountID, ID: actor.UserID}
	if now.After(t.UpdatedAt) {
		t.UpdatedAt = now
	}
}

// update changes what the change names, but for the owner. Texts that break their
// bounds are BadUserInput, as is a graph that cannot be kept.
func (t *Tree) update(c TreeChange) error {
	var err error
	if c.Title != nil {
		if t.Title, err = requireLine("input.title", *c.Title, MaxTitle); err != nil {
			return err
		}
	}
	if c.Description != nil {
		if t.Description, err = cleanText("input.description", *c.Description, MaxDescription); err != nil {
			return err
		}
	}
	if c.Category != nil {
		t.Category = Category{AccountID: t.AccountID, ID: *c.Category}
	}
	if c.Tags != nil {
		if t.Tags, err = cleanTags("input.tags", *c.Tags); err != nil {
			return err
		}
	}
	if c.ReviewBy != nil {
		t.ReviewBy = time.Time{}
		if !c.ReviewBy.IsZero() {
			t.ReviewBy = dayOf(*c.ReviewBy)
		}
	}
	if c.Graph != nil {
		if err := c.Graph.storable("input.graph"); err != nil {
			return err
		}
		t.Graph, t.NodeCount = c.Graph.pinnedTo(nil), len(c.Graph.Nodes)
	}
	return nil
}

// dayOf returns the day of a time in UTC.
func dayOf(at time.Time) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

// cleanTags returns tags in lower case, each once, in their order.
func cleanTags(field string, tags []string) ([]string, error) {
	clean := make([]string, 0, len(tags))
	for _, tag := range tags {
		tag, err := requireLine(field, tag, MaxTag)
		if err != nil {
			return nil, err
		}
		if tag = strings.ToLower(tag); !slices.Contains(clean, tag) {
			clean = append(clean, tag)
		}
		if len(clean) > MaxTags {
			return nil, fault.Input(field, "A tree has at most %d tags. Remove some.", MaxTags)
		}
	}
	return clean, nil
}
