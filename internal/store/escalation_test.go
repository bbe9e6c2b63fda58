package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// openTreesTwice is openTrees with a second service on the same database, as
// another process has it.
func openTreesTwice(t *testing.T) (*treeBundle, *tree.Service) {
	t.Helper()
	url := pgtest.URL(t)
	var services [2]*tree.Service
	b, sent := new(treeBundle), new(statements)
	for i := range services {
		db, err := store.Open(t.Context(), url, store.Options{Tracer: sent})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		if i == 0 {
			b = bundle(t, db, sent)
		}
		services[i] = &tree.Service{Store: store.NewTrees(db), Now: b.service.Now, Hints: b.hints}
	}
	b.service = services[0]
	return b, services[1]
}

// escalate has the session's holder ask for help at its latest step.
func (b *treeBundle) escalate(t *testing.T, holder account.Actor, s *tree.Session, urgency tree.Urgency) int {
	t.Helper()
	done, err := b.service.Escalate(t.Context(), holder, s.ID, tree.Guard{ExpectedStep: s.LastSeq}, urgency, "stuck")
	if err != nil {
		t.Fatal(err)
	}
	return done.Entry.Seq
}

func TestEscalations_OfSeveralWhoClaimOneWins(t *testing.T) {
	t.Parallel()
	b, other := openTreesTwice(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	claimers := map[account.UserID]string{b.acme.Colleague.UserID: "carl", b.acme.Admin.UserID: "adam", b.acme.Owner.UserID: "olga"}
	for round := range 12 {
		session := b.walk(t, b.acme.Engineer, published.ID, "no")
		escalation := b.escalate(t, b.acme.Engineer, session, tree.HighUrgency)
		type claim struct {
			by   account.UserID
			done tree.Recorded
			err  error
		}
		claims := make(chan claim, 6)
		ready := make(chan struct{})
		var all sync.WaitGroup
		for i, actor := range []account.Actor{b.acme.Colleague, b.acme.Admin, b.acme.Owner} {
			for j, service := range []*tree.Service{b.service, other} { // each of them on two devices
				all.Go(func() {
					<-ready
					done, err := service.Claim(t.Context(), actor, session.ID, escalation, fmt.Sprint(round, i, j))
					claims <- claim{actor.UserID, done, err}
				})
			}
		}
		close(ready)
		all.Wait()
		close(claims)
		var lost []claim
		winner := ""
		for c := range claims {
			if c.err != nil {
				lost = append(lost, c)
				continue
			}
			if winner != "" {
				t.Errorf("%s and %s have claimed one session", winner, claimers[c.by])
			}
			winner = claimers[c.by]
			if c.done.Session.Holder.ID != c.by || c.done.Entry.Kind != tree.Claimed || c.done.Session.Escalation != nil {
				t.Errorf("%s claimed and got %+v", winner, c.done.Session)
			}
		}
		if winner == "" || len(lost) != 5 {
			t.Fatalf("%q won, %d lost", winner, len(lost))
		}
		for _, c := range lost {
			if f := fault.Of(c.err); f == nil || f.Code != fault.Conflict || f.Extensions["heldBy"] != winner || f.Extensions["escalationEnd"] != "CLAIM" || f.Extensions["endedBy"] != winner {
				t.Errorf("%s came too late and was told %v", claimers[c.by], c.err)
			}
		}
		read, err := b.service.Session(t.Context(), b.acme.Engineer, session.ID, tree.AllSessionFields)
		if err != nil || read.Holder.Name != winner || len(read.Log) != 3 {
			t.Errorf("who asked sees %+v, %v", read, err)
		}
	}
	// A claim that is repeated with its key is answered as the first time.
	session := b.walk(t, b.acme.Engineer, published.ID)
	escalation := b.escalate(t, b.acme.Engineer, session, tree.LowUrgency)
	for i, service := range []*tree.Service{b.service, other} {
		done, err := service.Claim(t.Context(), b.acme.Colleague, session.ID, escalation, "once")
		if err != nil || done.Repeated != (i == 1) || done.Entry.Seq != 2 {
			t.Errorf("claim %d: %+v, %v", i, done.Entry, err)
		}
	}
	if _, err := other.Claim(t.Context(), b.acme.Admin, session.ID, escalation, "once"); !errors.Is(err, fault.Conflict) {
		t.Errorf("another's key: %v", err)
	}
}

func TestEscalations_WhoMayRead(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx, emil, carl := t.Context(), b.acme.Engineer, b.acme.Colleague
	third := account.Actor{AccountID: b.acme.Account, UserID: newID[account.UserID](t), Role: account.Engineer}
	if _, err := b.db.ExecContext(ctx, "INSERT INTO users (account_id, id, email, name, role, password_hash, created_at) VALUES (?, ?, 'tina@acme.example', 'tina', 'ENGINEER', 'x', ?)", third.AccountID, third.UserID, nine); err != nil {
		t.Fatal(err)
	}
	people := []struct {
		name  string
		actor account.Actor
	}{{"emil", emil}, {"carl", carl}, {"tina", third}, {"adam", b.acme.Admin}, {"vera", b.acme.Viewer}, {"rival", b.rival.Owner}}
	readers := func(id tree.SessionID) string {
		t.Helper()
		var list []string
		for _, p := range people {
			_, err := b.service.Session(ctx, p.actor, id, 0)
			switch {
			case err == nil:
				list = append(list, p.name)
			case !errors.Is(err, fault.NotFound):
				t.Errorf("%s: %v", p.name, err)
			}
		}
		return strings.Join(list, " ")
	}
	want := func(id tree.SessionID, when, who string) {
		t.Helper()
		if got := readers(id); got != who {
			t.Errorf("%s, %q may read it, want %q", when, got, who)
		}
	}
	session := b.walk(t, emil, published.ID)
	want(session.ID, "at the start", "emil adam")
	escalation := b.escalate(t, emil, session, tree.NormalUrgency)
	want(session.ID, "while it is open", "emil carl tina adam")
	if _, err := b.service.AnswerEscalation(ctx, carl, session.ID, escalation, "", "look again", false); err != nil {
		t.Fatal(err)
	}
	want(session.ID, "after a hint", "emil carl adam")
	if _, err := b.service.SuggestStep(ctx, third, session.ID, "x", "", 0); !errors.Is(err, fault.NotFound) {
		t.Errorf("who may not read it suggests a step: %v", err)
	}

	session = b.walk(t, emil, published.ID)
	escalation = b.escalate(t, emil, session, tree.NormalUrgency)
	if _, err := b.service.SuggestStep(ctx, third, session.ID, "x", "no", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Claim(ctx, carl, session.ID, escalation, ""); err != nil {
		t.Fatal(err)
	}
	want(session.ID, "after a claim", "emil carl tina adam")
	if _, err := b.service.HandOver(ctx, carl, session.ID, tree.Guard{ExpectedStep: 2}, emil.UserID, "yours again"); err != nil {
		t.Fatal(err)
	}
	want(session.ID, "handed back", "emil carl tina adam")
	lists := func(actor account.Actor, scope tree.SessionScope) (n int) {
		t.Helper()
		page, err := b.service.Sessions(ctx, actor, tree.SessionQuery{Filter: tree.SessionFilter{Scope: scope}, Total: true})
		if err != nil || page.Total != len(page.Edges) {
			t.Fatalf("%d of %d, %v", len(page.Edges), page.Total, err)
		}
		for _, edge := range page.Edges {
			if _, err := b.service.Session(ctx, actor, edge.Node.ID, 0); err != nil {
				t.Errorf("a listed session cannot be read: %v", err)
			}
		}
		return page.Total
	}
	if mine, involved := lists(carl, tree.Mine), lists(carl, tree.Involved); mine != 0 || involved != 2 {
		t.Errorf("carl has %d sessions and had a part in %d, want 0 and 2", mine, involved)
	}
	if mine, involved := lists(emil, tree.Mine), lists(emil, tree.Involved); mine != 2 || involved != 2 {
		t.Errorf("emil has %d sessions and had a part in %d, want 2 and 2", mine, involved)
	}
	if n := lists(b.rival.Owner, tree.Involved); n != 0 {
		t.Errorf("a stranger had a part in %d", n)
	}
	people[1].actor.Role = account.Viewer
	want(session.ID, "carl is a viewer from now on", "emil tina adam")
	if n := lists(people[1].actor, tree.Involved); n != 0 {
		t.Errorf("a viewer lists %d sessions", n)
	}
	people[1].actor.Role = account.Engineer

	session = b.walk(t, emil, published.ID)
	escalation = b.escalate(t, emil, session, tree.NormalUrgency)
	if _, err := b.service.TakeBackEscalation(ctx, b.acme.Admin, session.ID, escalation, ""); err != nil {
		t.Fatal(err)
	}
	want(session.ID, "taken back", "emil adam")
	if _, err := b.service.Claim(ctx, carl, session.ID, escalation, ""); !errors.Is(err, fault.Conflict) || fault.Of(err).Extensions["endedBy"] != "adam" {
		t.Errorf("claimed by who could have: %v", err)
	}
	for name, claim := range map[string]func() (tree.Recorded, error){
		"what never was asked": func() (tree.Recorded, error) { return b.service.Claim(ctx, carl, session.ID, 2, "") },
		"by a stranger":        func() (tree.Recorded, error) { return b.service.Claim(ctx, b.rival.Owner, session.ID, escalation, "") },
	} {
		_, err := claim()
		wantFaultNamed(t, name, err, fault.NotFound)
	}
	_, err := b.service.Claim(ctx, b.acme.Viewer, session.ID, escalation, "")
	wantFaultNamed(t, "by a viewer", err, fault.Forbidden)
}

func TestEscalations_ADisabledHoldersSessionIsNotStuck(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx, carl := t.Context(), b.acme.Colleague
	asking, quiet := b.walk(t, b.acme.Engineer, published.ID), b.walk(t, b.acme.Engineer, published.ID)
	escalation := b.escalate(t, b.acme.Engineer, asking, tree.NormalUrgency)
	if _, err := b.db.ExecContext(ctx, "UPDATE users SET disabled_at = ? WHERE id = ?", nine, b.acme.Engineer.UserID); err != nil {
		t.Fatal(err)
	}
	queue, err := b.service.Escalations(ctx, carl, tree.SessionHolder)
	if err != nil || len(queue.Sessions) != 1 || queue.Sessions[0].Holder.DisabledAt.IsZero() {
		t.Fatalf("the queue has %+v, %v", queue, err)
	}
	if done, err := b.service.Claim(ctx, carl, asking.ID, escalation, ""); err != nil || done.Session.Holder.Name != "carl" {
		t.Errorf("claimed: %+v, %v", done.Session, err)
	}
	if done, err := b.service.HandOver(ctx, b.acme.Admin, quiet.ID, tree.Guard{}, carl.UserID, ""); err != nil || done.Session.Holder.Name != "carl" {
		t.Errorf("handed over by an admin: %+v, %v", done.Session, err)
	}
	// Who is disabled while they claim gets nothing.
	third := b.walk(t, carl, published.ID)
	escalation = b.escalate(t, carl, third, tree.NormalUrgency)
	_, err = b.service.Claim(ctx, b.acme.Engineer, third.ID, escalation, "")
	wantFault(t, err, fault.Forbidden)
}

func TestEscalations_TheQueueInItsOrder(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	theirs := b.walk(t, b.rival.Engineer, b.publish(t, b.rival.Engineer, "Theirs").ID)
	b.escalate(t, b.rival.Engineer, theirs, tree.CriticalUrgency)
	var want []string
	for i, urgency := range []tree.Urgency{tree.NormalUrgency, tree.CriticalUrgency, tree.LowUrgency, tree.NormalUrgency, tree.HighUrgency, tree.CriticalUrgency} {
		b.now.Add(60)
		session := b.walk(t, b.acme.Engineer, published.ID, "no", "still")
		if b.escalate(t, b.acme.Engineer, session, urgency); i == 1 {
			if _, err := b.service.GoBack(t.Context(), b.acme.Engineer, session.ID, tree.Guard{ExpectedStep: 3}, 2); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, fmt.Sprint(map[tree.Urgency]int{tree.CriticalUrgency: 0, tree.HighUrgency: 1, tree.NormalUrgency: 2, tree.LowUrgency: 3}[urgency], urgency, i))
	}
	slices.Sort(want)
	var queue tree.EscalationQueue
	read := func(fields tree.SessionFields, statements int) (order []string) {
		t.Helper()
		var err error
		sent := b.statements.during(func() { queue, err = b.service.Escalations(t.Context(), b.acme.Colleague, fields) })
		if err != nil || len(sent) != statements {
			t.Fatalf("%v, %d statements, want %d:\n%s", err, len(sent), statements, strings.Join(sent, "\n"))
		}
		for _, s := range queue.Sessions {
			rank := slices.Index(tree.Urgencies(), s.Escalation.Urgency)
			order = append(order, fmt.Sprint(rank, s.Escalation.Urgency, int(s.Escalation.At.Sub(nine).Seconds()-180)/180))
		}
		return order
	}
	if diff := cmp.Diff(want, read(tree.SessionHolder, 1)); diff != "" || queue.More {
		t.Errorf("the queue (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, read(tree.AllSessionFields&^tree.SessionGraph, 2)); diff != "" {
		t.Errorf("with the logs (-want +got):\n%s", diff)
	}
	card := queue.Sessions[0]
	if tried, out := card.Tried(), card.RuledOut(); len(tried) != 1 || tried[0].OptionLabel != "No" || len(out) != 1 || out[0].OptionLabel != "Still dark" || card.Escalation.By.Name != "emil" || card.Ticket != "T-1" {
		t.Errorf("the first card says %+v, tried %+v, ruled out %+v", card.Escalation, tried, out)
	}
	_, err := b.service.Escalations(t.Context(), b.acme.Viewer, 0)
	wantFault(t, err, fault.Forbidden)
	if short, err := b.trees.Escalations(t.Context(), b.acme.Account, 0, 5); err != nil || !short.More || len(short.Sessions) != 5 {
		t.Errorf("the first five: %d, more %v, %v", len(short.Sessions), short.More, err)
	}
	all, err := b.trees.Escalations(t.Context(), b.acme.Account, 0, 6)
	if err != nil || all.More || len(all.Sessions) != 6 {
		t.Errorf("all six: %d, more %v, %v", len(all.Sessions), all.More, err)
	}
}

func TestFeed_TheQueueIsToldInEveryProcess(t *testing.T) {
	t.Parallel()
	for name, deaf := range map[string]bool{"with hints": false, "when hints are lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openTrees(t)
			published := b.publish(t, b.acme.Engineer, "Lamp is dark")
			feeds := b.feeds(t, 2, deaf)
			ctx := t.Context()
			old := b.walk(t, b.acme.Engineer, published.ID, "no")
			b.escalate(t, b.acme.Engineer, old, tree.LowUrgency)

			_, err := feeds[1].WatchEscalations(b.acme.Viewer, newInbox[*tree.QueueNews]())
			wantFault(t, err, fault.Forbidden)
			news, asker := newInbox[*tree.QueueNews](), newInbox[*tree.SessionNews]()
			cancel, err := feeds[1].WatchEscalations(b.acme.Colleague, news)
			if err != nil {
				t.Fatal(err)
			}
			defer cancel()
			if n := news.next(t); !n.First || n.More || len(n.Sessions) != 1 || n.Sessions[0].ID != old.ID || len(n.Sessions[0].Tried()) != 1 || len(n.Left) != 0 {
				t.Errorf("first told %+v", n)
			}

			session := b.walk(t, b.acme.Engineer, published.ID)
			unwatch, err := feeds[0].WatchSession(ctx, b.acme.Engineer, session.ID, asker)
			if err != nil {
				t.Fatal(err)
			}
			defer unwatch()
			escalation := b.escalate(t, b.acme.Engineer, session, tree.CriticalUrgency)
			if n := news.next(t); n.First || len(n.Sessions) != 1 || n.Sessions[0].ID != session.ID || n.Sessions[0].Escalation.Urgency != tree.CriticalUrgency {
				t.Errorf("told %+v of an escalation", n)
			}
			if _, err := b.service.SuggestStep(ctx, b.acme.Colleague, session.ID, "Look at the plug.", "no", 0); err != nil {
				t.Fatal(err)
			}
			beside := asker.until(t, "something is suggested", func(n *tree.SessionNews) bool { return len(n.Session.Suggestions) == 1 })
			if g := beside.Session.Suggestions[0]; g.By.Name != "carl" || g.OptionLabel != "No" || beside.Session.LastSeq != 1 {
				t.Errorf("suggested %+v at step %d", g, beside.Session.LastSeq)
			}
			news.until(t, "the card changed", func(n *tree.QueueNews) bool { return len(n.Sessions) == 1 && len(n.Sessions[0].Suggestions) == 1 })
			if _, err := b.service.Claim(ctx, b.acme.Admin, session.ID, escalation, ""); err != nil {
				t.Fatal(err)
			}
			asker.until(t, "adam took it", func(n *tree.SessionNews) bool { return !n.Last() && n.Session.Holder.Name == "adam" })
			n := news.until(t, "it left the queue", func(n *tree.QueueNews) bool { return len(n.Left) == 1 })
			if left := n.Left[0]; left.Session != session.ID || left.Escalation != escalation || left.Kind != tree.Claimed || left.By.Name != "adam" {
				t.Errorf("left %+v", left)
			}
		})
	}
}

// Whoever watches a session because it asks for help is told when that is over.
func TestFeed_EndsForWhomTheEscalationLetIn(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	feed := b.feeds(t, 1, false)[0]
	session := b.walk(t, b.acme.Engineer, published.ID)
	escalation := b.escalate(t, b.acme.Engineer, session, tree.NormalUrgency)
	news := newInbox[*tree.SessionNews]()
	cancel, err := feed.WatchSession(t.Context(), b.acme.Colleague, session.ID, news)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	if first := news.next(t); first.Last() {
		t.Fatal("who may help was told nothing")
	}
	if _, err := b.service.TakeBackEscalation(t.Context(), b.acme.Engineer, session.ID, escalation, ""); err != nil {
		t.Fatal(err)
	}
	news.until(t, "it is over", (*tree.SessionNews).Last)
}

func TestEscalations_Figures(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx, emil, carl := t.Context(), b.acme.Engineer, b.acme.Colleague
	ask := func(urgency tree.Urgency, after int64, do func(s *tree.Session, escalation int) error) {
		t.Helper()
		session := b.walk(t, emil, published.ID)
		escalation := b.escalate(t, emil, session, urgency)
		b.now.Add(after)
		if err := do(session, escalation); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(s *tree.Session, e int) error {
		_, err := b.service.Claim(ctx, carl, s.ID, e, "")
		return err
	}
	hint := func(keepOpen bool) func(s *tree.Session, e int) error {
		return func(s *tree.Session, e int) error {
			_, err := b.service.AnswerEscalation(ctx, carl, s.ID, e, "", "hm", keepOpen)
			return err
		}
	}
	for _, after := range []int64{10, 20, 30, 40, 1000} {
		ask(tree.HighUrgency, after, claim)
	}
	ask(tree.LowUrgency, 70, hint(false))
	ask(tree.LowUrgency, 90, hint(true)) // stays open
	ask(tree.LowUrgency, 100, func(s *tree.Session, e int) error {
		if err := hint(true)(s, e); err != nil {
			return err
		}
		b.now.Add(500) // the hint was the first action
		return claim(s, e)
	})
	ask(tree.NormalUrgency, 5, func(s *tree.Session, e int) error {
		_, err := b.service.TakeBackEscalation(ctx, emil, s.ID, e, "")
		return err
	})
	ask(tree.NormalUrgency, 5, func(s *tree.Session, _ int) error {
		_, err := b.service.Abandon(ctx, emil, s.ID, tree.Guard{ExpectedStep: 1}, "")
		return err
	})
	ask(tree.NormalUrgency, 5, func(s *tree.Session, e int) error { // asked twice in one session
		_, err := b.service.HandOver(ctx, emil, s.ID, tree.Guard{ExpectedStep: 1}, b.acme.Admin.UserID, "")
		if err != nil {
			return err
		}
		if _, err = b.service.Escalate(ctx, b.acme.Admin, s.ID, tree.Guard{ExpectedStep: 2}, tree.CriticalUrgency, "me too"); err != nil {
			return err
		}
		b.now.Add(3)
		return claim(s, 3)
	})
	end := b.service.Now()
	b.now.Add(1)
	ask(tree.NormalUrgency, 5, claim) // after the span

	var f *tree.EscalationFigures
	var err error
	sent := b.statements.during(func() { f, err = b.service.EscalationFigures(ctx, b.acme.Admin, nine, end.Add(time.Second)) })
	if err != nil || len(sent) != 1 {
		t.Fatalf("%v, %d statements", err, len(sent))
	}
	want := []tree.EscalationCounts{
		{Urgency: tree.CriticalUrgency, Asked: 1, Claimed: 1, Acted: 1, MedianTime: 3 * time.Second, Percentile90: 3 * time.Second},
		{Urgency: tree.HighUrgency, Asked: 5, Claimed: 5, Acted: 5, MedianTime: 30 * time.Second, Percentile90: 1000 * time.Second},
		{Urgency: tree.NormalUrgency, Asked: 3, TakenBack: 1, Otherwise: 2},
		{Urgency: tree.LowUrgency, Asked: 3, Open: 1, Answered: 1, Claimed: 1, Acted: 3, MedianTime: 90 * time.Second, Percentile90: 100 * time.Second},
	}
	if diff := cmp.Diff(want, f.ByUrgency); diff != "" {
		t.Errorf("by urgency (-want +got):\n%s", diff)
	}
	all := tree.EscalationCounts{Asked: 12, Open: 1, Claimed: 7, Answered: 1, TakenBack: 1, Otherwise: 2, Acted: 9, MedianTime: 40 * time.Second, Percentile90: 1000 * time.Second}
	if diff := cmp.Diff(all, f.All); diff != "" {
		t.Errorf("all together (-want +got):\n%s", diff)
	}
	if f, err := b.service.EscalationFigures(ctx, b.rival.Owner, time.Time{}, time.Time{}); err != nil || f.All != (tree.EscalationCounts{}) || len(f.ByUrgency) != 4 || f.To.Sub(f.From) != tree.AnalyticsSpan {
		t.Errorf("another account's: %+v, %v", f, err)
	}
	_, err = b.service.EscalationFigures(ctx, carl, nine, end)
	wantFaultNamed(t, "for an engineer", err, fault.Forbidden)
	_, err = b.service.EscalationFigures(ctx, b.acme.Owner, end, nine)
	wantFaultNamed(t, "a span that ends before it begins", err, fault.BadUserInput)
}

func TestEscalations_AreAudited(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx, emil, carl := t.Context(), b.acme.Engineer, b.acme.Colleague
	session := b.walk(t, emil, published.ID)
	b.escalate(t, emil, session, tree.HighUrgency)
	for _, do := range []func() (tree.Recorded, error){
		func() (tree.Recorded, error) {
			return b.service.AnswerEscalation(ctx, carl, session.ID, 1, "", "a secret hint", false)
		},
		func() (tree.Recorded, error) {
			return b.service.Escalate(ctx, emil, session.ID, tree.Guard{ExpectedStep: 2}, tree.LowUrgency, "again")
		},
		func() (tree.Recorded, error) {
			return b.service.TakeBackEscalation(ctx, b.acme.Admin, session.ID, 3, "")
		},
		func() (tree.Recorded, error) {
			return b.service.Escalate(ctx, emil, session.ID, tree.Guard{ExpectedStep: 4}, tree.LowUrgency, "again")
		},
		func() (tree.Recorded, error) { return b.service.Claim(ctx, carl, session.ID, 5, "key") },
		func() (tree.Recorded, error) { return b.service.Claim(ctx, carl, session.ID, 5, "key") }, // a repeat is no second claim
	} {
		b.now.Add(1)
		if _, err := do(); err != nil {
			t.Fatal(err)
		}
	}
	var rows []string
	err := b.db.NewRaw(`SELECT format('%s by %s of %s: %s %s', al.action, a.name, u.name, al.details ->> 'ticket', al.details ->> 'urgency')
		FROM audit_log AS al JOIN users AS a ON a.id = al.actor_id JOIN users AS u ON u.id = al.subject_user_id
		WHERE al.details ->> 'session' = ? ORDER BY al.at`, session.ID.String()).Scan(ctx, &rows)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"TREE_SESSION_ESCALATED by emil of emil: T-1 HIGH", "ESCALATION_ANSWERED by carl of emil: T-1 ",
		"TREE_SESSION_ESCALATED by emil of emil: T-1 LOW", "ESCALATION_TAKEN_BACK by adam of emil: T-1 ",
		"TREE_SESSION_ESCALATED by emil of emil: T-1 LOW", "TREE_SESSION_CLAIMED by carl of emil: T-1 ",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
}

// What is written is read back, whoever waited for whom.
func TestTreeSessions_SuggestionsAreKept(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx, emil := t.Context(), b.acme.Engineer
	session := b.walk(t, emil, published.ID)
	for i, by := range []account.Actor{b.acme.Admin, b.acme.Owner} {
		var s *tree.Session
		var err error
		sent := b.statements.during(func() {
			s, err = b.service.SuggestStep(ctx, by, session.ID, "Try é\n'this'.", "no", tree.SessionSuggestions)
		})
		if err != nil || len(s.Suggestions) != i+1 || len(sent) > 7 {
			t.Fatalf("suggested %+v, %v, %d statements", s, err, len(sent))
		}
	}
	sent := b.statements.during(func() {
		done, err := b.service.Advance(ctx, emil, session.ID, tree.Guard{ExpectedStep: 0}, tree.Choice{Option: "no"})
		if err != nil || len(done.Session.Suggestions) != 2 || done.Session.Suggestions[1].By.Name != "olga" {
			t.Fatalf("a step answers with %+v, %v", done.Session, err)
		}
	})
	if len(sent) > 6 {
		t.Errorf("a step beside suggestions takes %d statements:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	done, err := b.service.RespondToSuggestion(ctx, emil, session.ID, tree.Guard{ExpectedStep: 1, IdempotencyKey: "k"}, 1, true)
	if err != nil || done.Entry.Person.Name != "adam" {
		t.Fatalf("%+v, %v", done.Entry, err)
	}
	if again, err := b.service.RespondToSuggestion(ctx, emil, session.ID, tree.Guard{ExpectedStep: 1, IdempotencyKey: "k"}, 1, true); err != nil || !again.Repeated {
		t.Errorf("repeated: %+v, %v", again.Entry, err)
	}
	read, err := b.service.Session(ctx, emil, session.ID, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	written := *done.Session
	written.Versions, written.Version, written.Shares = nil, read.Version, read.Shares // a step reads no links
	if diff := cmp.Diff(&written, read, sameIDs); diff != "" {
		t.Errorf("what was written and what is read differ (-written +read):\n%s", diff)
	}
	if e := read.Log[1]; !e.Accepted || e.Note != "Try é\n'this'." || e.OptionLabel != "No" || e.Person.Name != "adam" || read.Suggestions[0].Number != 2 || read.SuggestionCount != 2 {
		t.Errorf("the log has %+v, open are %+v", e, read.Suggestions)
	}
}

// Several people ask, claim, take back, answer, suggest and walk at once, on two
// processes, often with what they saw too long ago, and repeat themselves. What was
// answered as recorded is in the log once, and nothing else is; no escalation ends
// twice; and who has the session is who the log says.
func TestEscalations_SeveralPeopleAtOnce(t *testing.T) {
	t.Parallel()
	b, other := openTreesTwice(t)
	published := b.publish(t, b.acme.Engineer, "Lamp is dark")
	ctx := t.Context()
	kinds := map[tree.EntryKind]int{}
	made, refused, suggested, suggestions := 0, 0, 0, 0
	for round := range 4 {
		session := b.walk(t, b.acme.Engineer, published.ID)
		var mu sync.Mutex // guards the counts
		recorded := map[int]string{}
		var all sync.WaitGroup
		for who, actor := range []account.Actor{b.acme.Engineer, b.acme.Colleague, b.acme.Admin, b.acme.Owner} {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(who)))
				for n := range 40 {
					service := []*tree.Service{b.service, other}[random.IntN(2)]
					now, err := service.Session(ctx, b.acme.Owner, session.ID, tree.SessionHolder|tree.SessionPosition|tree.SessionSuggestions|tree.SessionCurrentNode)
					if err != nil {
						t.Error(err)
						return
					}
					key := fmt.Sprint(who, "-", n)
					do := help(t, random, service, actor, now, key)
					for range 1 + random.IntN(2) {
						done, err := do()
						mu.Lock()
						switch {
						case err == nil && done.Session == nil:
							suggested++
						case err == nil:
							entry := fmt.Sprint(key, done.Entry.Kind)
							if first, there := recorded[done.Entry.Seq]; there != done.Repeated || there && first != entry {
								t.Errorf("entry %d was recorded as %s and as %s", done.Entry.Seq, first, entry)
							}
							if recorded[done.Entry.Seq] = entry; !done.Repeated {
								made++
								kinds[done.Entry.Kind]++
							}
						case fault.Of(err) != nil:
							refused++
						default:
							t.Error(err)
						}
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		read, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.AllSessionFields)
		if err != nil {
			t.Fatal(err)
		}
		if len(read.Log) != len(recorded) || read.LastSeq != len(recorded) {
			t.Errorf("%d entries of %d that were answered as recorded", len(read.Log), len(recorded))
		}
		holder, open, answered := b.acme.Engineer.UserID, 0, 0
		for i, e := range read.Log {
			if e.Seq != i+1 || !strings.HasSuffix(recorded[e.Seq], string(e.Kind)) {
				t.Errorf("entry %d has the seq %d and the kind %s, answered was %s", i, e.Seq, e.Kind, recorded[e.Seq])
			}
			switch e.Kind {
			case tree.Called:
				if open != 0 || e.By.ID != holder {
					t.Errorf("entry %d asks while entry %d does, by %s", e.Seq, open, e.By.Name)
				}
				open = e.Seq
			case tree.Claimed, tree.CalledOff, tree.Hinted:
				if open == 0 || e.Target != open || e.Kind != tree.CalledOff && e.By.ID == holder {
					t.Errorf("entry %d (%s) is about the escalation %d, open is %d", e.Seq, e.Kind, e.Target, open)
				}
				if !e.KeepsOpen {
					open = 0
				}
			case tree.HandedOver:
				open = 0
			case tree.Suggested:
				answered++
			}
			if !e.Person.ID.IsZero() && e.Kind != tree.Suggested {
				holder = e.Person.ID
			}
		}
		if read.Holder.ID != holder || (read.Escalation != nil) != (open != 0) {
			t.Errorf("held by %s, the escalation is %+v; the log says %s and %d", read.Holder.Name, read.Escalation, holder, open)
		}
		light, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.SessionHolder|tree.SessionSuggestions)
		if err != nil || !cmp.Equal(light.Escalation, read.Escalation) || !cmp.Equal(light.People, read.People) {
			t.Errorf("without the log it is %+v, with it %+v, %v", light.Escalation, read.Escalation, err)
		}
		if read.SuggestionCount != answered+len(read.Suggestions) {
			t.Errorf("%d suggestions were made, %d are in the log and %d open", read.SuggestionCount, answered, len(read.Suggestions))
		}
		suggestions += read.SuggestionCount
	}
	t.Logf("%d recorded, %d refused, %d of %d suggestions kept; by kind: %v", made, refused, suggestions, suggested, kinds)
	for _, kind := range []tree.EntryKind{tree.Called, tree.CalledOff, tree.Claimed, tree.Hinted, tree.Suggested, tree.Answered} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was made: the test does not try what it says", kind)
		}
	}
}

// help returns something to do with a session that asks for help, or could, drawn
// at random, that can be asked for several times.
func help(t *testing.T, random *rand.Rand, service *tree.Service, actor account.Actor, s *tree.Session, key string) func() (tree.Recorded, error) {
	ctx, id := t.Context(), s.ID
	guard := tree.Guard{ExpectedStep: s.LastSeq, IdempotencyKey: key}
	escalation := random.IntN(s.LastSeq + 1)
	if s.Escalation != nil {
		escalation = s.Escalation.Seq
	}
	keepOpen, accept, number := random.IntN(2) == 0, random.IntN(2) == 0, s.SuggestionCount
	if len(s.Suggestions) > 0 {
		number = s.Suggestions[random.IntN(len(s.Suggestions))].Number
	}
	choice := tree.Choice{}
	if options := s.CurrentNode.Options; len(options) > 0 {
		choice.Option = options[random.IntN(len(options))].ID
	}
	if mine := s.Holder.ID == actor.UserID; mine && s.Escalation == nil && random.IntN(2) == 0 {
		return func() (tree.Recorded, error) {
			return service.Escalate(ctx, actor, id, guard, tree.HighUrgency, "stuck")
		}
	}
	switch random.IntN(8) {
	case 0, 1:
		return func() (tree.Recorded, error) { return service.Claim(ctx, actor, id, escalation, key) }
	case 2:
		return func() (tree.Recorded, error) {
			return service.AnswerEscalation(ctx, actor, id, escalation, key, "hint "+key, keepOpen)
		}
	case 3:
		return func() (tree.Recorded, error) { return service.TakeBackEscalation(ctx, actor, id, escalation, key) }
	case 4:
		return func() (tree.Recorded, error) {
			_, err := service.SuggestStep(ctx, actor, id, "try "+key, "", 0)
			return tree.Recorded{}, err
		}
	case 5, 6:
		return func() (tree.Recorded, error) {
			return service.RespondToSuggestion(ctx, actor, id, guard, number, accept)
		}
	}
	if s.CurrentNode.Kind == tree.Solution {
		return func() (tree.Recorded, error) { return service.GoBack(ctx, actor, id, guard, 0) }
	}
	return func() (tree.Recorded, error) { return service.Advance(ctx, actor, id, guard, choice) }
}

// The queue is cut where it is too long: what more urgent escalations push out is
// told as gone, without an end.
func TestFeed_MoreUrgentEscalationsPushOthersOut(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me := b.acme.Engineer
	for _, sql := range []string{
		`INSERT INTO tree_sessions (account_id, id, started_by, held_by, status, subject, started_at, updated_at, last_seq, escalation_seq, escalated_at, escalation_urgency)
		SELECT ?0, gen_random_uuid(), ?1, ?1, 'IN_PROGRESS', n::text, ?2, ?2, 1, 1, ?2::timestamptz + n * interval '1 s', 'NORMAL' FROM generate_series(1, 100) AS n`,
		`INSERT INTO tree_session_steps (account_id, session_id, seq, kind, urgency, reason, entered_at, at, by_user_id)
		SELECT account_id, id, 1, 'ESCALATE', escalation_urgency, 'stuck', ?2, escalated_at, ?1 FROM tree_sessions WHERE account_id = ?0`,
	} {
		if _, err := b.db.ExecContext(t.Context(), sql, me.AccountID, me.UserID, nine); err != nil {
			t.Fatal(err)
		}
	}
	feed := b.feeds(t, 1, false)[0]
	news := newInbox[*tree.QueueNews]()
	cancel, err := feed.WatchEscalations(b.acme.Colleague, news)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	first := news.next(t)
	if len(first.Sessions) != tree.MaxEscalations || first.More || first.Sessions[99].Subject != "100" {
		t.Fatalf("first told of %d, more %v", len(first.Sessions), first.More)
	}
	urgent, err := b.service.Start(t.Context(), me, tree.NewSession{Subject: "urgent"}, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	b.escalate(t, me, urgent, tree.HighUrgency)
	n := news.next(t)
	if len(n.Sessions) != 1 || n.Sessions[0].ID != urgent.ID || !n.More || len(n.Left) != 1 || n.Left[0].Session != first.Sessions[99].ID || n.Left[0].Kind != "" {
		t.Errorf("then told of %d, more %v, left %+v", len(n.Sessions), n.More, n.Left)
	}
	if _, err := b.service.Abandon(t.Context(), me, urgent.ID, tree.Guard{ExpectedStep: 1}, ""); err != nil {
		t.Fatal(err)
	}
	n = news.next(t)
	if len(n.Sessions) != 1 || n.Sessions[0].ID != first.Sessions[99].ID || n.More || len(n.Left) != 1 || n.Left[0].Kind != tree.GaveUp || n.Left[0].By.Name != "emil" {
		t.Errorf("at last told of %d, more %v, left %+v", len(n.Sessions), n.More, n.Left)
	}
}

// These ask the store itself, beside the service.
func TestEscalations_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	session := b.walk(t, b.acme.Engineer, b.publish(t, b.acme.Engineer, "ours").ID)
	escalation := b.escalate(t, b.acme.Engineer, session, tree.HighUrgency)
	if _, err := b.service.TakeBackEscalation(ctx, b.acme.Engineer, session.ID, escalation, ""); err != nil {
		t.Fatal(err)
	}
	asked := map[tree.SessionID]int{session.ID: escalation}
	if ends, err := b.trees.EscalationEnds(ctx, b.rival.Account, asked); err != nil || len(ends) != 0 {
		t.Errorf("another account's key finds the end %+v, %v", ends, err)
	}
	if ends, err := b.trees.EscalationEnds(ctx, b.acme.Account, asked); err != nil || ends[session.ID].Kind != tree.CalledOff {
		t.Errorf("its own finds %+v, %v", ends, err)
	}
	other := b.walk(t, b.acme.Engineer, session.TreeID)
	b.escalate(t, b.acme.Engineer, other, tree.HighUrgency)
	if queue, err := b.trees.Escalations(ctx, b.rival.Account, tree.AllSessionFields, 10); err != nil || len(queue.Sessions) != 0 {
		t.Errorf("another account's key reads %+v, %v", queue, err)
	}
	if counts, err := b.trees.EscalationCounts(ctx, b.rival.Account, nine, nine.Add(time.Hour)); err != nil || counts[""].Asked != 0 {
		t.Errorf("another account's key counts %+v, %v", counts, err)
	}
}

// Sessions that were there before learn from their logs who had a part in them.
func TestMigrate_OldSessionsKnowWhoHadAPart(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	session := b.walk(t, b.acme.Engineer, b.publish(t, b.acme.Engineer, "Lamp is dark").ID, "no")
	for i, to := range []account.Actor{b.acme.Colleague, b.acme.Admin} {
		if _, err := b.service.HandOver(ctx, b.acme.Owner, session.ID, tree.Guard{ExpectedStep: 1 + i}, to.UserID, ""); err != nil {
			t.Fatal(err)
		}
	}
	people := func() string {
		t.Helper()
		s, err := b.service.Session(ctx, b.acme.Owner, session.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, id := range s.People {
			list = append(list, id.String())
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	before := people()
	for { // down to where there was no such thing
		undone, err := b.db.MigrateDown(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(undone, "escalations") {
			break
		}
	}
	if _, err := b.db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if after := people(); after != before || strings.Count(after, " ") != 2 {
		t.Errorf("%q had a part, before it was %q", after, before)
	}
}
