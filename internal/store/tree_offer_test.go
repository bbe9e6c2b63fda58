package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// ownSteps walks a tree and takes steps of one's own where it begins.
func (b *treeBundle) ownSteps(t *testing.T, actor account.Actor, id tree.ID, titles ...string) *tree.Session {
	t.Helper()
	s := b.walk(t, actor, id)
	for _, title := range titles {
		b.now.Add(60)
		done, err := b.service.AddStep(t.Context(), actor, s.ID, tree.Guard{ExpectedStep: s.LastSeq}, tree.NewStep{Title: title, Answer: "dark"})
		if err != nil {
			t.Fatal(err)
		}
		s = done.Session
	}
	return s
}

func (b *treeBundle) complete(t *testing.T, actor account.Actor, s *tree.Session) *tree.Session {
	t.Helper()
	b.now.Add(60)
	done, err := b.service.Complete(t.Context(), actor, s.ID, tree.Guard{ExpectedStep: s.LastSeq}, tree.Completion{Outcome: tree.Resolved, Reason: "It shines."})
	if err != nil {
		t.Fatal(err)
	}
	return done.Session
}

// offers lists a tree's open offers as "title count", in order of their titles.
func (b *treeBundle) offers(t *testing.T, actor account.Actor, id tree.ID) []string {
	t.Helper()
	hundred := tree.MaxPageSize
	page, err := b.service.Offers(t.Context(), actor, tree.OfferQuery{Filter: tree.OfferFilter{Tree: id}, Page: tree.Page{First: &hundred}, Fields: tree.AllOfferFields, Total: true})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, edge := range page.Edges {
		list = append(list, fmt.Sprint(edge.Node.Title, " ", edge.Node.Count))
	}
	slices.Sort(list)
	return list
}

