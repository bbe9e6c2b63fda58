package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// team is an account with a user of each role.
type team struct {
	Account                        account.ID
	Owner, Admin, Engineer, Viewer account.Actor
	Colleague                      account.Actor // a second engineer
}

// treeBundle is a service on a database of its own, with two teams that must not
// see each other, and a clock that a test moves.
type treeBundle struct {
	db          *store.DB
	trees       *store.Trees
	service     *tree.Service
	acme, rival team
	now         *atomic.Int64 // seconds after nine o'clock
	statements  *statements
	hints       *toldHints
}

// toldHints keeps the hints that it was told.
type toldHints struct {
	mu  sync.Mutex // guards all
	all []event.Hint
}

func (h *toldHints) Send(hint event.Hint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, hint)
}

// take returns the hints since the last call.
func (h *toldHints) take() []event.Hint {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func openTrees(t *testing.T) *treeBundle {
	t.Helper()
	sent := new(statements)
	return bundle(t, pgtest.OpenTraced(t, sent), sent)
}

// bundle makes a treeBundle on an empty database that is traced.
func bundle(t *testing.T, db *store.DB, sent *statements) *treeBundle {
	t.Helper()
	b := &treeBundle{db: db, trees: store.NewTrees(db), now: new(atomic.Int64), statements: sent, hints: new(toldHints)}
	b.service = &tree.Service{Store: b.trees, Now: func() time.Time { return nine.Add(time.Duration(b.now.Load()) * time.Second) }, Hints: b.hints}
	b.acme, b.rival = seedTeam(t, db, "acme"), seedTeam(t, db, "rival")
	return b
}

func seedTeam(t testing.TB, db *store.DB, name string) team {
	t.Helper()
	tm := team{Account: newID[account.ID](t)}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO accounts (id, name, created_at) VALUES (?, ?, ?)", tm.Account, name, nine)
	user := func(who string, role account.Role) account.Actor {
		actor := account.Actor{AccountID: tm.Account, UserID: newID[account.UserID](t), Role: role}
		exec("INSERT INTO users (account_id, id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, 'x', ?)",
			tm.Account, actor.UserID, who+"@"+name+".example", who, role, nine)
		return actor
	}
	tm.Owner, tm.Admin, tm.Viewer = user("olga", account.Owner), user("adam", account.Admin), user("vera", account.Viewer)
	tm.Engineer, tm.Colleague = user("emil", account.Engineer), user("carl", account.Engineer)
	return tm
}

// newID returns an id of any kind.
func newID[ID any, P interface {
	*ID
	Scan(src any) error
}](t testing.TB) ID {
	t.Helper()
	var id ID
	if err := P(&id).Scan(uuid.Must(uuid.NewV7()).String()); err != nil {
		t.Fatal(err)
	}
	return id
}

// statements traces what is sent to the database while it is on.
type statements struct {
	mu   sync.Mutex // guards what follows
	on   bool
	sent []string
	// messages is how many went there and back: statements that go together are one.
	messages int
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, start pgx.TraceQueryStartData) context.Context {
	s.add(start.SQL)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, start pgx.TraceBatchStartData) context.Context {
	var list []string
	for _, q := range start.Batch.QueuedQueries {
		list = append(list, q.SQL)
	}
	s.add(list...)
	return ctx
}

func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// add notes the statements of one message.
func (s *statements) add(list ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return
	}
	s.messages++
	for _, sql := range list {
		if sql == "begin" || sql == "commit" { // pgx's own
			sql = strings.ToUpper(sql)
		}
		s.sent = append(s.sent, sql)
	}
}

// during returns what was sent while fn ran.
func (s *statements) during(fn func()) []string {
	s.mu.Lock()
	s.on, s.sent, s.messages = true, nil, 0
	s.mu.Unlock()
	fn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	return s.sent
}

