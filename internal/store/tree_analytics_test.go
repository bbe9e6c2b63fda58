package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// counted works out figures by going through the sessions as their logs fold. It
// is what the statements are held against, so it shares nothing with them.
func counted(sessions []*tree.Session, q tree.AnalyticsQuery, node func(version int, id tree.NodeID) *tree.Node) *tree.Analytics {
	within := func(at time.Time) bool { return !at.Before(q.From) && at.Before(q.To) }
	wanted := func(version int) bool { return q.Version == 0 || q.Version == version }

	began := map[int][]*tree.Session{} // by version, and all under 0
	visits := map[tree.NodeID][]tree.Step{}
	newest := map[tree.NodeID]int{}
	for _, s := range sessions {
		if s.TreeID == q.Tree && wanted(s.Version.Number) && within(s.StartedAt) {
			began[0] = append(began[0], s)
			began[s.Version.Number] = append(began[s.Version.Number], s)
		}
		for _, step := range s.Steps {
			here := step.Places[len(step.Places)-1]
			if step.Seq != 0 && here.TreeID == q.Tree && wanted(here.Version) && within(step.LeftAt) {
				visits[step.NodeID] = append(visits[step.NodeID], step)
				newest[step.NodeID] = max(newest[step.NodeID], here.Version)
			}
		}
	}

	a := &tree.Analytics{From: q.From, To: q.To}
	for version, all := range began {
		f := tree.SessionFigures{Version: version, Started: len(all)}
		var times, active []time.Duration
		for _, s := range all {
			switch s.Status {
			case tree.InProgress:
				f.InProgress++
			case tree.Abandoned:
				f.Abandoned++
			case tree.Completed:
				f.Completed++
				if s.Reason != "" {
					f.EndedEarly++
				}
				times, active = append(times, tree.Rounded(s.EndedAt.Sub(s.StartedAt))), append(active, tree.Rounded(s.Active.Truncate(time.Second)))
			}
			switch s.Outcome {
			case tree.Resolved:
				f.Resolved++
			case tree.Escalated:
				f.Escalated++
			case tree.Unresolved:
				f.Unresolved++
			}
		}
		f.MedianTime, f.MedianActive = median(times), median(active)
		if version == 0 {
			f.Version = q.Version
			a.Sessions = f
		} else {
			a.Versions = append(a.Versions, f)
		}
	}
	a.Sessions.Version = q.Version
	slices.SortFunc(a.Versions, func(x, y tree.SessionFigures) int { return cmp.Compare(y.Version, x.Version) })

	for id, steps := range visits {
		n := node(newest[id], id)
		f := tree.NodeFigures{NodeID: id, Kind: n.Kind, Title: n.Title}
		var times []time.Duration
		chosen := map[tree.OptionID]int{}
		for _, step := range steps {
			if step.Own {
				f.OwnSteps++
				continue
			}
			f.Visits++
			times = append(times, tree.Rounded(step.LeftAt.Sub(step.EnteredAt)))
			if step.Undone {
				f.Undone++
			} else if step.OptionID != "" {
				chosen[step.OptionID]++
			}
			if step.End == tree.GaveUp || step.End == tree.Finished && step.NodeKind != tree.Solution {
				f.DropOffs++
			}
		}
		f.MedianTime = median(times)
		for option, n := range chosen {
			f.Options = append(f.Options, tree.OptionFigures{OptionID: option, Label: node(newest[id], id).Option(option).Label, Chosen: n})
		}
		slices.SortFunc(f.Options, func(x, y tree.OptionFigures) int {
			return cmp.Or(cmp.Compare(y.Chosen, x.Chosen), cmp.Compare(x.OptionID, y.OptionID))
		})
		a.Nodes = append(a.Nodes, f)
	}
	slices.SortFunc(a.Nodes, func(x, y tree.NodeFigures) int {
		return cmp.Or(cmp.Compare(y.Visits, x.Visits), cmp.Compare(x.NodeID, y.NodeID))
	})
	return a
}

// median is the value in the middle, of two the lower one.
func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[(len(of)-1)/2]
}