func TestTreeOffers_CostWalkingOneStatementAndOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	for name, tt := range map[string]struct {
		titles []string
		extra  int
		topics []event.Topic
	}{
		"without a step of one's own": {nil, 0, []event.Topic{event.TreeSessions}},
		"with three":                  {[]string{"Shook it", "Kicked it", "Shook it"}, 1, []event.Topic{event.TreeSessions, event.Trees}},
	} {
		s := b.ownSteps(t, b.acme.Engineer, published.ID, tt.titles...)
		b.hints.take()
		const plain = 4 // lock, read the log, append, move on
		sent := b.statements.during(func() { b.complete(t, b.acme.Engineer, s) })
		sent = slices.DeleteFunc(sent, func(sql string) bool { return sql == "BEGIN" || sql == "COMMIT" })
		if len(sent) != plain+tt.extra {
			t.Errorf("%s it takes %d statements, want %d:\n%s", name, len(sent), plain+tt.extra, strings.Join(sent, "\n"))
		}
		var topics []event.Topic
		for _, hint := range b.hints.take() {
			topics = append(topics, hint.Topic)
		}
		if diff := cmp.Diff(tt.topics, topics); diff != "" {
			t.Errorf("%s: hints (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"Kicked it 1", "Shook it 2"}, b.offers(t, b.acme.Colleague, published.ID)); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

func TestTreeOffers_AreKeptByTheTreeInWhichTheStepWasTaken(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	inner, middle, outer := b.nested(t)
	me, ctx := b.acme.Engineer, t.Context()
	s := b.ownSteps(t, me, outer.TreeID, "At the site")
	done, err := b.service.Advance(ctx, me, s.ID, tree.Guard{ExpectedStep: 1}, tree.Choice{Values: []tree.GivenValue{{Name: "name", Text: "Ann"}}})
	if err != nil {
		t.Fatal(err)
	}
	if done, err = b.service.AddStep(ctx, me, s.ID, tree.Guard{ExpectedStep: 2}, tree.NewStep{Title: "Deep inside", Note: "n"}); err != nil {
		t.Fatal(err)
	}
	ended := b.complete(t, me, done.Session)
	for id, want := range map[tree.ID][]string{inner.TreeID: {"Deep inside 1"}, middle.TreeID: nil, outer.TreeID: {"At the site 1"}} {
		if diff := cmp.Diff(want, b.offers(t, me, id)); diff != "" {
			t.Errorf("offers (-want +got):\n%s", diff)
		}
	}
	page, err := b.service.Offers(ctx, me, tree.OfferQuery{Filter: tree.OfferFilter{Tree: inner.TreeID}, Fields: tree.AllOfferFields})
	if err != nil {
		t.Fatal(err)
	}
	o := page.Edges[0].Node
	// The node's words are its author's, not with values filled in.
	if o.NodeID != "pull" || o.NodeTitle != "Pull the plug of {{name}}" || o.TreeTitle != "Power" || o.OfferedBy.Name != "emil" || o.Note != "n" ||
		o.Session == nil || o.Session.ID != ended.ID || !o.LatestAt.Equal(o.OfferedAt) {
		t.Errorf("offered %+v", o)
	}
	if seen, err := b.service.Offer(ctx, b.acme.Colleague, o.ID, tree.AllOfferFields); err != nil || seen.Session != nil {
		t.Errorf("a colleague who may not read the session sees %+v, %v", seen, err)
	}

	// The whole session is drafted in one tree.
	drafted, err := b.service.DraftFromSession(ctx, me, tree.NewDraft{Session: s.ID}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	var ids []tree.NodeID
	for _, n := range drafted.Tree.Graph.Nodes {
		ids = append(ids, n.ID)
	}
	if diff := cmp.Diff([]tree.NodeID{"at-the-site", "who", "deep-inside", "it-shines"}, ids); diff != "" || drafted.Tree.Title != "Site" || len(drafted.Problems) == 0 {
		t.Errorf("drafted %q with %v (-want +got):\n%s", drafted.Tree.Title, drafted.Problems, diff)
	}
}

func TestTreeOffers_AreBounded(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	var titles []string
	for i := range tree.MaxOpenOffers - 1 {
		titles = append(titles, fmt.Sprint("Tried ", i))
	}
	b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, published.ID, titles...))
	b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, published.ID, "Tried 7", "The last one", "One too many", "The last one"))
	t200, err := b.service.Tree(t.Context(), b.acme.Engineer, published.ID, tree.TreeOffers)
	if err != nil || *t200.OpenOffers != tree.MaxOpenOffers {
		t.Errorf("%d open offers, %v", *t200.OpenOffers, err)
	}
	list := b.offers(t, b.acme.Engineer, published.ID) // of those, the 100 that came last
	if !slices.Contains(list, "The last one 2") || strings.Contains(fmt.Sprint(list), "One too many") {
		t.Errorf("offers %v", list)
	}
}

