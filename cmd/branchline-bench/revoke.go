//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// revokeAll measures how soon everybody knows who is signed out by an owner.
func (b *bench) revokeAll(ctx context.Context, server *product, floor *child) error {
	var told, closed, floorTold, floorClosed []spread
	var cpu, floorCPU, answer, executions float64
	for round := range b.rounds {
		b.say("revoking everybody, round %d of %d", round+1, b.rounds)
		all := b.first // who is still signed in
		var err error
		if round > 0 || all == nil {
			all, err = b.signIn(ctx, b.sockets)
		} else {
			err = b.issue(all)
		}
		if err != nil {
			return err
		}
		ours, _, err := b.connectAll(ctx, server.process, server.address, all)
		if err != nil {
			return err
		}
		defer ours.stop()
		before, err := readMetrics(ctx, server.client, server.metrics)
		if err != nil {
			return err
		}
		used, err := server.cpu()
		if err != nil {
			return err
		}
		took, err := b.revokeOthers(ctx, server)
		if err != nil {
			return err
		}
		heard, err := heardEnd(ours, 0, b.sockets)
		if err != nil {
			return err
		}
		now, err := server.cpu()
		if err != nil {
			return err
		}
		m, err := readMetrics(ctx, server.client, server.metrics)
		if err != nil {
			return err
		}
		committed, err := b.ended(ctx, all[0])
		if err != nil {
			return err
		}
		told = append(told, spreadOf(after(committed, heard.told)))
		closed = append(closed, spreadOf(after(committed, heard.closed)))
		cpu += microseconds(now-used) / float64(b.sockets*b.rounds)
		answer += milliseconds(took) / float64(b.rounds)
		executions += (m["branchline_event_executions_total"] - before["branchline_event_executions_total"]) / float64(b.rounds)
		ours.stop()

		bare, _, err := b.connectAll(ctx, floor.process, b.floor, all)
		if err != nil {
			return err
		}
		defer bare.stop()
		if used, err = floor.cpu(); err != nil {
			return err
		}
		began, err := floor.do(order{Do: "end"})
		if err != nil {
			return err
		}
		if heard, err = heardEnd(bare, 0, b.sockets); err != nil {
			return err
		}
		if now, err = floor.cpu(); err != nil {
			return err
		}
		floorCPU += microseconds(now-used) / float64(b.sockets*b.rounds)
		floorTold = append(floorTold, spreadOf(after(began.Moment, heard.told)))
		floorClosed = append(floorClosed, spreadOf(after(began.Moment, heard.closed)))
		bare.stop()
	}
	end, err := server.memory(ctx)
	if err != nil {
		return err
	}
	t, ft, c, fc := middle(told), middle(floorTold), middle(closed), middle(floorClosed)
	b.report.add("everybody revoked: commit → told, p50", "ms", t.p50, ft.p50)
	b.report.judge("S8", "everybody revoked: commit → told, p99", "ms", t.p99, ft.p99, "≤ 1.2 × floor + 5 ms", t.p99 <= 1.2*ft.p99+5)
	b.report.add("everybody revoked: commit → told, the last", "ms", t.max, ft.max)
	b.report.add("everybody revoked: commit → closed, p99", "ms", c.p99, fc.p99)
	b.report.add("everybody revoked: server CPU a socket", "µs", cpu, floorCPU)
	b.report.add("everybody revoked: the owner's answer", "ms", answer, 0)
	b.report.add("everybody revoked: events encoded", "", executions, 0)
	if b.left.live == 0 { // no crowd was looked at before
		return nil
	}
	b.report.add(fmt.Sprintf("heap and stacks after %d more crowds ÷ after the first", b.rounds+1), "", end.live/b.left.live, 0)
	return nil
}

// revokeOthers ends everybody's login sessions but the owner's, by the API.
func (b *bench) revokeOthers(ctx context.Context, server *product) (time.Duration, error) {
	token, err := b.ownerToken()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var out struct{ RevokeSessions struct{ RevokedCount int } }
	err = server.ask(ctx, token, `mutation { revokeSessions(input: {scope: ALL_EXCEPT_ME}) { revokedCount } }`, nil, &out)
	if err == nil && out.RevokeSessions.RevokedCount != b.sockets {
		err = fmt.Errorf("the product ended %d login sessions instead of %d", out.RevokeSessions.RevokedCount, b.sockets)
	}
	return time.Since(began), err
}

// ends is when sockets were told of their end and when they were closed.
type ends struct{ told, closed []int64 }

// heardEnd waits until sockets that were told nothing before are told of their
// end and closed for good.
func heardEnd(c *child, first, count int) (ends, error) {
	closed, err := c.do(order{Do: "await", First: first, Count: count, Events: 1, Closed: true, Patience: patience})
	if err != nil {
		return ends{}, err
	}
	for _, code := range closed.Codes {
		if code != signIn {
			return ends{}, fmt.Errorf("a socket was closed with %d instead of %d", code, signIn)
		}
	}
	told, err := c.do(order{Do: "await", First: first, Count: count, Events: 1, Patience: patience})
	return ends{told.At, closed.At}, err
}

