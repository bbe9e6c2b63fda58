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

// Service is what people do with trees and troubleshooting sessions: who may,
// the transaction, the pure rule, and saving.
type Service struct {
	Store Store
	Now   func() time.Time // the one clock that judges
	Hints event.Hinter     // tells every process of what was committed
}

// inTx runs fn in a transaction, and tells every process once it is committed
// that something of this topic changed. All changes go through it.
func (s *Service) inTx(ctx context.Context, accountID account.ID, topic event.Topic, fn func(ctx context.Context, tx Tx) error) error {
	if err := s.Store.InTx(ctx, fn); err != nil {
		return err
	}
	s.Hints.Send(event.Hint{Account: accountID.String(), Topic: topic})
	return nil
}

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
	Graph       *Graph
}

// Publication is what came of publishing.
type Publication struct {
	Tree     *Tree
	Version  int       // the new version's number; 0 where errors kept it from being published
	Problems []Problem // errors first, then warnings
}

// formFor returns the form in which the actor reads trees.
func formFor(actor account.Actor) Form {
	if actor.Role.AtLeast(account.Engineer) {
		return DraftForm
	}
	return PublishedForm
}

// Tree reads one tree. Viewers see published ones in their published form; any
// other is NotFound to them.
func (s *Service) Tree(ctx context.Context, actor account.Actor, id ID, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	return s.Store.Tree(ctx, actor.AccountID, id, formFor(actor), fields)
}

// Trees reads a page of trees. Viewers see published ones in their published
// form; with other statuses in their filter the page is empty. A cursor of
// another list or order, and a page that is too long, are BadUserInput.
func (s *Service) Trees(ctx context.Context, actor account.Actor, q TreeQuery) (Connection[*Tree], error) {
	none := Connection[*Tree]{Total: -1}
	if err := actor.Require(account.Viewer); err != nil {
		return none, err
	}
	q.Order = q.Order.normal()
	if q.Order.Field != ByUpdate && q.Order.Field != ByTitle {
		return none, fault.Input("orderBy.field", "Trees cannot be ordered by %q. Use UPDATED or TITLE.", q.Order.Field)
	}
	span, err := q.Page.span(q.Order.String(), q.Order.Field == ByUpdate)
	if err != nil {
		return none, err
	}
	if q.Filter.Tag != "" {
		if q.Filter.Tag, err = cleanLine("filter.tag", q.Filter.Tag, MaxTag); err != nil {
			return none, err
		}
		q.Filter.Tag = strings.ToLower(q.Filter.Tag)
	}
	form := formFor(actor)
	switch {
	case form == PublishedForm && len(q.Filter.Status) > 0 && !slices.Contains(q.Filter.Status, Published):
		if q.Total {
			none.Total = 0
		}
		return none, nil
	case form == PublishedForm:
		q.Filter.Status = []Status{Published}
	case len(q.Filter.Status) == 0:
		q.Filter.Status = []Status{Published, Draft}
	}
	return s.Store.Trees(ctx, actor.AccountID, form, q, span)
}

// Version reads one version of a tree with its graph. Engineers and above may;
// to viewers it is NotFound, for they read the latest one by Tree.
func (s *Service) Version(ctx context.Context, actor account.Actor, id ID, number int) (*Version, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	if formFor(actor) != DraftForm {
		return nil, fault.Missing("tree version")
	}
	return s.Store.Version(ctx, actor.AccountID, id, number)
}

// Categories reads the account's categories in their order.
func (s *Service) Categories(ctx context.Context, actor account.Actor) ([]Category, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	return s.Store.Categories(ctx, actor.AccountID)
}

// CreateCategory adds a category behind the others. Engineers and above may. A
// name that is taken, case aside, is a Conflict.
func (s *Service) CreateCategory(ctx context.Context, actor account.Actor, name string) (Category, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Category{}, err
	}
	name, err := requireLine("input.name", name, MaxCategory)
	if err != nil {
		return Category{}, err
	}
	c := Category{AccountID: actor.AccountID, ID: id.New[categoryKind](), Name: name}
	err = s.Store.InsertCategory(ctx, &c)
	return c, err
}

// CreateTree makes a tree with a draft. Engineers and above may. The draft may
// have problems that a person can mend later.
func (s *Service) CreateTree(ctx context.Context, actor account.Actor, in NewTree, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	t := &Tree{
		AccountID: actor.AccountID,
		ID:        id.New[treeKind](),
		Status:    Draft,
		Author:    account.User{AccountID: actor.AccountID, ID: actor.UserID},
		Owner:     account.User{AccountID: actor.AccountID, ID: actor.UserID},
		Graph:     &Graph{},
	}
	change := TreeChange{Title: &in.Title, Description: &in.Description, Category: &in.Category, Tags: &in.Tags, ReviewBy: &in.ReviewBy, Graph: &in.Graph}
	if err := t.update(change); err != nil {
		return nil, err
	}
	t.CreatedAt = s.Now()
	t.saved(actor, t.CreatedAt)
	err := s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error { return tx.InsertTree(ctx, t) })
	if err != nil {
		return nil, err
	}
	return s.Store.Tree(ctx, actor.AccountID, t.ID, DraftForm, fields)
}