// Many sessions that end at once with equal words lose and double nothing.
func TestTreeOffers_ManyAtOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	titles := []string{"Shook it", "Kicked it", "Looked at it"}
	var sessions []*tree.Session
	for i := range 8 {
		slices.Reverse(titles[i%2:]) // so that they come in many orders
		sessions = append(sessions, b.ownSteps(t, b.acme.Engineer, published.ID, titles...))
	}
	var all sync.WaitGroup
	for _, s := range sessions {
		all.Go(func() {
			_, err := b.service.Complete(t.Context(), b.acme.Engineer, s.ID, tree.Guard{ExpectedStep: s.LastSeq}, tree.Completion{Outcome: tree.Resolved, Reason: "x"})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]string{"Kicked it 8", "Looked at it 8", "Shook it 8"}, b.offers(t, b.acme.Engineer, published.ID)); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

// Of two people who decide at once one wins, and the draft gets one node.
func TestTreeOffers_OfTwoWhoDecideOneWins(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, published.ID, "Shook it"))
	page, err := b.service.Offers(t.Context(), b.acme.Engineer, tree.OfferQuery{})
	if err != nil || len(page.Edges) != 1 {
		t.Fatal(page, err)
	}
	offer := page.Edges[0].Node
	before, err := b.service.Tree(t.Context(), b.acme.Engineer, published.ID, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 3)
	var all sync.WaitGroup
	all.Go(func() {
		_, errs[0] = b.service.AcceptOffer(t.Context(), b.acme.Engineer, offer.ID, before.Revision, false, 0, 0)
	})
	all.Go(func() {
		_, errs[1] = b.service.AcceptOffer(t.Context(), b.acme.Colleague, offer.ID, before.Revision, false, 0, 0)
	})
	all.Go(func() { _, errs[2] = b.service.DismissOffer(t.Context(), b.acme.Admin, offer.ID, "no", 0) })
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.Of(err) == nil || fault.Of(err).Code != fault.Conflict {
			t.Error(err)
		}
	}
	after, err := b.service.Tree(t.Context(), b.acme.Engineer, published.ID, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	accepted := errs[2] != nil
	if won != 1 || (len(after.Graph.Nodes) == len(before.Graph.Nodes)+1) != accepted || *after.OpenOffers != 0 {
		t.Errorf("%d won: %v; %d nodes of %d, %d open", won, errs, len(after.Graph.Nodes), len(before.Graph.Nodes), *after.OpenOffers)
	}
}

func TestTreeOffers_AnAcceptedStepNeedsItsNode(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, published.ID, "Shook it"))
	page, err := b.service.Offers(t.Context(), b.acme.Engineer, tree.OfferQuery{})
	if err != nil {
		t.Fatal(err)
	}
	offer := page.Edges[0].Node.ID
	other := tree.Graph{Root: "x", Nodes: []tree.Node{{ID: "x", Kind: tree.Solution, Title: "X", Text: "x", Outcome: tree.Resolved}}}
	saved, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, published.ID, published.Revision, tree.TreeChange{Graph: &other}, tree.TreeRevision)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.AcceptOffer(t.Context(), b.acme.Engineer, offer, saved.Revision, false, 0, 0)
	wantFaultNamed(t, "a node that is gone", err, fault.Conflict)
	_, err = b.service.AcceptOffer(t.Context(), b.acme.Viewer, offer, saved.Revision, false, 0, 0)
	wantFaultNamed(t, "a viewer", err, fault.Forbidden)
	_, err = b.service.DismissOffer(t.Context(), b.acme.Engineer, offer, strings.Repeat("x", tree.MaxReason+1), 0)
	wantFaultNamed(t, "a long reason", err, fault.BadUserInput)
	_, err = b.service.Offers(t.Context(), b.acme.Engineer, tree.OfferQuery{Page: tree.Page{After: "x"}})
	wantFaultNamed(t, "no cursor", err, fault.BadUserInput)
	if diff := cmp.Diff([]string{"Shook it 1"}, b.offers(t, b.acme.Engineer, published.ID)); diff != "" {
		t.Errorf("what was refused changed something (-want +got):\n%s", diff)
	}
}

func TestTreeOffers_ArePaged(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	mine, other := b.publish(t, b.acme.Engineer, "Mine"), b.publish(t, b.acme.Colleague, "Other")
	for _, id := range []tree.ID{mine.ID, other.ID, mine.ID} {
		b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, id, fmt.Sprint("Tried at ", b.now.Load())))
	}
	var got []tree.ID
	two, after := 2, ""
	for {
		page, err := b.service.Offers(t.Context(), b.acme.Engineer, tree.OfferQuery{Page: tree.Page{First: &two, After: after}, Total: true})
		if err != nil || page.Total != 3 {
			t.Fatal(page.Total, err)
		}
		for _, edge := range page.Edges {
			got, after = append(got, edge.Node.TreeID), edge.Cursor
		}
		if !page.HasNextPage {
			break
		}
	}
	if diff := cmp.Diff([]tree.ID{mine.ID, other.ID, mine.ID}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	own, err := b.service.Offers(t.Context(), b.acme.Colleague, tree.OfferQuery{Filter: tree.OfferFilter{Owner: b.acme.Colleague.UserID}})
	if err != nil || len(own.Edges) != 1 || own.Edges[0].Node.TreeID != other.ID {
		t.Errorf("of the colleague's trees: %v, %v", own, err)
	}
	last, err := b.service.Offers(t.Context(), b.acme.Engineer, tree.OfferQuery{Page: tree.Page{After: after}, Total: true})
	if err != nil || len(last.Edges) != 0 || last.Total != 3 {
		t.Errorf("behind the last: %v, %v", last, err)
	}
}