// cable is a small tree with all kinds of nodes and a way back.
func cable() tree.Graph {
	return tree.Graph{Root: "lamp", Nodes: []tree.Node{
		{ID: "lamp", Kind: tree.Decision, Title: "Is the lamp on?", Options: []tree.Option{
			{ID: "yes", Label: "Yes", Key: "y", Target: "call"}, {ID: "no", Label: "No", Target: "plug"},
		}},
		{ID: "plug", Kind: tree.Action, Title: "Plug the cable in", Text: "At *both* ends.", Commands: []string{"ping 192.0.2.1"}, Expected: "Replies.", Options: []tree.Option{
			{ID: "fixed", Label: "Fixed", Target: "done"}, {ID: "still", Label: "Still dark", Target: "wait"},
		}},
		{ID: "wait", Kind: tree.Action, Title: "Wait a minute", Next: "lamp"},
		{ID: "done", Kind: tree.Solution, Title: "Cable was loose", Text: "Plugged in.", Outcome: tree.Resolved, FollowUps: []string{"Order a new cable"}, Links: []tree.Link{{Title: "Cables", URL: "https://example.com/cables"}}},
		{ID: "call", Kind: tree.Solution, Title: "Call the network team", Text: "They can see the port.", Outcome: tree.Escalated},
	}}
}

