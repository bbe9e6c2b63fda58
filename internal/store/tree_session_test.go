package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// walk starts a session and takes the options, a minute each. The empty option
// is the one way on.
func (b *treeBundle) walk(t *testing.T, actor account.Actor, id tree.ID, options ...tree.OptionID) *tree.Session {
	t.Helper()
	session, err := b.service.Start(t.Context(), actor, tree.NewSession{Tree: id, Ticket: "T-1"}, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range options {
		b.now.Add(60)
		done, err := b.service.Advance(t.Context(), actor, session.ID, tree.Guard{ExpectedStep: session.LastSeq}, tree.Choice{Option: option})
		if err != nil {
			t.Fatal(err)
		}
		session = done.Session
	}
	return session
}

func TestTreeSessions_AWholeWalk(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	me, ctx := b.acme.Engineer, t.Context()
	session, err := b.service.Start(ctx, me, tree.NewSession{Tree: published.ID, Ticket: "T-1", Client: "Example", Subject: "No light"}, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	if session.CurrentNode.ID != "lamp" || session.Version.Number != 1 || session.Starter.Name != "emil" || session.Status != tree.InProgress {
		t.Errorf("started %+v", session)
	}

	// A running session keeps the version that it began with.
	other := tree.Graph{Root: "x", Nodes: []tree.Node{{ID: "x", Kind: tree.Solution, Title: "X", Text: "x", Outcome: tree.Resolved}}}
	if updated, err := b.service.UpdateTree(ctx, me, published.ID, published.Revision, tree.TreeChange{Graph: &other}, tree.TreeRevision); err != nil {
		t.Fatal(err)
	} else if _, err := b.service.PublishTree(ctx, me, published.ID, updated.Revision, "", 0); err != nil {
		t.Fatal(err)
	}

	step := 0
	record := func(done tree.Recorded, err error) *tree.Session {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		step++
		if done.Entry.Seq != step || done.Session.LastSeq != step || done.Repeated {
			t.Fatalf("entry %d, last %d, want %d", done.Entry.Seq, done.Session.LastSeq, step)
		}
		b.now.Add(30)
		return done.Session
	}
	guard := func() tree.Guard { return tree.Guard{ExpectedStep: step} }
	record(b.service.Advance(ctx, me, session.ID, guard(), tree.Choice{Option: "no", Note: "dark; 'quoted' \\ \U0001F4A1"}))
	record(b.service.Advance(ctx, me, session.ID, guard(), tree.Choice{Option: "still"}))
	record(b.service.Advance(ctx, me, session.ID, guard(), tree.Choice{}))
	record(b.service.GoBack(ctx, me, session.ID, guard(), 2))
	record(b.service.AddNote(ctx, me, session.ID, guard(), tree.Note{OnStep: 1, Text: "about the first"}))
	record(b.service.AddNote(ctx, me, session.ID, guard(), tree.Note{OnStep: 0, Text: "about this one"}))
	record(b.service.Advance(ctx, me, session.ID, guard(), tree.Choice{Option: "fixed"}))
	written := record(b.service.Complete(ctx, me, session.ID, guard(), tree.Completion{}))

	read, err := b.service.Session(ctx, me, session.ID, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	written.Versions = nil       // only a session that is changed has them
	written.Shares = read.Shares // they are read apart
	if diff := cmp.Diff(written, read, sameIDs); diff != "" {
		t.Errorf("what was written and what is read differ (-written +read):\n%s", diff)
	}
	if read.Status != tree.Completed || read.Outcome != tree.Resolved || read.CurrentNodeID != "done" || read.Active != 7*30*time.Second || !read.EndedAt.Equal(nine.Add(210*time.Second)) {
		t.Errorf("completed %+v", read.State)
	}
	var path []tree.NodeID
	for _, s := range read.Taken(true) {
		path = append(path, s.NodeID)
	}
	if diff := cmp.Diff([]tree.NodeID{"lamp", "plug", "wait", "plug", "done"}, path); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
	light, err := b.service.Session(ctx, me, session.ID, tree.AllSessionFields&^(tree.SessionLog|tree.SessionGraph))
	if err != nil {
		t.Fatal(err)
	}
	if light.Log != nil || light.Version.Graph != nil || light.CurrentNode == nil || light.CurrentNode.FollowUps[0] != "Order a new cable" || light.Active != read.Active || light.CurrentTitle != "Cable was loose" || light.LastSeq != 8 {
		t.Errorf("without its log it is %+v", light)
	}
	_, err = b.service.AddNote(ctx, me, session.ID, guard(), tree.Note{OnStep: 0, Text: "too late"})
	wantFault(t, err, fault.Conflict)

	export, err := b.service.Export(ctx, me, session.ID, tree.TextExport, tree.ExportOptions{IncludeNotes: true})
	if err != nil || !strings.Contains(export.Content, "Lamp is dark (version 1)") || !strings.Contains(export.Content, "about the first") || !strings.Contains(export.Content, "Order a new cable") {
		t.Errorf("export %v:\n%s", err, export.Content)
	}
}

func TestTreeSessions_WhoMayReadAndWalk(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	session := b.walk(t, b.acme.Engineer, published.ID, "no")
	ctx, guard := t.Context(), tree.Guard{ExpectedStep: 1}
	for name, tt := range map[string]struct {
		actor         account.Actor
		read, advance fault.Code // empty: allowed
	}{
		"another engineer": {b.acme.Colleague, fault.NotFound, fault.NotFound},
		"a viewer":         {b.acme.Viewer, fault.NotFound, fault.Forbidden},
		"an admin":         {b.acme.Admin, "", fault.Forbidden},
		"an owner":         {b.acme.Owner, "", fault.Forbidden},
		"nobody":           {account.Actor{}, fault.Unauthenticated, fault.Unauthenticated},
		"who has it":       {b.acme.Engineer, "", ""},
	} {
		_, err := b.service.Session(ctx, tt.actor, session.ID, tree.AllSessionFields)
		if tt.read == "" && err != nil || tt.read != "" && fault.Of(err).Code != tt.read {
			t.Errorf("%s reads: %v", name, err)
		}
		if tt.advance != "" {
			_, err = b.service.Advance(ctx, tt.actor, session.ID, guard, tree.Choice{Option: "fixed"})
			wantFaultNamed(t, name+" advances", err, tt.advance)
		}
	}
	_, err := b.service.Sessions(ctx, b.acme.Engineer, tree.SessionQuery{Filter: tree.SessionFilter{Scope: tree.Team}})
	wantFault(t, err, fault.Forbidden)
	for name, tt := range map[string]struct {
		actor account.Actor
		scope tree.SessionScope
		want  int
	}{
		"the engineer's own":  {b.acme.Engineer, "", 1},
		"a colleague's own":   {b.acme.Colleague, tree.Mine, 0},
		"an admin's own":      {b.acme.Admin, tree.Mine, 0},
		"an admin's team":     {b.acme.Admin, tree.Team, 1},
		"another team's team": {b.rival.Owner, tree.Team, 0},
	} {
		page, err := b.service.Sessions(ctx, tt.actor, tree.SessionQuery{Filter: tree.SessionFilter{Scope: tt.scope}, Total: true})
		if err != nil || len(page.Edges) != tt.want || page.Total != tt.want {
			t.Errorf("%s: %d of %d, %v", name, len(page.Edges), page.Total, err)
		}
	}
}

func TestTreeSessions_List(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	one, two := b.publish(t, b.acme.Engineer, "one"), b.publish(t, b.acme.Engineer, "two")
	var want []tree.SessionID
	for i := range 5 {
		b.now.Add(int64(i % 2)) // some share their time
		published := one
		if i == 2 {
			published = two
		}
		want = append(want, b.walk(t, b.acme.Engineer, published.ID).ID)
	}
	slices.Reverse(want)
	if _, err := b.service.Abandon(t.Context(), b.acme.Engineer, want[0], tree.Guard{}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Complete(t.Context(), b.acme.Engineer, want[4], tree.Guard{}, tree.Completion{Outcome: tree.Resolved, Reason: "The light is on."}); err != nil {
		t.Fatal(err)
	}
	size := 2
	var got []tree.SessionID
	page := tree.Page{First: &size}
	for more := true; more; {
		list, err := b.service.Sessions(t.Context(), b.acme.Engineer, tree.SessionQuery{Page: page, Fields: tree.AllSessionFields})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Edges {
			got = append(got, e.Node.ID)
			page.After = e.Cursor
		}
		more = list.HasNextPage
	}
	if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for name, tt := range map[string]struct {
		filter tree.SessionFilter
		want   int
	}{
		"in progress":            {tree.SessionFilter{Status: []tree.SessionStatus{tree.InProgress}}, 3},
		"any of two":             {tree.SessionFilter{Status: []tree.SessionStatus{tree.InProgress, tree.Abandoned}}, 4},
		"on the other one":       {tree.SessionFilter{Tree: two.ID}, 1},
		"resolved":               {tree.SessionFilter{Outcome: []tree.Outcome{tree.Resolved, tree.Escalated}}, 1},
		"unresolved":             {tree.SessionFilter{Outcome: []tree.Outcome{tree.Unresolved}}, 0},
		"from the second second": {tree.SessionFilter{From: nine.Add(time.Second)}, 4},
		"until the third":        {tree.SessionFilter{To: nine.Add(2 * time.Second)}, 3},
		"in one second":          {tree.SessionFilter{From: nine.Add(time.Second), To: nine.Add(2 * time.Second), Tree: one.ID}, 1},
	} {
		list, err := b.service.Sessions(t.Context(), b.acme.Engineer, tree.SessionQuery{Filter: tt.filter, Total: true})
		if err != nil || list.Total != tt.want || len(list.Edges) != tt.want {
			t.Errorf("%s: %d of %d, %v", name, len(list.Edges), list.Total, err)
		}
	}
}

// sameIDs lets cmp compare ids.
var sameIDs = cmp.Options{}

func texts(ids []tree.SessionID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

func TestTreeSessions_OfTwoAtOnceOneWins(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	session := b.walk(t, b.acme.Engineer, published.ID)
	var all sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = b.service.Advance(t.Context(), b.acme.Engineer, session.ID, tree.Guard{ExpectedStep: 0}, tree.Choice{Option: "no"})
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		f := wantFault(t, err, fault.Conflict)
		if f.Extensions["currentStep"] != 1 || f.Extensions["currentNodeId"] != "plug" || f.Extensions["status"] != "IN_PROGRESS" {
			t.Errorf("the conflict says %v", f.Extensions)
		}
	}
	after, err := b.service.Session(t.Context(), b.acme.Engineer, session.ID, tree.AllSessionFields)
	if err != nil || won != 1 || after.LastSeq != 1 || len(after.Log) != 1 {
		t.Errorf("%d won, the log has %d entries, %v", won, len(after.Log), err)
	}
}

func TestTreeSessions_ARepeatReturnsTheFirstResult(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	session := b.walk(t, b.acme.Engineer, published.ID)
	guard := tree.Guard{ExpectedStep: 0, IdempotencyKey: "key-1"}
	var all sync.WaitGroup
	results := make([]tree.Recorded, 6)
	errs := make([]error, 6)
	for i := range results {
		all.Go(func() {
			results[i], errs[i] = b.service.Advance(t.Context(), b.acme.Engineer, session.ID, guard, tree.Choice{Option: "no", Note: "dark"})
		})
	}
	all.Wait()
	first := 0
	for i, r := range results {
		if errs[i] != nil || r.Entry.Seq != 1 || r.Entry.Note != "dark" || r.Session.LastSeq != 1 {
			t.Fatalf("%+v, %v", r.Entry, errs[i])
		}
		if !r.Repeated {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d of the requests were the first", first)
	}
	if _, err := b.service.Advance(t.Context(), b.acme.Engineer, session.ID, tree.Guard{ExpectedStep: 1}, tree.Choice{Option: "fixed"}); err != nil {
		t.Fatal(err)
	}
	late, err := b.service.Advance(t.Context(), b.acme.Engineer, session.ID, guard, tree.Choice{Option: "no", Note: "dark"})
	if err != nil || !late.Repeated || late.Entry.Seq != 1 || late.Session.LastSeq != 2 {
		t.Errorf("a late repeat: %+v, %v", late, err)
	}
	_, err = b.service.Advance(t.Context(), b.acme.Engineer, session.ID, guard, tree.Choice{Option: "yes"})
	wantFault(t, err, fault.Conflict)
	_, err = b.service.AddNote(t.Context(), b.acme.Engineer, session.ID, guard, tree.Note{OnStep: 0, Text: "dark"})
	wantFault(t, err, fault.Conflict)
	other := b.walk(t, b.acme.Engineer, published.ID)
	if _, err := b.service.Advance(t.Context(), b.acme.Engineer, other.ID, guard, tree.Choice{Option: "yes"}); err != nil {
		t.Errorf("the key of another session: %v", err)
	}
}

func TestTreeSessions_StartingTwiceWithOneKeyStartsOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	in := tree.NewSession{Tree: published.ID, Ticket: "T-1", IdempotencyKey: "key-1"}
	var all sync.WaitGroup
	sessions := make([]*tree.Session, 6)
	errs := make([]error, 6)
	for i := range sessions {
		all.Go(func() {
			sessions[i], errs[i] = b.service.Start(t.Context(), b.acme.Engineer, in, tree.AllSessionFields)
		})
	}
	all.Wait()
	for i := range sessions {
		if errs[i] != nil || sessions[i].ID != sessions[0].ID {
			t.Fatalf("%v, %v", sessions[i], errs[i])
		}
	}
	changed := in
	changed.Ticket = "T-2"
	_, err := b.service.Start(t.Context(), b.acme.Engineer, changed, 0)
	wantFault(t, err, fault.Conflict)
	theirs, err := b.service.Start(t.Context(), b.acme.Colleague, in, 0)
	if err != nil || theirs.ID == sessions[0].ID {
		t.Errorf("a colleague's key: %v, %v", theirs, err)
	}
	draft := b.create(t, b.acme.Engineer, "draft")
	_, err = b.service.Start(t.Context(), b.acme.Engineer, tree.NewSession{Tree: draft.ID, IdempotencyKey: "key-2"}, 0)
	wantFault(t, err, fault.Conflict)
	page, err := b.service.Sessions(t.Context(), b.acme.Owner, tree.SessionQuery{Filter: tree.SessionFilter{Scope: tree.Team}, Total: true})
	if err != nil || page.Total != 2 {
		t.Errorf("%d sessions, %v", page.Total, err)
	}
}

func TestTreeSessions_OldRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	in := tree.NewSession{Tree: published.ID, IdempotencyKey: "key-1"}
	start := func() tree.SessionID {
		t.Helper()
		s, err := b.service.Start(t.Context(), b.acme.Engineer, in, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s.ID
	}
	first := start()

	b.now.Store(60)
	if err := b.trees.ForgetRequests(t.Context(), nine); err != nil { // it was asked at nine, not before
		t.Fatal(err)
	}
	if again := start(); again != first {
		t.Error("a young request was forgotten")
	}
	if err := b.trees.ForgetRequests(t.Context(), nine.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if again := start(); again == first {
		t.Error("an old request was remembered")
	}
}