// UpdateTree changes a tree. Engineers and above may. Another revision than the
// expected one is a Conflict that carries revision, savedBy and savedAt. The
// draft may have problems that a person can mend later.
func (s *Service) UpdateTree(ctx context.Context, actor account.Actor, id ID, expectedRevision int, change TreeChange, fields TreeFields) (*Tree, error) {
	return s.changeTree(ctx, actor, id, fields, func(_ context.Context, _ Tx, t *Tree) (bool, error) {
		if err := t.expect(expectedRevision); err != nil {
			return false, err
		}
		return true, t.update(change)
	})
}

// PublishTree freezes the draft as the tree's next version. Engineers and above
// may. A draft with errors is not published: the problems say why, and nothing
// changes. Publishing an archived tree brings it back into use. Another
// revision than the expected one is a Conflict as with UpdateTree.
func (s *Service) PublishTree(ctx context.Context, actor account.Actor, id ID, expectedRevision int, changeNote string, fields TreeFields) (Publication, error) {
	changeNote, err := cleanText("input.changeNote", changeNote, MaxChangeNote)
	if err != nil {
		return Publication{}, err
	}
	var done Publication
	done.Tree, err = s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		if err := t.expect(expectedRevision); err != nil {
			return false, err
		}
		if done.Problems = Check(t.Title, *t.Graph); HasErrors(done.Problems) {
			return false, nil
		}
		t.PublishedVersion++
		t.Status = Published
		done.Version = t.PublishedVersion
		return true, tx.InsertVersion(ctx, &Version{
			AccountID:   t.AccountID,
			TreeID:      t.ID,
			Number:      t.PublishedVersion,
			Title:       t.Title,
			Description: t.Description,
			NodeCount:   len(t.Graph.Nodes),
			Graph:       t.Graph,
			PublishedBy: account.User{AccountID: actor.AccountID, ID: actor.UserID},
			PublishedAt: s.Now(),
			ChangeNote:  changeNote,
		})
	})
	if err != nil {
		return Publication{}, err
	}
	return done, nil
}

// ArchiveTree takes a tree out of use: it cannot be started any more, and its
// history stays. Engineers and above may. Publishing brings it back. Archiving
// twice is no error.
func (s *Service) ArchiveTree(ctx context.Context, actor account.Actor, id ID, fields TreeFields) (*Tree, error) {
	return s.changeTree(ctx, actor, id, fields, func(_ context.Context, _ Tx, t *Tree) (bool, error) {
		changed := t.Status != Archived
		t.Status = Archived
		return changed, nil
	})
}

// DeleteTree removes a tree and its versions. Admins and owners may. Once a
// session used it, that is a Conflict: archive it instead.
func (s *Service) DeleteTree(ctx context.Context, actor account.Actor, id ID) error {
	if err := actor.Require(account.Admin); err != nil {
		return err
	}
	return s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		if _, err := tx.LockTree(ctx, actor.AccountID, id); err != nil {
			return err
		}
		return tx.DeleteTree(ctx, actor.AccountID, id)
	})
}

// ValidateTree finds the problems of a tree that need not be saved, errors
// first. Engineers and above may.
func (s *Service) ValidateTree(actor account.Actor, title string, g Graph) ([]Problem, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	return Check(title, g), nil
}

// FileFormat is a format in which trees are imported.
type FileFormat string

// The formats of files.
const (
	MarkdownFile FileFormat = "MARKDOWN" // an outline; see ParseMarkdown
	JSONFile     FileFormat = "JSON"     // the project's own; see ParseJSON
)

// FileFormats lists the formats in which trees are imported.
func FileFormats() []FileFormat { return []FileFormat{MarkdownFile, JSONFile} }

// Imported is what came of an import.
type Imported struct {
	Tree     *Tree     // nil where the file has errors: then nothing changed
	Problems []Problem // errors first, then warnings, each with line and column
}

// ImportTree makes a tree with a draft from a file. Engineers and above may.
func (s *Service) ImportTree(ctx context.Context, actor account.Actor, format FileFormat, content string, fields TreeFields) (Imported, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Imported{}, err
	}
	file, problems, err := ParseFile(format, content)
	if err != nil || HasErrors(problems) {
		return Imported{Problems: problems}, err
	}
	t, err := s.CreateTree(ctx, actor, NewTree{Title: file.Title, Description: file.Description, Tags: file.Tags, Graph: file.Graph}, fields)
	if err != nil {
		return Imported{}, err
	}
	return Imported{Tree: t, Problems: problems}, nil
}

// changeTree locks a tree, lets change change it, saves it if change says so,
// and reads it anew with the fields asked for.
func (s *Service) changeTree(ctx context.Context, actor account.Actor, id ID, fields TreeFields, change func(ctx context.Context, tx Tx, t *Tree) (bool, error)) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	err := s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		t, err := tx.LockTree(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		changed, err := change(ctx, tx, t)
		if err != nil || !changed {
			return err
		}
		t.saved(actor, s.Now())
		return tx.SaveTree(ctx, t)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Tree(ctx, actor.AccountID, id, DraftForm, fields)
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
	t.SavedBy = account.User{AccountID: actor.AccountID, ID: actor.UserID}
	if now.After(t.UpdatedAt) {
		t.UpdatedAt = now
	}
}

// update changes what the change names. Texts that break their bounds are
// BadUserInput, as is a graph that cannot be kept.
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
		if at := c.ReviewBy.UTC(); !c.ReviewBy.IsZero() {
			t.ReviewBy = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		}
	}
	if c.Graph != nil {
		if err := c.Graph.storable("input.graph"); err != nil {
			return err
		}
		t.Graph, t.NodeCount = c.Graph, len(c.Graph.Nodes)
	}
	return nil
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