func (b *treeBundle) create(t *testing.T, actor account.Actor, title string) *tree.Tree {
	t.Helper()
	created, err := b.service.CreateTree(t.Context(), actor, tree.NewTree{Title: title, Description: "About " + title, Tags: []string{"Network", "cable"}, Graph: cable()}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func (b *treeBundle) publish(t *testing.T, actor account.Actor, title string) *tree.Tree {
	t.Helper()
	created := b.create(t, actor, title)
	done, err := b.service.PublishTree(t.Context(), actor, created.ID, created.Revision, "", tree.AllTreeFields)
	if err != nil || done.Version != 1 || len(done.Problems) != 0 {
		t.Fatalf("publish: version %d, problems %v, error %v", done.Version, done.Problems, err)
	}
	return done.Tree
}

func wantFault(t *testing.T, err error, code fault.Code) *fault.Fault {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("error %v, want %s", err, code)
	}
	return fault.Of(err)
}

func TestTrees_CreateUpdatePublish(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	created := b.create(t, b.acme.Engineer, "Lamp is dark")
	if created.Revision != 1 || created.Status != tree.Draft || created.NodeCount != 5 || created.Author.Name != "emil" || created.Author.Email != "emil@acme.example" {
		t.Errorf("created %+v", created)
	}
	if diff := cmp.Diff(new(cable()), created.Graph); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"network", "cable"}, created.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}

	b.now.Store(60)
	title, day := "Lamp stays dark", time.Date(2027, 3, 1, 15, 0, 0, 0, time.UTC)
	updated, err := b.service.UpdateTree(t.Context(), b.acme.Colleague, created.ID, 1, tree.TreeChange{Title: &title, ReviewBy: &day}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	if updated.Revision != 2 || updated.Title != title || updated.SavedBy.Name != "carl" || !updated.UpdatedAt.Equal(nine.Add(time.Minute)) || !updated.ReviewBy.Equal(day.Truncate(24*time.Hour)) {
		t.Errorf("updated %+v", updated)
	}
	if updated.Description != created.Description || updated.NodeCount != 5 || updated.Author.Name != "emil" {
		t.Errorf("the update changed more than it said: %+v", updated)
	}

	_, err = b.service.UpdateTree(t.Context(), b.acme.Engineer, created.ID, 1, tree.TreeChange{Title: &title}, 0)
	f := wantFault(t, err, fault.Conflict)
	if f.Extensions["revision"] != 2 || f.Extensions["savedBy"] != "carl" || f.Extensions["savedAt"] != "2026-11-23T09:01:00Z" {
		t.Errorf("the conflict says %v", f.Extensions)
	}

	broken := cable()
	broken.Nodes[2].Next = "nowhere"
	updated, err = b.service.UpdateTree(t.Context(), b.acme.Engineer, created.ID, 2, tree.TreeChange{Graph: &broken}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.service.PublishTree(t.Context(), b.acme.Engineer, created.ID, updated.Revision, "", tree.TreeRevision)
	if err != nil || done.Version != 0 || !tree.HasErrors(done.Problems) || done.Tree.Revision != updated.Revision || done.Tree.Status != tree.Draft {
		t.Errorf("a broken draft: version %d, problems %v, tree %+v, error %v", done.Version, done.Problems, done.Tree, err)
	}

	mended := cable()
	if updated, err = b.service.UpdateTree(t.Context(), b.acme.Engineer, created.ID, updated.Revision, tree.TreeChange{Graph: &mended}, tree.AllTreeFields); err != nil {
		t.Fatal(err)
	}
	done, err = b.service.PublishTree(t.Context(), b.acme.Engineer, created.ID, updated.Revision, "First", tree.AllTreeFields)
	if err != nil || done.Version != 1 || done.Tree.Status != tree.Published || done.Tree.PublishedVersion != 1 {
		t.Fatalf("publish: %+v, %v", done, err)
	}
	_, err = b.service.PublishTree(t.Context(), b.acme.Engineer, created.ID, updated.Revision, "First, again", 0)
	wantFault(t, err, fault.Conflict)
	version, err := b.service.Version(t.Context(), b.acme.Engineer, created.ID, 1, tree.AllVersionFields)
	if err != nil || version.Title != title || version.ChangeNote != "First" || version.PublishedBy.Name != "emil" || version.NodeCount != 5 {
		t.Errorf("version %+v, %v", version, err)
	}
}

func TestTrees_ViewersSeeThePublishedForm(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	draft := b.create(t, b.acme.Engineer, "Only a draft")
	published := b.publish(t, b.acme.Engineer, "Published")
	title, small := "Edited since", tree.Graph{Root: "x", Nodes: []tree.Node{{ID: "x", Kind: tree.Solution, Title: "X", Outcome: tree.Resolved}}}
	if _, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, published.ID, published.Revision, tree.TreeChange{Title: &title, Graph: &small}, 0); err != nil {
		t.Fatal(err)
	}

	_, err := b.service.Tree(t.Context(), b.acme.Viewer, draft.ID, tree.AllTreeFields)
	wantFault(t, err, fault.NotFound)
	got, err := b.service.Tree(t.Context(), b.acme.Viewer, published.ID, tree.AllTreeFields)
	if err != nil || got.Title != "Published" || got.NodeCount != 5 || len(got.Graph.Nodes) != 5 {
		t.Errorf("a viewer reads %+v, %v", got, err)
	}
	for name, order := range map[string]tree.TreeOrder{"by update": {}, "by title": {Field: tree.ByTitle}} {
		page, err := b.service.Trees(t.Context(), b.acme.Viewer, tree.TreeQuery{Fields: tree.TreeTitle, Order: order, Total: true})
		if err != nil || page.Total != 1 || len(page.Edges) != 1 || page.Edges[0].Node.Title != "Published" {
			t.Errorf("%s a viewer lists %+v, %v", name, page, err)
		}
	}
	page, err := b.service.Trees(t.Context(), b.acme.Viewer, tree.TreeQuery{Filter: tree.TreeFilter{Status: []tree.Status{tree.Draft}}, Total: true})
	if err != nil || page.Total != 0 || len(page.Edges) != 0 {
		t.Errorf("a viewer lists drafts: %+v, %v", page, err)
	}
	_, err = b.service.CreateTree(t.Context(), b.acme.Viewer, tree.NewTree{Title: "No"}, 0)
	wantFault(t, err, fault.Forbidden)

	if _, err := b.service.ArchiveTree(t.Context(), b.acme.Engineer, published.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err = b.service.Tree(t.Context(), b.acme.Viewer, published.ID, 0)
	wantFault(t, err, fault.NotFound)
}

func TestTrees_PagesHoldEveryTreeOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.publish(t, b.rival.Engineer, "A rival's")
	titles := []string{"Émile", "alpha", "Alpha", "beta", "alpha", "gamma", "%", "'quoted'", "zulu"}
	for i, title := range titles {
		b.now.Store(int64(i / 2)) // some share their time
		created := b.create(t, b.acme.Engineer, title)
		if i%3 == 0 { // some have a review date, and some of those share it
			day := nine.AddDate(0, i/4, 0)
			if _, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, created.ID, 1, tree.TreeChange{ReviewBy: &day}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			done, err := b.service.PublishTree(t.Context(), b.acme.Engineer, created.ID, created.Revision+btoi(i%3 == 0), "", 0)
			if err != nil || done.Version != 1 {
				t.Fatal(done, err)
			}
			for range i / 4 {
				b.walk(t, b.acme.Engineer, created.ID)
			}
		}
	}
	size := 2
	for name, order := range map[string]tree.TreeOrder{
		"latest first":    {},
		"earliest first":  {Field: tree.ByUpdate},
		"by title":        {Field: tree.ByTitle},
		"by title, down":  {Field: tree.ByTitle, Desc: true},
		"by review":       {Field: tree.ByReview},
		"by review, down": {Field: tree.ByReview, Desc: true},
		"most used":       {Field: tree.ByUse, Desc: true},
		"least used":      {Field: tree.ByUse},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: order, Fields: tree.TreeTitle, Total: true})
			if err != nil || all.Total != len(titles) || len(all.Edges) != len(titles) || all.HasNextPage || all.HasPrevPage {
				t.Fatalf("the whole list: %d of %d, %v", len(all.Edges), all.Total, err)
			}
			var want, forward, backward []string
			for _, e := range all.Edges {
				want = append(want, e.Node.ID.String())
			}
			page := tree.Page{First: &size}
			for more := true; more; {
				got, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: order, Page: page, Fields: tree.TreeTitle})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range got.Edges {
					forward = append(forward, e.Node.ID.String())
				}
				page.After, more = got.Edges[len(got.Edges)-1].Cursor, got.HasNextPage
			}
			page = tree.Page{Last: &size}
			for more := true; more; {
				got, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: order, Page: page})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range slices.Backward(got.Edges) {
					backward = append(backward, e.Node.ID.String())
				}
				page.Before, more = got.Edges[0].Cursor, got.HasPrevPage
			}
			slices.Reverse(backward)
			if !slices.Equal(want, forward) || !slices.Equal(want, backward) {
				t.Errorf("want     %v\nforward  %v\nbackward %v", want, forward, backward)
			}
			past, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Order: order, Page: tree.Page{After: all.Edges[len(titles)-1].Cursor}, Total: true})
			if err != nil || len(past.Edges) != 0 || past.Total != len(titles) || past.HasNextPage || !past.HasPrevPage {
				t.Errorf("behind the last one: %+v, %v", past, err)
			}
		})
	}
	none := 0
	empty, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Page: tree.Page{First: &none}, Total: true})
	if err != nil || len(empty.Edges) != 0 || !empty.HasNextPage || empty.Total != len(titles) {
		t.Errorf("a page of none: %+v, %v", empty, err)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestTrees_Filters(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	shelf, err := b.service.CreateCategory(t.Context(), b.acme.Engineer, " Network ")
	if err != nil || shelf.Position != 1 || shelf.Name != "Network" {
		t.Fatalf("category %+v, %v", shelf, err)
	}
	_, err = b.service.CreateCategory(t.Context(), b.acme.Engineer, "NETWORK")
	wantFault(t, err, fault.Conflict)
	theirs, err := b.service.CreateCategory(t.Context(), b.rival.Engineer, "Network")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.CreateTree(t.Context(), b.acme.Engineer, tree.NewTree{Title: "X", Category: theirs.ID}, 0)
	wantFault(t, err, fault.NotFound)

	b.create(t, b.acme.Engineer, "draft")
	b.publish(t, b.acme.Colleague, "published")
	old := b.create(t, b.acme.Engineer, "archived")
	if _, err := b.service.ArchiveTree(t.Context(), b.acme.Engineer, old.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.CreateTree(t.Context(), b.acme.Engineer, tree.NewTree{Title: "shelved", Category: shelf.ID, Tags: []string{"o'clock"}}, 0); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		filter tree.TreeFilter
		want   []string
	}{
		"none leaves archived ones out": {tree.TreeFilter{}, []string{"draft", "published", "shelved"}},
		"status":                        {tree.TreeFilter{Status: []tree.Status{tree.Archived, tree.Published}}, []string{"archived", "published"}},
		"category":                      {tree.TreeFilter{Category: shelf.ID}, []string{"shelved"}},
		"tag, case aside":               {tree.TreeFilter{Tag: "NetWork"}, []string{"draft", "published"}},
		"a tag with a quote":            {tree.TreeFilter{Tag: "o'clock"}, []string{"shelved"}},
		"author":                        {tree.TreeFilter{Author: b.acme.Colleague.UserID}, []string{"published"}},
		"a stranger's category":         {tree.TreeFilter{Category: theirs.ID}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Filter: tt.filter, Order: tree.TreeOrder{Field: tree.ByTitle}, Fields: tree.TreeTitle | tree.TreeCategory, Total: true})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range page.Edges {
				got = append(got, e.Node.Title)
				if e.Node.Title == "shelved" && e.Node.Category != shelf {
					t.Errorf("category %+v, want %+v", e.Node.Category, shelf)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || page.Total != len(tt.want) {
				t.Errorf("total %d (-want +got):\n%s", page.Total, diff)
			}
		})
	}
}