func TestDraftFromSession_OneKeyMakesOneTree(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	s := b.ownSteps(t, b.acme.Engineer, published.ID, "Shook it")
	ids := make([]tree.ID, 4)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			done, err := b.service.DraftFromSession(t.Context(), b.acme.Engineer, tree.NewDraft{Session: s.ID, IdempotencyKey: "k"}, 0)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = done.Tree.ID
		})
	}
	all.Wait()
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("one key drafted %v", ids)
	}
	if trees, err := b.db.NewSelect().Table("trees").Count(t.Context()); err != nil || trees != 2 {
		t.Errorf("%d trees, %v", trees, err)
	}
	for name, tt := range map[string]struct {
		actor account.Actor
		in    tree.NewDraft
		want  fault.Code
	}{
		"something else":     {b.acme.Engineer, tree.NewDraft{Session: s.ID, Title: "Other", IdempotencyKey: "k"}, fault.Conflict},
		"a colleague":        {b.acme.Colleague, tree.NewDraft{Session: s.ID}, fault.NotFound},
		"a stranger":         {b.rival.Owner, tree.NewDraft{Session: s.ID}, fault.NotFound},
		"a viewer":           {b.acme.Viewer, tree.NewDraft{Session: s.ID}, fault.Forbidden},
		"no such category":   {b.acme.Engineer, tree.NewDraft{Session: s.ID, Category: newID[tree.CategoryID](t)}, fault.NotFound},
		"a title too long":   {b.acme.Engineer, tree.NewDraft{Session: s.ID, Title: strings.Repeat("x", tree.MaxTitle+1)}, fault.BadUserInput},
		"a key too long":     {b.acme.Engineer, tree.NewDraft{Session: s.ID, IdempotencyKey: strings.Repeat("x", tree.MaxKey+1)}, fault.BadUserInput},
		"no session at all":  {b.acme.Engineer, tree.NewDraft{}, fault.NotFound},
		"nobody's key again": {b.acme.Engineer, tree.NewDraft{Session: newID[tree.SessionID](t), IdempotencyKey: "k"}, fault.NotFound},
	} {
		_, err := b.service.DraftFromSession(t.Context(), tt.actor, tt.in, 0)
		wantFaultNamed(t, name, err, tt.want)
	}
	if err := b.trees.ForgetRequests(t.Context(), nine.Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	again, err := b.service.DraftFromSession(t.Context(), b.acme.Engineer, tree.NewDraft{Session: s.ID, IdempotencyKey: "k"}, 0)
	if err != nil || again.Tree.ID == ids[0] {
		t.Errorf("a key is not forgotten after a day: %v, %v", again.Tree, err)
	}
}

