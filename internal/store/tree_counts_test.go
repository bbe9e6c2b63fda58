package store_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// TestCountSessions_WhileOthersWalk has sessions counted and changed at once, with
// every session counted as soon as it stands still. In the end the counts are what the
// sessions count for, on each level.
func TestCountSessions_WhileOthersWalk(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	lamp := b.publish(t, b.acme.Engineer, "Lamp is dark")
	other := b.publish(t, b.acme.Engineer, "Lamp is too bright")
	later := nine.Add(365 * 24 * time.Hour)
	var walkers, counters sync.WaitGroup
	over := make(chan struct{})
	for i := range 4 {
		walkers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 5 {
				session, err := b.service.Start(ctx, b.acme.Engineer, tree.NewSession{Tree: lamp.ID, Subject: "s"}, 0)
				if err != nil {
					t.Error(err)
					return
				}
				for range 12 {
					b.now.Add(random.Int64N(3 * 60 * 60))
					now, err := b.service.Session(ctx, b.acme.Owner, session.ID, tree.SessionHolder|tree.SessionCurrentNode|tree.SessionPosition)
					if err != nil {
						t.Error(err)
						return
					}
					actor := b.acme.Engineer
					if now.Holder.ID != actor.UserID {
						actor = b.acme.Colleague
					}
					if _, err := b.anything(t, random, actor, now, tree.Guard{ExpectedStep: now.LastSeq}, []tree.ID{lamp.ID, other.ID, {}})(); err != nil && fault.Of(err) == nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 2 {
		counters.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					if _, err := b.trees.CountSessions(ctx, later, 3); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	walkers.Wait()
	close(over)
	counters.Wait()

	revisions := func() (sum int) {
		if err := b.db.NewRaw("SELECT sum(revision) FROM tree_sessions").Scan(ctx, &sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := revisions()
	for n := 1; n > 0; {
		var err error
		if n, err = b.trees.CountSessions(ctx, later, 7); err != nil {
			t.Fatal(err)
		}
	}
	if after := revisions(); after != before {
		t.Errorf("the sessions' revisions rose from %d to %d: whoever watches would be told", before, after)
	}
	read := func(sql string) (sums string) {
		t.Helper()
		if err := b.db.NewRaw(sql).Scan(ctx, &sums); err != nil {
			t.Fatal(err)
		}
		return sums
	}
	sessions := read("SELECT format('%s %s %s %s', count(*), sum(in_progress), sum(completed), sum(abandoned)) FROM tree_session_facts")
	visits := read("SELECT format('%s %s %s %s %s %s', sum(visits), sum(undone), sum(drop_offs), sum(own_steps), count(chosen), count(took)) FROM tree_visits")
	for level := range 3 {
		if got := read(fmt.Sprintf("SELECT format('%%s %%s %%s %%s', sum(started), sum(in_progress), sum(completed), sum(abandoned)) FROM tree_session_counts WHERE level = %d", level)); got != sessions {
			t.Errorf("level %d: the counts of sessions are %s, want %s", level, got, sessions)
		}
		if got := read(fmt.Sprintf(`SELECT format('%%s %%s %%s %%s %%s %%s', sum(visits), sum(undone), sum(drop_offs), sum(own_steps),
			sum((SELECT sum(n.value::integer) FROM jsonb_each_text(c.chosen) AS n)), sum((SELECT sum(c.took[i][2]) FROM generate_subscripts(c.took, 1) AS i)))
			FROM tree_visit_counts AS c WHERE level = %d`, level)); got != visits {
			t.Errorf("level %d: the counts of visits are %s, want %s", level, got, visits)
		}
	}
}

// The database rounds times as the domain says it does.
func TestRounded_IsTheDatabasesToo(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	spans := []time.Duration{0, 99 * time.Millisecond, 9949 * time.Millisecond, 9950 * time.Millisecond, 10 * time.Second, 99 * time.Second, 99500 * time.Millisecond, 104900 * time.Millisecond, 105 * time.Second, 24 * time.Hour}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range 300 {
		spans = append(spans, time.Duration(random.Int64N(int64(time.Second)<<random.IntN(26))).Truncate(time.Microsecond))
	}
	micros := make([]int64, len(spans))
	for i, d := range spans {
		micros[i] = d.Microseconds()
	}
	var got []int64
	if err := b.db.NewRaw("SELECT two_digits(n * interval '1 microsecond') FROM unnest(?::bigint[]) WITH ORDINALITY AS of (n, place) ORDER BY place", pgdialect.Array(micros)).Scan(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	for i, d := range spans {
		if want := tree.Rounded(d); time.Duration(got[i])*(time.Second/10) != want {
			t.Errorf("%v is %d tenths to the database, %v to the domain", d, got[i], want)
		}
	}
}