func TestTrees_Statements(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	var published *tree.Tree
	for i := range 3 {
		published = b.publish(t, b.acme.Engineer, fmt.Sprint("tree ", i))
	}
	for range 2 {
		b.walk(t, b.acme.Engineer, published.ID, "no", "still", "")
	}
	session := b.walk(t, b.acme.Engineer, published.ID, "no", "fixed")
	tests := map[string]struct {
		want int
		do   func() error
	}{
		"a list with all that belongs to each": {1, func() error {
			_, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Fields: tree.AllTreeFields, Total: true})
			return err
		}},
		"a viewer's list": {1, func() error {
			_, err := b.service.Trees(t.Context(), b.acme.Viewer, tree.TreeQuery{Fields: tree.AllTreeFields, Total: true})
			return err
		}},
		"one tree": {1, func() error {
			_, err := b.service.Tree(t.Context(), b.acme.Engineer, published.ID, tree.AllTreeFields)
			return err
		}},
		"one session without its log": {1, func() error {
			_, err := b.service.Session(t.Context(), b.acme.Engineer, session.ID, tree.AllSessionFields&^tree.SessionLog)
			return err
		}},
		"one session": {2, func() error {
			_, err := b.service.Session(t.Context(), b.acme.Engineer, session.ID, tree.AllSessionFields)
			return err
		}},
		"a list of sessions": {1, func() error {
			_, err := b.service.Sessions(t.Context(), b.acme.Engineer, tree.SessionQuery{Fields: tree.AllSessionFields &^ tree.SessionLog, Total: true})
			return err
		}},
		"a list of sessions with their logs": {2, func() error {
			page, err := b.service.Sessions(t.Context(), b.acme.Engineer, tree.SessionQuery{Fields: tree.AllSessionFields, Total: true})
			if err == nil && (len(page.Edges) != 3 || len(page.Edges[2].Node.Log) != 3) {
				return fmt.Errorf("%d sessions", len(page.Edges))
			}
			return err
		}},
		"an export": {2, func() error {
			_, err := b.service.Export(t.Context(), b.acme.Engineer, session.ID, tree.TextExport, tree.ExportOptions{})
			return err
		}},
	}
	for name, tt := range tests { // one after the other: the counter counts all of them
		t.Run(name, func(t *testing.T) {
			sent := b.statements.during(func() {
				if err := tt.do(); err != nil {
					t.Error(err)
				}
			})
			if len(sent) != tt.want {
				t.Errorf("%d statements, want %d:\n%s", len(sent), tt.want, strings.Join(sent, "\n"))
			}
		})
	}
}

