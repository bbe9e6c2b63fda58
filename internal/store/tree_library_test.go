package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// through is a tree that leads through others, one after the other.
func through(others ...tree.ID) tree.Graph {
	g := tree.Graph{Root: "n0", Nodes: []tree.Node{{ID: "end", Kind: tree.Solution, Title: "Done", Text: "It works.", Outcome: tree.Resolved}}}
	for i, other := range others {
		n := tree.Node{ID: tree.NodeID(fmt.Sprint("n", i)), Kind: tree.Subtree, Title: fmt.Sprint("Other tree ", i), Tree: other, Next: "end"}
		if i+1 < len(others) {
			n.Next = tree.NodeID(fmt.Sprint("n", i+1))
		}
		g.Nodes = append(g.Nodes, n)
	}
	if len(others) == 0 {
		g.Root = "end"
	}
	return g
}

// rewrite saves a graph as a tree's draft and returns the new revision.
func (b *treeBundle) rewrite(t *testing.T, id tree.ID, g tree.Graph) int {
	t.Helper()
	now, err := b.service.Tree(t.Context(), b.acme.Engineer, id, tree.TreeRevision)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, id, now.Revision, tree.TreeChange{Graph: &g}, tree.TreeRevision)
	if err != nil {
		t.Fatal(err)
	}
	return saved.Revision
}