// signIn is the close code of an ended login session.
const signIn = 4401

// twoProcesses measures how soon a second process knows what a first one did.
func (b *bench) twoProcesses(ctx context.Context, a *product, floor *child) error {
	b.say("starting a second process")
	other, err := b.serve(ctx, "second server")
	if err != nil {
		return err
	}
	defer other.stop()
	if _, err := b.db.Exec(ctx, `CREATE TABLE bench_ends (xid xid8 NOT NULL); CREATE TABLE bench_writes (at timestamptz NOT NULL)`); err != nil {
		return err
	}
	for _, load := range []int{0, 1500} {
		if err := b.hinted(ctx, a, other, floor, load); err != nil {
			return err
		}
	}
	return b.unhinted(ctx, other)
}

// hinted revokes one login session after another on a and looks at their sockets
// and tokens on the other process, while so many others commit per second.
func (b *bench) hinted(ctx context.Context, a, other *product, floor *child, writes int) error {
	name := "one revoked on A"
	if writes > 0 {
		name += fmt.Sprintf(", %d commits/s beside", writes)
	}
	b.say("%s", name)
	all, err := b.signIn(ctx, min(2*b.repeats, len(b.users)))
	if err != nil {
		return err
	}
	ours, err := b.crowd(ctx, other.address, all, 8)
	if err != nil {
		return err
	}
	defer ours.stop()
	bare, err := b.crowd(ctx, b.floor, all[:len(all)/2], 1)
	if err != nil {
		return err
	}
	defer bare.stop()
	if _, err := floor.do(order{Do: "listen", Database: b.database}); err != nil {
		return err
	}
	written, stop := b.write(ctx, writes)
	defer stop()
	began := time.Now()
	var told, refused, floorTold []time.Duration
	for i, s := range all {
		// Every second one's token is tried all the time, the others are left alone:
		// asking delays telling.
		tries := make(chan tried, 1)
		if i%2 == 1 {
			go func() { tries <- b.tryUntilRefused(ctx, other, s.token, 300*time.Microsecond) }()
		}
		if _, err := b.revoke(ctx, a, s); err != nil {
			return err
		}
		heard, err := heardEnd(ours, i, 1)
		if err != nil {
			return err
		}
		committed, err := b.ended(ctx, s)
		if err != nil {
			return err
		}
		if i%2 == 1 {
			t := <-tries
			if t.err != nil {
				return t.err
			}
			refused = append(refused, time.Duration(t.refused-committed))
			continue
		}
		told = append(told, after(committed, heard.told)...)
		d, err := b.floorEnd(ctx, bare, i/2)
		if err != nil {
			return err
		}
		floorTold = append(floorTold, d)
	}
	if writes > 0 {
		name = fmt.Sprintf("one revoked on A, %.0f commits/s beside", float64(written())/time.Since(began).Seconds())
	}
	t, r, f := spreadOf(told), spreadOf(refused), spreadOf(floorTold)
	b.report.add(name+": commit → its socket on B told, p50", "ms", t.p50, f.p50)
	b.report.judge("S9", name+": commit → its socket on B told, p99", "ms", t.p99, f.p99, "≤ 3 ms", t.p99 <= 3)
	b.report.add(name+": commit → B refuses its token, p50", "ms", r.p50, 0)
	b.report.add(name+": commit → B refuses its token, p99", "ms", r.p99, 0)
	return nil
}

// floorEnd does the least for one ending: a durable commit, a NOTIFY after it,
// and a process that hears it and writes. It returns how long after the commit
// the socket was told.
func (b *bench) floorEnd(ctx context.Context, bare *child, i int) (time.Duration, error) {
	var xid string
	if err := b.db.QueryRow(ctx, `INSERT INTO bench_ends VALUES (pg_current_xact_id()) RETURNING xid::text`).Scan(&xid); err != nil {
		return 0, err
	}
	if _, err := b.db.Exec(ctx, `SELECT pg_notify($1, $2)`, floorChannel, fmt.Sprint(i)); err != nil {
		return 0, err
	}
	heard, err := heardEnd(bare, i, 1)
	if err != nil {
		return 0, err
	}
	var committed time.Time
	if err := b.db.QueryRow(ctx, `SELECT pg_xact_commit_timestamp($1::text::xid8::xid)`, xid).Scan(&committed); err != nil {
		return 0, err
	}
	return time.Duration(heard.told[0] - committed.UnixNano()), nil
}

// tried says when a token was refused for the first time.
type tried struct {
	refused int64
	err     error
}