func TestTrees_OnlyWhatIsAskedIsRead(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.publish(t, b.acme.Engineer, "tree")
	sent := b.statements.during(func() {
		page, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Fields: tree.TreeTitle | tree.TreeNodeCount})
		if err != nil || len(page.Edges) != 1 || page.Edges[0].Node.Graph != nil || page.Edges[0].Node.NodeCount != 5 {
			t.Errorf("%+v, %v", page, err)
		}
	})
	for _, word := range []string{"t.draft,", "t.draft FROM", "users", "tree_categories", "tree_versions", "description", "tags"} {
		if strings.Contains(sent[0], word) {
			t.Errorf("%s is read:\n%s", word, sent[0])
		}
	}
}

func TestTrees_DeleteOnlyWhatWasNeverUsed(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	unused, used := b.publish(t, b.acme.Engineer, "unused"), b.publish(t, b.acme.Engineer, "used")
	b.walk(t, b.acme.Engineer, used.ID)

	wantFault(t, b.service.DeleteTree(t.Context(), b.acme.Engineer, unused.ID), fault.Forbidden)
	if err := b.service.DeleteTree(t.Context(), b.acme.Admin, unused.ID); err != nil {
		t.Fatal(err)
	}
	wantFault(t, b.service.DeleteTree(t.Context(), b.acme.Admin, unused.ID), fault.NotFound)
	f := wantFault(t, b.service.DeleteTree(t.Context(), b.acme.Owner, used.ID), fault.Conflict)
	if !strings.Contains(f.Message, "Archive") {
		t.Errorf("the message does not say what to do: %s", f.Message)
	}
	if _, err := b.service.ArchiveTree(t.Context(), b.acme.Engineer, used.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err := b.service.Start(t.Context(), b.acme.Engineer, tree.NewSession{Tree: used.ID}, 0)
	wantFault(t, err, fault.Conflict)
	back, err := b.service.Tree(t.Context(), b.acme.Engineer, used.ID, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.service.PublishTree(t.Context(), b.acme.Engineer, used.ID, back.Revision, "", tree.TreePublishedVersion)
	if err != nil || done.Version != 2 || done.Tree.Status != tree.Published {
		t.Errorf("publishing again: %+v, %v", done, err)
	}
}

func TestTrees_AStrangerFindsNothing(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	theirs := b.publish(t, b.rival.Engineer, "theirs")
	session := b.walk(t, b.rival.Engineer, theirs.ID, "no")
	me := b.acme.Owner
	ctx, title := t.Context(), "mine now"
	tests := map[string]func() error{
		"Tree":    func() error { _, err := b.service.Tree(ctx, me, theirs.ID, 0); return err },
		"Version": func() error { _, err := b.service.Version(ctx, me, theirs.ID, 1, 0); return err },
		"UpdateTree": func() error {
			_, err := b.service.UpdateTree(ctx, me, theirs.ID, 2, tree.TreeChange{Title: &title}, 0)
			return err
		},
		"PublishTree": func() error { _, err := b.service.PublishTree(ctx, me, theirs.ID, 2, "", 0); return err },
		"ArchiveTree": func() error { _, err := b.service.ArchiveTree(ctx, me, theirs.ID, 0); return err },
		"DeleteTree":  func() error { return b.service.DeleteTree(ctx, me, theirs.ID) },
		"Start":       func() error { _, err := b.service.Start(ctx, me, tree.NewSession{Tree: theirs.ID}, 0); return err },
		"Session":     func() error { _, err := b.service.Session(ctx, me, session.ID, 0); return err },
		"Advance": func() error {
			_, err := b.service.Advance(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, tree.Choice{Option: "fixed"})
			return err
		},
		"GoBack": func() error {
			_, err := b.service.GoBack(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, 0)
			return err
		},
		"AddNote": func() error {
			_, err := b.service.AddNote(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, tree.Note{OnStep: 0, Text: "x"})
			return err
		},
		"Complete": func() error {
			_, err := b.service.Complete(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, tree.Completion{Outcome: tree.Resolved, Reason: "x"})
			return err
		},
		"Abandon": func() error {
			_, err := b.service.Abandon(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, "x")
			return err
		},
		"Export": func() error {
			_, err := b.service.Export(ctx, me, session.ID, tree.TextExport, tree.ExportOptions{})
			return err
		},
	}
	for name, try := range tests {
		wantFaultNamed(t, name, try(), fault.NotFound)
	}
	trees, err := b.service.Trees(ctx, me, tree.TreeQuery{Total: true})
	sessions, err2 := b.service.Sessions(ctx, me, tree.SessionQuery{Filter: tree.SessionFilter{Scope: tree.Team}, Total: true})
	if err != nil || err2 != nil || trees.Total != 0 || len(trees.Edges) != 0 || sessions.Total != 0 || len(sessions.Edges) != 0 {
		t.Errorf("a stranger lists %d trees (%v) and %d sessions (%v)", len(trees.Edges), err, len(sessions.Edges), err2)
	}
	if cats, err := b.service.Categories(ctx, me); err != nil || len(cats) != 0 {
		t.Errorf("a stranger lists categories: %v, %v", cats, err)
	}
	after, err := b.service.Session(ctx, b.rival.Engineer, session.ID, tree.AllSessionFields)
	if err != nil || after.LastSeq != 1 {
		t.Errorf("a stranger changed something: %+v, %v", after, err)
	}
}

func wantFaultNamed(t *testing.T, name string, err error, code fault.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("%s: error %v, want %s", name, err, code)
	}
}

func TestTrees_TextThatPostgreSQLRefusesIsRefusedBefore(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	session := b.walk(t, b.acme.Engineer, published.ID)
	ctx, me := t.Context(), b.acme.Engineer
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		graph := cable()
		graph.Nodes[0].Options[0].Label = bad
		tests := map[string]func() error{
			"title": func() error { _, err := b.service.CreateTree(ctx, me, tree.NewTree{Title: bad}, 0); return err },
			"description": func() error {
				_, err := b.service.CreateTree(ctx, me, tree.NewTree{Title: "x", Description: bad}, 0)
				return err
			},
			"tag": func() error {
				_, err := b.service.CreateTree(ctx, me, tree.NewTree{Title: "x", Tags: []string{bad}}, 0)
				return err
			},
			"graph": func() error {
				_, err := b.service.CreateTree(ctx, me, tree.NewTree{Title: "x", Graph: graph}, 0)
				return err
			},
			"category":    func() error { _, err := b.service.CreateCategory(ctx, me, bad); return err },
			"change note": func() error { _, err := b.service.PublishTree(ctx, me, published.ID, 2, bad, 0); return err },
			"tag filter": func() error {
				_, err := b.service.Trees(ctx, me, tree.TreeQuery{Filter: tree.TreeFilter{Tag: bad}})
				return err
			},
			"ticket": func() error {
				_, err := b.service.Start(ctx, me, tree.NewSession{Tree: published.ID, Ticket: bad}, 0)
				return err
			},
			"subject": func() error {
				_, err := b.service.Start(ctx, me, tree.NewSession{Tree: published.ID, Subject: bad}, 0)
				return err
			},
			"start key": func() error {
				_, err := b.service.Start(ctx, me, tree.NewSession{Tree: published.ID, IdempotencyKey: bad}, 0)
				return err
			},
			"key": func() error {
				_, err := b.service.Advance(ctx, me, session.ID, tree.Guard{IdempotencyKey: bad}, tree.Choice{Option: "no"})
				return err
			},
			"option": func() error {
				_, err := b.service.Advance(ctx, me, session.ID, tree.Guard{}, tree.Choice{Option: tree.OptionID(bad)})
				return err
			},
			"note": func() error {
				_, err := b.service.AddNote(ctx, me, session.ID, tree.Guard{}, tree.Note{OnStep: 0, Text: bad})
				return err
			},
			"reason": func() error { _, err := b.service.Abandon(ctx, me, session.ID, tree.Guard{}, bad); return err },
			"cursor": func() error {
				_, err := b.service.Trees(ctx, me, tree.TreeQuery{Page: tree.Page{After: bad}})
				return err
			},
		}
		for name, try := range tests {
			wantFaultNamed(t, fmt.Sprintf("%s %q", name, bad), try(), fault.BadUserInput)
		}
	}
}

func TestTrees_HintFollowsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	made, err := b.service.CreateTree(t.Context(), b.acme.Engineer, tree.NewTree{Title: "VPN"}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	want := []event.Hint{{Account: b.acme.Account.String(), Topic: event.Trees}}
	if diff := cmp.Diff(want, b.hints.take()); diff != "" {
		t.Errorf("hints of a tree that was made (-want +got):\n%s", diff)
	}
	title := "VPN from home"
	if _, err = b.service.UpdateTree(t.Context(), b.acme.Engineer, made.ID, made.Revision+1, tree.TreeChange{Title: &title}, 0); err == nil {
		t.Fatal("a revision that does not exist was accepted")
	}
	if got := b.hints.take(); len(got) != 0 {
		t.Errorf("hints of what was rolled back: %v", got)
	}
}