// republish publishes a graph as a tree's next version and returns what came of it.
func (b *treeBundle) republish(t *testing.T, id tree.ID, g tree.Graph) tree.Publication {
	t.Helper()
	done, err := b.service.PublishTree(t.Context(), b.acme.Engineer, id, b.rewrite(t, id, g), "", tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func codes(problems []tree.Problem) []tree.ProblemCode {
	var list []tree.ProblemCode
	for _, p := range problems {
		list = append(list, p.Code)
	}
	return list
}

// audited returns the tree actions in the account's audit log, the oldest first.
func (b *treeBundle) audited(t *testing.T) []string {
	t.Helper()
	var lines []string
	err := b.db.NewRaw(`SELECT al.action || ' ' || (al.details->>'title') || ' ' || coalesce(al.details->>'version', '-') || ' by ' || u.name
		FROM audit_log AS al JOIN users AS u ON u.account_id = al.account_id AND u.id = al.actor_id
		WHERE al.account_id = ? AND al.action LIKE 'TREE%' ORDER BY al.id`, b.acme.Account).Scan(t.Context(), &lines)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestTreeVersions_HistoryIsListedAndRead(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	published := b.publish(t, b.acme.Engineer, "first")
	for i := 2; i <= 5; i++ {
		b.now.Store(int64(i))
		title := fmt.Sprint("version ", i)
		saved, err := b.service.UpdateTree(ctx, b.acme.Colleague, published.ID, 2*i-2, tree.TreeChange{Title: &title}, tree.TreeRevision)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.service.PublishTree(ctx, b.acme.Colleague, published.ID, saved.Revision, fmt.Sprint("note ", i), 0); err != nil {
			t.Fatal(err)
		}
	}
	two := 2
	var got []string
	page := tree.Page{First: &two}
	for more := true; more; {
		list, err := b.service.Versions(ctx, b.acme.Engineer, tree.VersionQuery{Tree: published.ID, Page: page, Fields: tree.VersionPublisher, Total: true})
		if err != nil || list.Total != 5 {
			t.Fatal(list, err)
		}
		for _, e := range list.Edges {
			v := e.Node
			got = append(got, fmt.Sprintf("%d %s %q %s %d", v.Number, v.Title, v.ChangeNote, v.PublishedBy.Name, v.NodeCount))
			if v.Graph != nil {
				t.Error("a graph that nobody asked for was read")
			}
		}
		page.After, more = list.Edges[len(list.Edges)-1].Cursor, list.HasNextPage
	}
	want := []string{`5 version 5 "note 5" carl 5`, `4 version 4 "note 4" carl 5`, `3 version 3 "note 3" carl 5`, `2 version 2 "note 2" carl 5`, `1 first "" emil 5`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	list, err := b.service.Versions(ctx, b.acme.Viewer, tree.VersionQuery{Tree: published.ID, Total: true})
	if err != nil || list.Total != 1 || len(list.Edges) != 1 || list.Edges[0].Node.Number != 5 {
		t.Errorf("a viewer lists %+v, %v", list, err)
	}
	if v, err := b.service.Version(ctx, b.acme.Viewer, published.ID, 5, tree.AllVersionFields); err != nil || v.Title != "version 5" || len(v.Graph.Nodes) != 5 {
		t.Errorf("a viewer reads %+v, %v", v, err)
	}
	for _, number := range []int{-1, 0, 4, 6, 1 << 40} {
		_, err := b.service.Version(ctx, b.acme.Viewer, published.ID, number, 0)
		wantFaultNamed(t, fmt.Sprint("a viewer's version ", number), err, fault.NotFound)
	}
	if list, err = b.service.Versions(ctx, b.rival.Owner, tree.VersionQuery{Tree: published.ID, Total: true}); err != nil || list.Total != 0 || len(list.Edges) != 0 {
		t.Errorf("a stranger lists %+v, %v", list, err)
	}
	cursor := tree.Cursor{Order: tree.VersionOrder, Value: "x", ID: published.ID.UUID()}
	_, err = b.service.Versions(ctx, b.acme.Engineer, tree.VersionQuery{Tree: published.ID, Page: tree.Page{After: cursor.String()}})
	wantFaultNamed(t, "a forged cursor", err, fault.BadUserInput)
	if _, err := b.service.ArchiveTree(ctx, b.acme.Engineer, published.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err = b.service.Version(ctx, b.acme.Viewer, published.ID, 5, 0)
	wantFaultNamed(t, "an archived tree's version for a viewer", err, fault.NotFound)
}

func TestTreeVersions_RestoreAndDuplicate(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	other := b.publish(t, b.acme.Engineer, "other")
	first := b.publish(t, b.acme.Engineer, "first")
	if done := b.republish(t, first.ID, through(other.ID)); done.Version != 2 {
		t.Fatal(done.Problems)
	}
	title, text := "edited since", "other words"
	edited, err := b.service.UpdateTree(ctx, b.acme.Colleague, first.ID, 4, tree.TreeChange{Title: &title, Description: &text, Graph: new(cable())}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.RestoreVersion(ctx, b.acme.Engineer, first.ID, edited.Revision-1, 2, 0)
	if f := wantFault(t, err, fault.Conflict); f.Extensions["savedBy"] != "carl" || f.Extensions["revision"] != edited.Revision {
		t.Errorf("the conflict says %v", f.Extensions)
	}
	_, err = b.service.RestoreVersion(ctx, b.acme.Engineer, first.ID, edited.Revision, 9, 0)
	wantFault(t, err, fault.NotFound)
	_, err = b.service.RestoreVersion(ctx, b.acme.Viewer, first.ID, edited.Revision, 2, 0)
	wantFault(t, err, fault.Forbidden)
	back, err := b.service.RestoreVersion(ctx, b.acme.Engineer, first.ID, edited.Revision, 2, tree.AllTreeFields)
	if err != nil || back.Revision != edited.Revision+1 || back.Title != "first" || back.Description != "About first" || back.NodeCount != 2 || back.PublishedVersion != 2 {
		t.Fatalf("restored %+v, %v", back, err)
	}
	if diff := cmp.Diff(new(through(other.ID)), back.Graph); diff != "" {
		t.Errorf("the draft has other subtrees than were written (-want +got):\n%s", diff)
	}

	shelf, err := b.service.CreateCategory(ctx, b.acme.Engineer, "Network")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.UpdateTree(ctx, b.acme.Engineer, first.ID, back.Revision, tree.TreeChange{Category: &shelf.ID}, 0); err != nil {
		t.Fatal(err)
	}
	copied, err := b.service.DuplicateTree(ctx, b.acme.Colleague, first.ID, new(1), "a copy", tree.AllTreeFields)
	if err != nil || copied.ID == first.ID || copied.Title != "a copy" || copied.Description != "About first" || copied.Category != shelf ||
		copied.Status != tree.Draft || copied.PublishedVersion != 0 || copied.Author.Name != "carl" || copied.Owner.Name != "carl" || copied.Revision != 1 {
		t.Fatalf("copied %+v, %v", copied, err)
	}
	if diff := cmp.Diff(new(cable()), copied.Graph); diff != "" {
		t.Errorf("the copy of version 1 (-want +got):\n%s", diff)
	}
	if copied, err = b.service.DuplicateTree(ctx, b.acme.Colleague, first.ID, nil, "another", tree.AllTreeFields); err != nil || copied.NodeCount != 2 {
		t.Errorf("the copy of the draft %+v, %v", copied, err)
	}
	for name, try := range map[string]func() error{
		"a version that is not there": func() error {
			_, err := b.service.DuplicateTree(ctx, b.acme.Engineer, first.ID, new(7), "x", 0)
			return err
		},
		"a stranger's tree": func() error {
			_, err := b.service.DuplicateTree(ctx, b.rival.Engineer, first.ID, nil, "x", 0)
			return err
		},
		"a stranger's version": func() error { _, err := b.service.RestoreVersion(ctx, b.rival.Engineer, first.ID, 1, 1, 0); return err },
	} {
		wantFaultNamed(t, name, try(), fault.NotFound)
	}
	_, err = b.service.DuplicateTree(ctx, b.acme.Engineer, first.ID, nil, " ", 0)
	wantFault(t, err, fault.BadUserInput)
}

func TestPublishTree_PinsItsSubtrees(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	leaf, middle, top := b.publish(t, b.acme.Engineer, "leaf"), b.publish(t, b.acme.Engineer, "middle"), b.publish(t, b.acme.Engineer, "top")
	b.republish(t, leaf.ID, cable())
	b.republish(t, middle.ID, through(leaf.ID))
	done := b.republish(t, top.ID, through(middle.ID, leaf.ID, middle.ID))
	if done.Version != 2 {
		t.Fatal(done.Problems)
	}
	v, err := b.service.Version(ctx, b.acme.Engineer, top.ID, 2, tree.VersionGraph)
	if err != nil {
		t.Fatal(err)
	}
	var pinned []int
	for _, n := range v.Graph.Nodes[1:] {
		pinned = append(pinned, n.Version)
	}
	if !slices.Equal(pinned, []int{2, 2, 2}) || done.Tree.Graph.Nodes[1].Version != 0 {
		t.Errorf("the version has %v, want the newest; the draft has %d, want none", pinned, done.Tree.Graph.Nodes[1].Version)
	}
	var pins []string
	err = b.db.NewRaw(`SELECT t.title || ' ' || p.pinned_number FROM tree_version_pins AS p JOIN trees AS t ON t.account_id = p.account_id AND t.id = p.pinned_tree_id
		WHERE p.tree_id = ? AND p.number = 2 ORDER BY 1`, top.ID).Scan(ctx, &pins)
	if err != nil || !slices.Equal(pins, []string{"leaf 2", "middle 2"}) {
		t.Errorf("pins %v, %v", pins, err)
	}

	// A newer version of a subtree changes nothing until the tree is published again.
	b.republish(t, leaf.ID, cable())
	if v, err = b.service.Version(ctx, b.acme.Engineer, top.ID, 2, tree.VersionGraph); err != nil || v.Graph.Nodes[2].Version != 2 {
		t.Errorf("version 2 changed: %+v, %v", v, err)
	}
	if done = b.republish(t, top.ID, through(leaf.ID)); done.Version != 3 {
		t.Fatal(done.Problems)
	}
	if v, err = b.service.Version(ctx, b.acme.Engineer, top.ID, 3, tree.VersionGraph); err != nil || v.Graph.Nodes[1].Version != 3 {
		t.Errorf("version 3 has %+v, %v", v, err)
	}

	for _, id := range []tree.ID{leaf.ID, middle.ID} {
		f := wantFault(t, b.service.DeleteTree(ctx, b.acme.Owner, id), fault.Conflict)
		if !strings.Contains(f.Message, "Archive") {
			t.Errorf("the message does not say what to do: %s", f.Message)
		}
	}
	if err := b.service.DeleteTree(ctx, b.acme.Owner, top.ID); err != nil {
		t.Errorf("a tree that leads through others: %v", err)
	}
	if err := b.service.DeleteTree(ctx, b.acme.Owner, middle.ID); err != nil {
		t.Errorf("a tree that nothing leads through any more: %v", err)
	}
}

func TestPublishTree_SubtreesThatCannotBeWalked(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	draft, archived, theirs := b.create(t, b.acme.Engineer, "draft"), b.publish(t, b.acme.Engineer, "archived"), b.publish(t, b.rival.Engineer, "theirs")
	if _, err := b.service.ArchiveTree(ctx, b.acme.Engineer, archived.ID, 0); err != nil {
		t.Fatal(err)
	}
	a, c, d := b.publish(t, b.acme.Engineer, "a"), b.publish(t, b.acme.Engineer, "c"), b.publish(t, b.acme.Engineer, "d")
	b.republish(t, c.ID, through(a.ID))
	b.republish(t, d.ID, through(c.ID))
	var words []string
	for name, tt := range map[string]struct {
		to   tree.ID
		want tree.ProblemCode
	}{
		"a draft":                   {draft.ID, tree.SubtreeNotPublished},
		"an archived tree":          {archived.ID, tree.SubtreeNotPublished},
		"a stranger's tree":         {theirs.ID, tree.SubtreeNotPublished},
		"no tree":                   {newID[tree.ID](t), tree.SubtreeNotPublished},
		"itself":                    {a.ID, tree.SubtreeCycle},
		"itself by way of another":  {c.ID, tree.SubtreeCycle},
		"itself by way of a second": {d.ID, tree.SubtreeCycle},
	} {
		g := through(tt.to)
		done := b.republish(t, a.ID, g)
		if !slices.Equal(codes(done.Problems), []tree.ProblemCode{tt.want}) || done.Version != 0 || done.Tree.PublishedVersion != 1 {
			t.Errorf("%s: version %d, problems %+v", name, done.Version, done.Problems)
			continue
		}
		if tt.want == tree.SubtreeNotPublished {
			words = append(words, done.Problems[0].Message)
		}
		same, err := b.service.ValidateTree(ctx, b.acme.Engineer, a.ID, "a", g)
		if diff := cmp.Diff(done.Problems, same); diff != "" || err != nil {
			t.Errorf("%s: validateTree says something else (%v):\n%s", name, err, diff)
		}
	}
	slices.Sort(words)
	if words = slices.Compact(words); len(words) != 1 {
		t.Errorf("a stranger's tree is told from none: %v", words)
	}
	if problems, err := b.service.ValidateTree(ctx, b.acme.Engineer, tree.ID{}, "new", through(d.ID)); err != nil || len(problems) != 0 {
		t.Errorf("a new tree through published ones: %+v, %v", problems, err)
	}
}

func TestPublishTree_BoundsOfSubtrees(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	last := b.publish(t, b.acme.Engineer, "tree 1")
	for i := 2; i <= tree.MaxSubtreeDepth+1; i++ {
		next := b.publish(t, b.acme.Engineer, fmt.Sprint("tree ", i))
		done := b.republish(t, next.ID, through(last.ID))
		if done.Version != 2 {
			t.Fatalf("%d trees deep: %+v", i-1, done.Problems)
		}
		last = next
	}
	top := b.publish(t, b.acme.Engineer, "top")
	if done := b.republish(t, top.ID, through(last.ID)); !slices.Equal(codes(done.Problems), []tree.ProblemCode{tree.SubtreeTooDeep}) || done.Problems[0].Path != "nodes[1].tree" {
		t.Errorf("one too deep: %+v", done.Problems)
	}
	var many []tree.ID
	for range tree.MaxSubtrees + 1 {
		many = append(many, newID[tree.ID](t))
	}
	sent := b.statements.during(func() {
		problems, err := b.service.ValidateTree(t.Context(), b.acme.Engineer, top.ID, "top", through(many...))
		if err != nil || !slices.Equal(codes(problems), []tree.ProblemCode{tree.TooManySubtrees}) {
			t.Errorf("one too many: %+v, %v", problems, err)
		}
	})
	if len(sent) != 0 {
		t.Errorf("what is refused anyway is read: %v", sent)
	}
}

// Each of two people publishes a tree that leads through the other one's. Together
// they would close a circle.
func TestPublishTree_TwoAtOnceCloseNoCircle(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	a, c := b.publish(t, b.acme.Engineer, "a"), b.publish(t, b.acme.Engineer, "c")
	revisions := []int{b.rewrite(t, a.ID, through(c.ID)), b.rewrite(t, c.ID, through(a.ID))}
	// The first one has locked its own tree and is about to lock the other when the
	// second one comes.
	store := &pausing{Store: b.trees, there: make(chan struct{}), on: make(chan struct{})}
	service := *b.service
	service.Store = store
	type outcome struct {
		tree.Publication
		err error
	}
	first, second := make(chan outcome, 1), make(chan outcome, 1)
	go func() {
		p, err := service.PublishTree(t.Context(), b.acme.Engineer, a.ID, revisions[0], "", 0)
		first <- outcome{p, err}
	}()
	<-store.there
	go func() {
		p, err := b.service.PublishTree(t.Context(), b.acme.Engineer, c.ID, revisions[1], "", 0)
		second <- outcome{p, err}
	}()
	b.untilWaiting(t, func() {
		if len(second) > 0 {
			t.Fatal("the second one did not wait")
		}
	})
	close(store.on)
	one, other := <-first, <-second
	if err := errors.Join(one.err, other.err); err != nil {
		t.Fatal(err)
	}
	if one.Version != 2 || other.Version != 0 || !slices.Equal(codes(other.Problems), []tree.ProblemCode{tree.SubtreeCycle}) {
		t.Errorf("published %+v and %+v", one.Publication, other.Publication)
	}
}

// pausing stops a change where it is about to lock subtrees.
type pausing struct {
	tree.Store
	there chan struct{} // closed when it is about to
	on    chan struct{}
}

func (p *pausing) InTx(ctx context.Context, fn func(ctx context.Context, tx tree.Tx) error) error {
	return p.Store.InTx(ctx, func(ctx context.Context, tx tree.Tx) error { return fn(ctx, pausingTx{tx, p}) })
}

type pausingTx struct {
	tree.Tx
	p *pausing
}

func (tx pausingTx) LockSubtrees(ctx context.Context, accountID account.ID, ids []tree.ID) (tree.Subtrees, error) {
	close(tx.p.there)
	<-tx.p.on
	return tx.Tx.LockSubtrees(ctx, accountID, ids)
}

func TestPublishTree_WaitsForWhoPublishesASubtree(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	a, c := b.publish(t, b.acme.Engineer, "a"), b.publish(t, b.acme.Engineer, "c")
	revision := b.rewrite(t, a.ID, through(c.ID))
	var done tree.Publication
	err := b.whileWaiting(t, func(tx bun.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE trees SET status = 'ARCHIVED' WHERE id = ?", c.ID)
		return err
	}, func() (err error) {
		done, err = b.service.PublishTree(t.Context(), b.acme.Engineer, a.ID, revision, "", 0)
		return err
	})
	if err != nil || done.Version != 0 || !slices.Equal(codes(done.Problems), []tree.ProblemCode{tree.SubtreeNotPublished}) {
		t.Errorf("published %+v, %v", done, err)
	}
}

func TestTrees_ArchiveAndUnarchive(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	for name, tt := range map[string]struct {
		of   *tree.Tree
		want tree.Status
	}{
		"a draft":        {b.create(t, b.acme.Engineer, "draft"), tree.Draft},
		"one with walks": {b.publish(t, b.acme.Engineer, "published"), tree.Published},
	} {
		for _, step := range []struct {
			do   func() (*tree.Tree, error)
			want tree.Status
			more int // revisions
		}{
			{func() (*tree.Tree, error) {
				return b.service.UnarchiveTree(ctx, b.acme.Engineer, tt.of.ID, tree.AllTreeFields)
			}, tt.want, 0},
			{func() (*tree.Tree, error) {
				return b.service.ArchiveTree(ctx, b.acme.Engineer, tt.of.ID, tree.AllTreeFields)
			}, tree.Archived, 1},
			{func() (*tree.Tree, error) {
				return b.service.ArchiveTree(ctx, b.acme.Engineer, tt.of.ID, tree.AllTreeFields)
			}, tree.Archived, 1},
			{func() (*tree.Tree, error) {
				return b.service.UnarchiveTree(ctx, b.acme.Engineer, tt.of.ID, tree.AllTreeFields)
			}, tt.want, 2},
		} {
			got, err := step.do()
			if err != nil || got.Status != step.want || got.Revision != tt.of.Revision+step.more {
				t.Errorf("%s: %+v, %v, want %s", name, got, err, step.want)
			}
		}
	}
	_, err := b.service.UnarchiveTree(ctx, b.acme.Viewer, newID[tree.ID](t), 0)
	wantFault(t, err, fault.Forbidden)
	_, err = b.service.UnarchiveTree(ctx, b.acme.Engineer, newID[tree.ID](t), 0)
	wantFault(t, err, fault.NotFound)
}

func TestTrees_OwnerIsGivenAway(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	created := b.create(t, b.acme.Engineer, "tree")
	change := func(to account.UserID) error {
		_, err := b.service.UpdateTree(ctx, b.acme.Engineer, created.ID, 1, tree.TreeChange{Owner: &to}, 0)
		return err
	}
	if _, err := b.db.ExecContext(ctx, "UPDATE users SET disabled_at = ? WHERE id = ?", nine, b.acme.Admin.UserID); err != nil {
		t.Fatal(err)
	}
	wantFaultNamed(t, "a viewer", change(b.acme.Viewer.UserID), fault.BadUserInput)
	wantFaultNamed(t, "who is disabled", change(b.acme.Admin.UserID), fault.BadUserInput)
	wantFaultNamed(t, "a stranger", change(b.rival.Engineer.UserID), fault.NotFound)
	given, err := b.service.UpdateTree(ctx, b.acme.Engineer, created.ID, 1, tree.TreeChange{Owner: &b.acme.Colleague.UserID}, tree.AllTreeFields)
	if err != nil || given.Owner.Name != "carl" || given.Author.Name != "emil" || given.Revision != 2 {
		t.Errorf("given %+v, %v", given, err)
	}
	for who, want := range map[account.UserID]int{b.acme.Colleague.UserID: 1, b.acme.Engineer.UserID: 0} {
		page, err := b.service.Trees(ctx, b.acme.Viewer, tree.TreeQuery{Filter: tree.TreeFilter{Owner: who}})
		if err != nil || len(page.Edges) != 0 {
			t.Errorf("a viewer sees drafts by their owner: %+v, %v", page, err)
		}
		if page, err = b.service.Trees(ctx, b.acme.Engineer, tree.TreeQuery{Filter: tree.TreeFilter{Owner: who}}); err != nil || len(page.Edges) != want {
			t.Errorf("trees of an owner: %+v, %v", page, err)
		}
	}
}

func TestTrees_ReviewIsDueAndConfirmed(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	day := func(days int) *time.Time { return new(nine.AddDate(0, 0, days)) }
	for title, at := range map[string]*time.Time{"yesterday": day(-1), "today": day(0), "tomorrow": day(1), "long ago": day(-90)} {
		made := b.publish(t, b.acme.Engineer, title)
		if _, err := b.service.UpdateTree(ctx, b.acme.Engineer, made.ID, made.Revision, tree.TreeChange{ReviewBy: at}, 0); err != nil {
			t.Fatal(err)
		}
	}
	never, draft := b.publish(t, b.acme.Engineer, "never"), b.create(t, b.acme.Engineer, "draft")
	due := func() (titles []string, first *tree.Tree) {
		page, err := b.service.Trees(ctx, b.acme.Engineer, tree.TreeQuery{
			Filter: tree.TreeFilter{Due: true}, Order: tree.TreeOrder{Field: tree.ByReview}, Fields: tree.AllTreeFields, Total: true,
		})
		if err != nil || page.Total != len(page.Edges) {
			t.Fatal(page, err)
		}
		for _, e := range page.Edges {
			titles = append(titles, e.Node.Title)
		}
		return titles, page.Edges[0].Node
	}
	titles, first := due()
	if diff := cmp.Diff([]string{"long ago", "yesterday", "today"}, titles); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if !first.ConfirmedAt.IsZero() || first.ConfirmedBy != nil {
		t.Errorf("confirmed before anybody did: %+v", first)
	}
	confirmed, err := b.service.ConfirmTree(ctx, b.acme.Colleague, first.ID, 3, tree.AllTreeFields)
	want := time.Date(2027, 2, 23, 0, 0, 0, 0, time.UTC)
	if err != nil || !confirmed.ReviewBy.Equal(want) || !confirmed.ConfirmedAt.Equal(nine) || confirmed.ConfirmedBy.Name != "carl" || confirmed.Revision != first.Revision+1 {
		t.Errorf("confirmed %+v, %v", confirmed, err)
	}
	// What others change leaves it as it is.
	b.now.Store(60)
	title := "long ago, with another title"
	if confirmed, err = b.service.UpdateTree(ctx, b.acme.Engineer, first.ID, confirmed.Revision, tree.TreeChange{Title: &title}, tree.AllTreeFields); err != nil || !confirmed.ConfirmedAt.Equal(nine) || confirmed.ConfirmedBy.Name != "carl" {
		t.Errorf("after another change %+v, %v", confirmed, err)
	}
	if titles, _ = due(); !slices.Equal(titles, []string{"yesterday", "today"}) {
		t.Errorf("still due: %v", titles)
	}
	if cleared, err := b.service.UpdateTree(ctx, b.acme.Engineer, first.ID, confirmed.Revision, tree.TreeChange{ReviewBy: new(time.Time)}, tree.AllTreeFields); err != nil || !cleared.ReviewBy.IsZero() {
		t.Errorf("without a date %+v, %v", cleared, err)
	}
	for name, tt := range map[string]struct {
		actor  account.Actor
		id     tree.ID
		months int
		want   fault.Code
	}{
		"no months":         {b.acme.Engineer, never.ID, 0, fault.BadUserInput},
		"too many months":   {b.acme.Engineer, never.ID, tree.MaxReviewMonths + 1, fault.BadUserInput},
		"a draft":           {b.acme.Engineer, draft.ID, 6, fault.Conflict},
		"a viewer":          {b.acme.Viewer, never.ID, 0, fault.Forbidden},
		"a stranger's tree": {b.rival.Owner, never.ID, 6, fault.NotFound},
	} {
		_, err := b.service.ConfirmTree(ctx, tt.actor, tt.id, tt.months, 0)
		wantFaultNamed(t, name, err, tt.want)
	}
}

func TestTrees_MostUsedOfTheLastMonths(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	rare, often, once, before := b.publish(t, b.acme.Engineer, "twice"), b.publish(t, b.acme.Engineer, "three times"), b.publish(t, b.acme.Engineer, "once"), b.publish(t, b.acme.Engineer, "long ago")
	theirs := b.publish(t, b.rival.Engineer, "theirs")
	b.create(t, b.acme.Engineer, "never")
	for of, times := range map[tree.ID]int{rare.ID: 2, often.ID: 3, once.ID: 1} {
		for range times {
			b.walk(t, b.acme.Engineer, of)
		}
	}
	b.walk(t, b.rival.Engineer, theirs.ID)
	old := b.walk(t, b.acme.Engineer, before.ID)
	if _, err := b.db.ExecContext(t.Context(), "UPDATE tree_sessions SET started_at = started_at - interval '91 days' WHERE id = ?", old.ID); err != nil {
		t.Fatal(err)
	}
	page, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: tree.TreeOrder{Field: tree.ByUse, Desc: true}, Fields: tree.TreeTitle})
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, e := range page.Edges[:3] {
		titles = append(titles, e.Node.Title)
	}
	if len(page.Edges) != 5 || !slices.Equal(titles, []string{"three times", "twice", "once"}) {
		t.Errorf("%d trees, %v", len(page.Edges), titles)
	}
	for _, order := range []tree.TreeOrder{{Field: tree.ByUse}, {Field: tree.ByReview}} {
		for _, value := range []string{"", "x", "-1", "99999999999", "2026-02-30", "0000-01-01"} {
			cursor := tree.Cursor{Order: order.String(), Value: value}
			_, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: order, Page: tree.Page{After: cursor.String()}})
			wantFaultNamed(t, fmt.Sprint("the cursor ", cursor.Order, value), err, fault.BadUserInput)
		}
	}
}

func TestCategories_RenameMoveDelete(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	ids := map[string]tree.CategoryID{}
	for _, name := range []string{"a", "b", "c", "d"} {
		made, err := b.service.CreateCategory(ctx, b.acme.Engineer, name)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = made.ID
	}
	theirs, err := b.service.CreateCategory(ctx, b.rival.Engineer, "a")
	if err != nil {
		t.Fatal(err)
	}
	names := func() string {
		list, err := b.service.Categories(ctx, b.acme.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, c := range list {
			all.WriteString(c.Name)
		}
		return all.String()
	}
	for _, step := range []struct {
		move  string
		place int
		want  string
	}{{"d", 1, "dabc"}, {"d", 3, "abdc"}, {"a", 99, "bdca"}, {"d", 2, "bdca"}} {
		moved, err := b.service.MoveCategory(ctx, b.acme.Engineer, ids[step.move], step.place)
		if err != nil || len(moved) != 4 || moved[3].Position != 4 || names() != step.want {
			t.Errorf("after %s went to %d: %s, want %s (%+v, %v)", step.move, step.place, names(), step.want, moved, err)
		}
	}
	if renamed, err := b.service.RenameCategory(ctx, b.acme.Engineer, ids["c"], " B2 "); err != nil || renamed.Name != "B2" || names() != "bdB2a" {
		t.Errorf("renamed %+v, %v: %s", renamed, err, names())
	}
	if _, err := b.service.RenameCategory(ctx, b.acme.Engineer, ids["c"], "b2"); err != nil {
		t.Errorf("another case of its own name: %v", err)
	}
	_, err = b.service.RenameCategory(ctx, b.acme.Engineer, ids["c"], "A")
	wantFaultNamed(t, "a name that is taken", err, fault.Conflict)

	shelved, err := b.service.CreateTree(ctx, b.acme.Engineer, tree.NewTree{Title: "shelved", Category: ids["b"]}, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantFaultNamed(t, "an engineer deletes", b.service.DeleteCategory(ctx, b.acme.Engineer, ids["b"]), fault.Forbidden)
	b.hints.take()
	if err := b.service.DeleteCategory(ctx, b.acme.Admin, ids["b"]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]event.Hint{{Account: b.acme.Account.String(), Topic: event.Trees}}, b.hints.take()); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	left, err := b.service.Tree(ctx, b.acme.Engineer, shelved.ID, tree.AllTreeFields)
	if err != nil || !left.Category.ID.IsZero() || left.Revision != 1 || names() != "db2a" {
		t.Errorf("the tree is %+v, %v; categories %s", left, err, names())
	}
	for name, try := range map[string]func() error{
		"rename":       func() error { _, err := b.service.RenameCategory(ctx, b.acme.Engineer, theirs.ID, "x"); return err },
		"move":         func() error { _, err := b.service.MoveCategory(ctx, b.acme.Engineer, theirs.ID, 1); return err },
		"delete":       func() error { return b.service.DeleteCategory(ctx, b.acme.Owner, theirs.ID) },
		"delete twice": func() error { return b.service.DeleteCategory(ctx, b.acme.Owner, ids["b"]) },
	} {
		wantFaultNamed(t, name, try(), fault.NotFound)
	}
	_, err = b.service.MoveCategory(ctx, b.acme.Engineer, ids["a"], 0)
	wantFaultNamed(t, "place 0", err, fault.BadUserInput)
	for i := 3; i < tree.MaxCategories; i++ {
		if _, err := b.service.CreateCategory(ctx, b.acme.Engineer, fmt.Sprint("shelf ", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.service.CreateCategory(ctx, b.acme.Engineer, "one too many")
	wantFaultNamed(t, "one too many", err, fault.Conflict)
}

func TestTags_AreCounted(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.create(t, b.acme.Engineer, "draft")
	b.publish(t, b.acme.Engineer, "published")
	b.publish(t, b.rival.Engineer, "theirs")
	gone := b.publish(t, b.acme.Engineer, "archived")
	if _, err := b.service.ArchiveTree(t.Context(), b.acme.Engineer, gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.CreateTree(t.Context(), b.acme.Engineer, tree.NewTree{Title: "x", Tags: []string{"network", "vpn"}}, 0); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		actor account.Actor
		want  []tree.TagCount
	}{
		"an engineer": {b.acme.Engineer, []tree.TagCount{{Tag: "network", Trees: 3}, {Tag: "cable", Trees: 2}, {Tag: "vpn", Trees: 1}}},
		"a viewer":    {b.acme.Viewer, []tree.TagCount{{Tag: "cable", Trees: 1}, {Tag: "network", Trees: 1}}},
	} {
		got, err := b.service.Tags(t.Context(), tt.actor)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestTemplates_BecomeTreesThatCanBePublished(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	all := tree.Templates()
	if len(all) != 8 {
		t.Fatalf("%d templates", len(all))
	}
	for _, template := range all {
		made, err := b.service.CreateTreeFromTemplate(ctx, b.acme.Engineer, template.ID, "", tree.CategoryID{}, tree.AllTreeFields)
		if err != nil || made.Title != template.Title || made.NodeCount != len(template.Graph.Nodes) || made.Owner.Name != "emil" {
			t.Fatalf("%s: %+v, %v", template.ID, made, err)
		}
		if done, err := b.service.PublishTree(ctx, b.acme.Engineer, made.ID, 1, "", 0); err != nil || done.Version != 1 {
			t.Errorf("%s: %+v, %v", template.ID, done, err)
		}
	}
	if made, err := b.service.CreateTreeFromTemplate(ctx, b.acme.Engineer, all[0].ID, "Mine", tree.CategoryID{}, tree.AllTreeFields); err != nil || made.Title != "Mine" {
		t.Errorf("%+v, %v", made, err)
	}
	_, err := b.service.CreateTreeFromTemplate(ctx, b.acme.Engineer, "no-such", "", tree.CategoryID{}, 0)
	wantFault(t, err, fault.NotFound)
	_, err = b.service.CreateTreeFromTemplate(ctx, b.acme.Viewer, all[0].ID, "", tree.CategoryID{}, 0)
	wantFault(t, err, fault.Forbidden)
}

func TestTrees_AuditLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	made := b.publish(t, b.acme.Engineer, "lamp")
	for _, do := range []func() error{
		func() error { _, err := b.service.ConfirmTree(ctx, b.acme.Colleague, made.ID, 6, 0); return err },
		func() error { _, err := b.service.RestoreVersion(ctx, b.acme.Engineer, made.ID, 3, 1, 0); return err },
		func() error {
			_, err := b.service.UpdateTree(ctx, b.acme.Engineer, made.ID, 4, tree.TreeChange{Owner: &b.acme.Colleague.UserID}, 0)
			return err
		},
		func() error { _, err := b.service.ArchiveTree(ctx, b.acme.Engineer, made.ID, 0); return err },
		func() error { _, err := b.service.ArchiveTree(ctx, b.acme.Engineer, made.ID, 0); return err },
		func() error { _, err := b.service.UnarchiveTree(ctx, b.acme.Engineer, made.ID, 0); return err },
		func() error { return b.service.DeleteTree(ctx, b.acme.Admin, made.ID) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"TREE_PUBLISHED lamp 1 by emil", "TREE_CONFIRMED lamp 1 by carl", "TREE_VERSION_RESTORED lamp 1 by emil", "TREE_OWNER_CHANGED lamp - by emil",
		"TREE_ARCHIVED lamp - by emil", "TREE_UNARCHIVED lamp - by emil", "TREE_DELETED lamp - by adam",
	}
	if diff := cmp.Diff(want, b.audited(t)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}
