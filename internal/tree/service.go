package tree

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// Service is what people do with trees and troubleshooting sessions: who may,
// the transaction, the pure rule, and saving.
type Service struct {
	Store Store
	Now   func() time.Time // the one clock that judges
	Hints event.Hinter     // tells every process of what was committed
}

// inTx runs fn in a transaction, and tells every process once it is committed
// that something of this topic changed. All changes that are told to who watches go
// through it.
func (s *Service) inTx(ctx context.Context, accountID account.ID, topic event.Topic, fn func(ctx context.Context, tx Tx) error) error {
	if err := s.Store.InTx(ctx, fn); err != nil {
		return err
	}
	s.Hints.Send(event.Hint{Account: accountID.String(), Topic: topic})
	return nil
}

// inSession is inTx that begins with locking a troubleshooting session.
func (s *Service) inSession(ctx context.Context, accountID account.ID, id SessionID, key string, fn func(ctx context.Context, tx Tx, session *Session, earlier *Request) error) error {
	if err := s.Store.InSession(ctx, accountID, id, key, fn); err != nil {
		return err
	}
	s.Hints.Send(event.Hint{Account: accountID.String(), Topic: event.TreeSessions})
	return nil
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
	switch q.Order.Field {
	case ByUpdate, ByTitle, ByReview, ByUse:
	default:
		return none, fault.Input("orderBy.field", "Trees cannot be ordered by %q. Use UPDATED, TITLE, REVIEW or MOST_USED.", q.Order.Field)
	}
	span, err := q.Page.span(q.Order.String(), q.Order.Field == ByUpdate)
	if err != nil {
		return none, err
	}
	if span.From != nil && !q.Order.takes(span.From.Value) {
		return none, notACursor(q.Page.cursorField())
	}
	today := dayOf(s.Now())
	q.Filter.Today, q.UsedSince = today, today.AddDate(0, 0, -UsedDays)
	form := formFor(actor)
	nothing, err := q.Filter.clean(form)
	if err != nil {
		return none, err
	}
	if nothing {
		if q.Total {
			none.Total = 0
		}
		return none, nil
	}
	return s.Store.Trees(ctx, actor.AccountID, form, q, span)
}

// clean fills in what a filter leaves open, for a reader of that form. It says
// whether the filter lets nothing through: viewers see published trees alone.
func (f *TreeFilter) clean(form Form) (nothing bool, err error) {
	if f.Tag != "" {
		if f.Tag, err = cleanLine("filter.tag", f.Tag, MaxTag); err != nil {
			return false, err
		}
		f.Tag = strings.ToLower(f.Tag)
	}
	switch {
	case form == PublishedForm:
		nothing = len(f.Status) > 0 && !slices.Contains(f.Status, Published)
		f.Status = []Status{Published}
	case len(f.Status) == 0:
		f.Status = []Status{Published, Draft}
	}
	return nothing, nil
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
func (s *Service) changeTree(ctx context.Context, actor account.Actor, id ID, fields TreeFields, change treeChange) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	err := s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		return s.changeLocked(ctx, tx, actor, id, change)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Tree(ctx, actor.AccountID, id, DraftForm, fields)
}

// treeChange changes a locked tree, and says whether there is something to save.
type treeChange func(ctx context.Context, tx Tx, t *Tree) (bool, error)

func (s *Service) changeLocked(ctx context.Context, tx Tx, actor account.Actor, id ID, change treeChange) error {
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
}