func TestTreeOffers_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	ours := b.publish(t, b.acme.Engineer, "ours")
	session := b.complete(t, b.acme.Engineer, b.ownSteps(t, b.acme.Engineer, ours.ID, "Shook it"))
	page, err := b.service.Offers(ctx, b.acme.Engineer, tree.OfferQuery{})
	if err != nil || len(page.Edges) != 1 {
		t.Fatal(page, err)
	}
	offer := *page.Edges[0].Node
	_, err = b.trees.Offer(ctx, b.rival.Account, offer.ID, tree.AllOfferFields)
	wantFaultNamed(t, "Offer", err, fault.NotFound)
	err = b.trees.InTx(ctx, func(ctx context.Context, tx tree.Tx) error {
		_, err := tx.LockOffer(ctx, b.rival.Account, offer.ID)
		return err
	})
	wantFaultNamed(t, "LockOffer", err, fault.NotFound)
	if list, err := b.service.Offers(ctx, b.rival.Owner, tree.OfferQuery{Filter: tree.OfferFilter{Tree: ours.ID}}); err != nil || len(list.Edges) > 0 {
		t.Errorf("Offers: %v, %v", list, err)
	}
	if versions, err := b.trees.ReadVersions(ctx, b.rival.Account, []tree.VersionRef{{TreeID: ours.ID, Number: 1}}); err != nil || len(versions) > 0 {
		t.Errorf("ReadVersions: %v, %v", versions, err)
	}
	stolen := offer
	stolen.AccountID, stolen.Status = b.rival.Account, tree.OfferDismissed
	for name, change := range map[string]func(ctx context.Context, tx tree.Tx) error{
		"SaveOffer": func(ctx context.Context, tx tree.Tx) error { return tx.SaveOffer(ctx, &stolen) },
		"ReplaceOfferings": func(ctx context.Context, tx tree.Tx) error {
			return tx.ReplaceOfferings(ctx, b.rival.Account, session.ID, nil)
		},
	} {
		if err := b.trees.InTx(ctx, change); err != nil {
			t.Errorf("%s changes no row, which is no error, but returns %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"Shook it 1"}, b.offers(t, b.acme.Engineer, ours.ID)); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

// Whatever is done in some sessions, in any order: what is offered is what they said
// when each ended last, each step once.
func TestTreeOffers_AreWhatSessionsSaidWhenTheyEndedLast(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	me, ctx := b.acme.Engineer, t.Context()
	random := rand.New(rand.NewPCG(1, 2))
	sessions := make([]*tree.Session, 3)
	for i := range sessions {
		sessions[i] = b.walk(t, me, published.ID)
	}
	said := make([]map[string]int, len(sessions)) // of each session, when it ended last
	for range 120 {
		b.now.Add(60)
		i := random.IntN(len(sessions))
		s := sessions[i]
		guard := tree.Guard{ExpectedStep: s.LastSeq}
		var done tree.Recorded
		var err error
		switch what := random.IntN(8); {
		case s.Status != tree.InProgress:
			done, err = b.service.Reopen(ctx, me, s.ID, guard)
		case what < 4:
			title := []string{"Shook it", "SHOOK  it", "Kicked it", "Looked at it"}[what]
			done, err = b.service.AddStep(ctx, me, s.ID, guard, tree.NewStep{Title: title})
		case what == 4:
			if done, err = b.service.GoBack(ctx, me, s.ID, guard, 0); fault.Of(err) != nil { // nothing to go back to
				continue
			}
		case what == 5:
			done, err = b.service.Abandon(ctx, me, s.ID, guard, "")
		default:
			done, err = b.service.Complete(ctx, me, s.ID, guard, tree.Completion{Outcome: tree.Resolved, Reason: "x"})
		}
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = done.Session
		if s = done.Session; s.Status != tree.InProgress {
			said[i] = map[string]int{}
			for _, step := range s.Steps {
				if step.Own && !step.Undone && s.Status == tree.Completed {
					said[i][strings.ToLower(strings.Join(strings.Fields(step.NodeTitle), " "))]++
				}
			}
		}
		counts := map[string]int{}
		for _, of := range said {
			for title, n := range of {
				counts[title] += n
			}
		}
		var want, got []string
		for title, n := range counts {
			want = append(want, fmt.Sprint(title, " ", n))
		}
		for _, line := range b.offers(t, me, published.ID) {
			got = append(got, strings.ToLower(strings.Join(strings.Fields(line), " ")))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("after %s in session %d, offers (-want +got):\n%s", done.Entry.Kind, i, diff)
		}
	}
}