// TestTreeAnalytics_AreWhatTheLogsSay walks at random, through several trees and
// versions, has sessions counted in between, and compares what the database counts with
// what the folded logs say: as the walks left it, and when all are counted.
func TestTreeAnalytics_AreWhatTheLogsSay(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	inner, middle, outer := b.nested(t)
	lamp := b.publish(t, b.acme.Engineer, "Lamp is dark")
	trees := []tree.ID{inner.TreeID, middle.TreeID, outer.TreeID, lamp.ID}
	seed := uint64(time.Now().UnixNano()) // the numbers differ from run to run; a failure says which they were
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)

	count := func(since time.Time, most int) int {
		t.Helper()
		n, err := b.trees.CountSessions(ctx, since, most)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// An answer is a visit that is compared at least twice below: with its version's,
	// and with all.
	const walks, answers = 36, 40
	kinds := map[tree.EntryKind]int{}
	var ids []tree.SessionID
	for i := 0; i < walks || kinds[tree.Answered] < answers; i++ {
		if i == walks/2 { // a second version, with other words
			g := cable()
			g.Nodes[0].Title, g.Nodes[0].Options[0].Label = "Does the lamp shine?", "It shines"
			if updated, err := b.service.UpdateTree(ctx, b.acme.Engineer, lamp.ID, lamp.Revision, tree.TreeChange{Graph: &g}, tree.TreeRevision); err != nil {
				t.Fatal(err)
			} else if _, err := b.service.PublishTree(ctx, b.acme.Engineer, lamp.ID, updated.Revision, "", 0); err != nil {
				t.Fatal(err)
			}
		}
		b.now.Add(random.Int64N(4 * 60 * 60))
		session, err := b.service.Start(ctx, b.acme.Engineer, tree.NewSession{Tree: trees[random.IntN(len(trees))], Subject: "s"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, session.ID)
		for range random.IntN(24) {
			b.now.Add(random.Int64N(45 * 60))
			now, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.SessionHolder|tree.SessionCurrentNode|tree.SessionPosition)
			if err != nil {
				t.Fatal(err)
			}
			actor := b.acme.Engineer
			if now.Holder.ID != actor.UserID {
				actor = b.acme.Colleague
			}
			guard := tree.Guard{ExpectedStep: now.LastSeq}
			do := b.anything(t, random, actor, now, guard, append(trees, tree.ID{}))
			if solved := now.CurrentNode != nil && now.CurrentNode.Kind == tree.Solution; now.Status == tree.InProgress && (solved && random.IntN(3) == 0 || random.IntN(25) == 0) {
				do = func() (tree.Recorded, error) {
					if solved && random.IntN(4) > 0 {
						return b.service.Complete(ctx, actor, now.ID, guard, tree.Completion{})
					}
					return b.service.Abandon(ctx, actor, now.ID, guard, "")
				}
			}
			if random.IntN(8) == 0 { // some that still run, too: they are taken out again when they go on
				count(nine.Add(time.Duration(b.now.Load()-random.Int64N(45*60))*time.Second), 1+random.IntN(walks))
			}
			done, err := do()
			if err != nil && fault.Of(err) == nil {
				t.Fatal(err)
			}
			if err == nil {
				kinds[done.Entry.Kind]++
			}
			if done.Session != nil && done.Session.Status != tree.InProgress && random.IntN(2) == 0 {
				break
			}
		}
	}
	t.Logf("entries by kind: %v", kinds)

	var sessions []*tree.Session
	for _, id := range ids {
		session, err := b.service.Session(ctx, b.acme.Owner, id, tree.AllSessionFields)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	// Another account's walks count for nobody else.
	theirs := b.publish(t, b.rival.Engineer, "theirs")
	if _, err := b.service.Start(ctx, b.rival.Engineer, tree.NewSession{Tree: theirs.ID}, 0); err != nil {
		t.Fatal(err)
	}

	end := nine.Add(time.Duration(b.now.Load()+1) * time.Second)
	spans := [][2]time.Time{{nine, end}}
	for range 3 {
		from := nine.Add(time.Duration(random.Int64N(b.now.Load())) * time.Second)
		spans = append(spans, [2]time.Time{from, from.Add(time.Second + time.Duration(random.Int64N(b.now.Load()))*time.Second)})
	}
	seen := 0
	compare := func() {
		t.Helper()
		for _, id := range trees {
			for version := range 3 {
				if version == 2 && id != lamp.ID {
					continue
				}
				for _, span := range spans {
					q := tree.AnalyticsQuery{Tree: id, Version: version, From: span[0], To: span[1], Sessions: true, Nodes: true}
					var got *tree.Analytics
					var err error
					sent := b.statements.during(func() { got, err = b.service.Analytics(ctx, b.acme.Admin, q) })
					if err != nil {
						t.Fatal(err)
					}
					if len(sent) != 3 { // the tree, sessions, nodes
						t.Errorf("%d statements", len(sent))
					}
					q.From, q.To = q.From.Truncate(time.Hour), tree.HourAfter(q.To)
					want := counted(sessions, q, func(version int, node tree.NodeID) *tree.Node {
						v, err := b.service.Version(ctx, b.acme.Admin, id, version, tree.VersionGraph)
						if err != nil {
							t.Fatal(err)
						}
						return v.Graph.Node(node)
					})
					if len(want.Nodes) == 0 {
						want.Nodes = []tree.NodeFigures{}
					}
					if diff := gocmp.Diff(want, got); diff != "" {
						t.Fatalf("tree %s, version %d, %v: the logs say otherwise (-logs +database):\n%s", id, version, span, diff)
					}
					for _, n := range got.Nodes {
						seen += n.Visits
					}
				}
			}
		}
	}
	compare()
	for count(end, 7) > 0 {
	}
	var left int
	if err := b.db.NewRaw("SELECT count(*) FROM tree_sessions WHERE NOT counted").Scan(ctx, &left); err != nil || left > 0 {
		t.Errorf("%d sessions are not counted, %v", left, err)
	}
	compare()
	if seen < 4*answers {
		t.Errorf("only %d visits were compared", seen)
	}
}

func TestTreeAnalytics_WhoMayAskForWhat(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.publish(t, b.acme.Engineer, "tree")
	b.walk(t, b.acme.Engineer, published.ID, "no")
	b.now.Add(60)
	for name, tt := range map[string]struct {
		actor  account.Actor
		change func(q *tree.AnalyticsQuery)
		want   fault.Code // empty: allowed
	}{
		"the tree's owner":      {b.acme.Engineer, nil, ""},
		"an admin":              {b.acme.Admin, nil, ""},
		"an owner":              {b.acme.Owner, nil, ""},
		"another engineer":      {b.acme.Colleague, nil, fault.Forbidden},
		"a viewer":              {b.acme.Viewer, nil, fault.Forbidden},
		"nobody":                {account.Actor{}, nil, fault.Unauthenticated},
		"a stranger":            {b.rival.Owner, nil, fault.NotFound},
		"a version":             {b.acme.Admin, func(q *tree.AnalyticsQuery) { q.Version = 1 }, ""},
		"a version that is not": {b.acme.Admin, func(q *tree.AnalyticsQuery) { q.Version = 2 }, fault.NotFound},
		"a negative version":    {b.acme.Admin, func(q *tree.AnalyticsQuery) { q.Version = -1 }, fault.NotFound},
		"all the time there is": {b.acme.Admin, func(q *tree.AnalyticsQuery) {
			q.From, q.To = time.Time{}.Add(1), time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC)
		}, ""},
		"a span that is backward": {b.acme.Admin, func(q *tree.AnalyticsQuery) { q.From, q.To = nine, nine }, fault.BadUserInput},
	} {
		q := tree.AnalyticsQuery{Tree: published.ID, Sessions: true, Nodes: true}
		if tt.change != nil {
			tt.change(&q)
		}
		got, err := b.service.Analytics(t.Context(), tt.actor, q)
		if tt.want != "" {
			wantFaultNamed(t, name, err, tt.want)
			continue
		}
		if err != nil || got.Sessions.Started != 1 || got.Sessions.InProgress != 1 || len(got.Nodes) != 1 || got.Nodes[0].Options[0].Chosen != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	var err error
	if sent := b.statements.during(func() {
		_, err = b.service.Analytics(t.Context(), b.acme.Admin, tree.AnalyticsQuery{Tree: published.ID, Nodes: true})
	}); err != nil || len(sent) != 2 {
		t.Errorf("figures of nodes alone took %d statements, %v", len(sent), err)
	}
}

// TestTreesHealth_FindsWhatTheRulesFind holds the statement's conditions against
// the rules, with figures at and beside every threshold.
func TestTreesHealth_FindsWhatTheRulesFind(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	b.now.Store(3 * 365 * 24 * 60 * 60)
	now := nine.Add(time.Duration(b.now.Load()) * time.Second)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	near := func(n int) int { return max(0, n-1+random.IntN(3)) }
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := b.db.ExecContext(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	want := map[tree.ID][]tree.HealthFinding{}
	mine := 0
	for i := range 60 {
		owner := b.acme.Engineer.UserID
		if i%2 == 0 {
			owner = b.acme.Colleague.UserID
		}
		id, day := newID[tree.ID](t), 24*time.Hour
		published := []time.Duration{tree.ReviewAfter + time.Duration(random.IntN(3)-1)*day, tree.UnusedAfter + time.Duration(random.IntN(3)-1)*time.Second, 10 * day}[random.IntN(3)]
		f := tree.HealthFacts{PublishedAt: now.Add(-published)}
		var review *string
		if random.IntN(2) == 0 {
			f.ReviewBy = now.Truncate(day).AddDate(0, 0, random.IntN(3)-1)
			text := f.ReviewBy.Format(time.DateOnly)
			review = &text
		}
		resolved, early, abandoned := 0, 0, 0
		if random.IntN(4) > 0 {
			f.Ended = near(tree.HealthSessions)
			f.DroppedOff = min(f.Ended, near(f.Ended*tree.HighDropOff/100))
			abandoned = random.IntN(f.DroppedOff + 1)
			early, f.Completed = f.DroppedOff-abandoned, f.Ended-abandoned
			resolved = f.Completed - early
			f.Unresolved = early
		}
		exec(`INSERT INTO trees (account_id, id, title, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at, review_by)
			VALUES (?, ?, 'T', 'DRAFT', ?, ?, ?, '{}', 0, ?, ?, ?::date)`, b.acme.Account, id, owner, owner, owner, nine, nine, review)
		for version := 1; version <= 2; version++ {
			exec(`INSERT INTO tree_versions (account_id, tree_id, number, title, graph, node_count, published_by, published_at)
				VALUES (?, ?, ?, 'T', '{"root": "n", "nodes": []}', 1, ?, ?)`, b.acme.Account, id, version, owner, f.PublishedAt)
		}
		exec(`UPDATE trees SET status = 'PUBLISHED', published_version = 2 WHERE account_id = ? AND id = ?`, b.acme.Account, id)
		walked := func(n, version int, status tree.SessionStatus, outcome, reason string, at time.Time) {
			if n > 0 && at.After(f.UsedAt) {
				f.UsedAt = at
			}
			exec(`INSERT INTO tree_sessions (account_id, id, tree_id, tree_version, started_by, held_by, status, outcome, outcome_reason, started_at, ended_at, updated_at)
				SELECT ?, gen_random_uuid(), ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ? FROM generate_series(1, ?)`,
				b.acme.Account, id, version, owner, owner, status, outcome, reason, at, at, at, n)
		}
		recent := now.Add(-tree.HealthSpan + time.Duration(random.IntN(2))*time.Hour)
		walked(resolved, 2, tree.Completed, "RESOLVED", "", recent)
		walked(early, 2, tree.Completed, "UNRESOLVED", "r", recent)
		walked(abandoned, 2, tree.Abandoned, "", "", recent)
		walked(random.IntN(2)*50, 1, tree.Abandoned, "", "", recent)                                // another version
		walked(random.IntN(2)*50, 2, tree.Abandoned, "", "", now.Add(-tree.HealthSpan-time.Second)) // long ago
		if findings := f.Findings(now); findings != nil {
			want[id] = findings
			if owner == b.acme.Engineer.UserID {
				mine++
			}
		}
	}
	got, err := b.service.TreesHealth(ctx, b.acme.Admin)
	if err != nil {
		t.Fatal(err)
	}
	found := map[tree.ID][]tree.HealthFinding{}
	for i, u := range got {
		found[u.ID] = u.Findings
		if i > 0 && len(u.Findings) > len(got[i-1].Findings) {
			t.Errorf("%d findings come after %d", len(u.Findings), len(got[i-1].Findings))
		}
		if u.Owner.Name == "" || u.Version != 2 || u.Title != "T" {
			t.Errorf("read %+v", u)
		}
	}
	named := func(in map[tree.ID][]tree.HealthFinding) map[string]string {
		out := map[string]string{}
		for id, findings := range in {
			out[id.String()] = fmt.Sprint(findings)
		}
		return out
	}
	if diff := gocmp.Diff(named(want), named(found)); diff != "" {
		t.Errorf("the rules say otherwise (-rules +database):\n%s", diff)
	}
	if len(want) == 0 || len(want) == 60 {
		t.Errorf("%d of 60 trees are unwell: the test does not try what it says", len(want))
	}
	own, err := b.service.TreesHealth(ctx, b.acme.Engineer)
	if err != nil || len(own) != mine {
		t.Errorf("an engineer reads of %d trees, owns %d that are unwell, %v", len(own), mine, err)
	}
	theirs, err := b.service.TreesHealth(ctx, b.rival.Owner)
	if err != nil || len(theirs) != 0 {
		t.Errorf("a stranger reads %v, %v", theirs, err)
	}
	_, err = b.service.TreesHealth(ctx, b.acme.Viewer)
	wantFault(t, err, fault.Forbidden)
}