// tryUntilRefused asks with a token again and again until the answer is that its
// login session was revoked. The moment is that at which the answer was there.
func (b *bench) tryUntilRefused(ctx context.Context, p *product, token string, pause time.Duration) tried {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		answer, err := p.post(ctx, token, []byte(`{"query":"{ me { id } }"}`))
		now := time.Now().UnixNano()
		switch {
		case err != nil:
			return tried{err: err}
		case strings.Contains(string(answer), `"SESSION_REVOKED"`):
			return tried{refused: now}
		case !strings.Contains(string(answer), `{"me":{"id":`):
			return tried{err: fmt.Errorf("the product answers %s", answer)}
		}
		if err := sleep(ctx, pause); err != nil {
			return tried{err: err}
		}
	}
	return tried{err: errors.New("a revoked token is still good")}
}

// write commits so many rows a second from eight connections until stop is
// called. written returns how many there were.
func (b *bench) write(ctx context.Context, perSecond int) (written func() int, stop func()) {
	if perSecond == 0 {
		return func() int { return 0 }, func() {}
	}
	const writers = 8
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var counts [writers]struct {
		sync.Mutex
		n int
	}
	for w := range writers {
		running.Go(func() {
			next := time.Now()
			for ctx.Err() == nil {
				if _, err := b.db.Exec(ctx, `INSERT INTO bench_writes VALUES (now())`); err != nil {
					return
				}
				counts[w].Lock()
				counts[w].n++
				counts[w].Unlock()
				next = next.Add(writers * time.Second / time.Duration(perSecond))
				if wait := time.Until(next); wait > 0 {
					time.Sleep(wait)
				} else {
					next = time.Now() // what the disk cannot do is not caught up on
				}
			}
		})
	}
	return func() (n int) {
			for w := range counts {
				counts[w].Lock()
				n += counts[w].n
				counts[w].Unlock()
			}
			return n
		}, func() {
			cancel()
			running.Wait()
		}
}

// The endings of unhinted.
const (
	openFor   = 10 * time.Second // the late transactions; as long as the product's own may be
	spreadFor = 14 * time.Second // over which the others are spread
	lateOnes  = 5
)

// unhinted ends login sessions by SQL, so that no hint is sent, as if it had been
// lost: what tells the second process is its read alone, twice a second. Some of
// the transactions stay open for 10 s while the others commit.
func (b *bench) unhinted(ctx context.Context, other *product) error {
	b.say("ending login sessions without a hint, some in transactions that commit %v late", openFor)
	all, err := b.signIn(ctx, min(b.repeats+lateOnes, len(b.users)))
	if err != nil {
		return err
	}
	ours, err := b.crowd(ctx, other.address, all, 8)
	if err != nil {
		return err
	}
	defer ours.stop()
	tries := make([]tried, len(all))
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, s := range all {
		running.Go(func() {
			if i < lateOnes {
				errs[i] = b.endBySQL(ctx, s, openFor+time.Duration(rand.Int64N(int64(time.Second))))
				return
			}
			errs[i] = sleep(ctx, time.Duration(rand.Int64N(int64(spreadFor))))
			if errs[i] == nil {
				errs[i] = b.endBySQL(ctx, s, 0)
			}
			if errs[i] == nil && i%2 == 1 {
				tries[i] = b.tryUntilRefused(ctx, other, s.token, 2*time.Millisecond)
				errs[i] = tries[i].err
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	heard, err := heardEnd(ours, 0, len(all)) // it fails when one is missed
	if err != nil {
		return err
	}
	var told, refused, late []time.Duration
	for i, s := range all {
		committed, err := b.ended(ctx, s)
		if err != nil {
			return err
		}
		switch d := time.Duration(heard.told[i] - committed); {
		case i < lateOnes:
			late = append(late, d)
		default:
			told = append(told, d)
			if i%2 == 1 {
				refused = append(refused, time.Duration(tries[i].refused-committed))
			}
		}
	}
	t, r, l := spreadOf(told), spreadOf(refused), spreadOf(late)
	b.report.add("the hint lost: commit → its socket told, p50", "ms", t.p50, 0)
	b.report.judge("–", "the hint lost: commit → its socket told, p99", "ms", t.p99, 0, "≤ 1500 ms", t.p99 <= 1500)
	b.report.add("the hint lost: commit → its token refused, p99", "ms", r.p99, 0)
	b.report.judge("–", fmt.Sprintf("committed %v late, without a hint: %d of %d told, the last", openFor, len(late), lateOnes), "ms", l.max, 0, "all, ≤ 1500 ms", l.max <= 1500)
	return nil
}

// endBySQL ends a login session in a transaction that stays open for a while.
func (b *bench) endBySQL(ctx context.Context, s seated, open time.Duration) error {
	return pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE login_sessions SET ended_at = clock_timestamp(), end_reason = 'REVOKED_BY_OWNER', ended_xid = pg_current_xact_id() WHERE account_id = $1 AND id = $2`,
			uuidOf(s.AccountID.UUID()), uuidOf(s.ID.UUID()))
		if err != nil || open == 0 {
			return err
		}
		return sleep(ctx, open)
	})
}
