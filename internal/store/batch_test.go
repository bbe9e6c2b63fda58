package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// bothWays runs a test with statements that are prepared and with such as pass a
// pooler in transaction mode, on one connection: what keeps it stops the test.
func bothWays(t *testing.T, test func(t *testing.T, db *store.DB, sent *statements)) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pooled %v", pooled), func(t *testing.T) {
			t.Parallel()
			sent := new(statements)
			db, err := store.Open(t.Context(), pgtest.URL(t), store.Options{MaxConns: 1, Pooled: pooled, Tracer: sent})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			test(t, db, sent)
		})
	}
}

// TestInSession_WhatFailsIsUndone fails behind what was written already.
func TestInSession_WhatFailsIsUndone(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, db *store.DB, sent *statements) {
		b := bundle(t, db, sent)
		me := b.acme.Engineer
		walk := b.begin(t, me, tree.NewSession{Tree: b.publish(t, me, "Walked").ID})
		before, err := b.service.Session(t.Context(), me, walk.ID, tree.AllSessionFields)
		if err != nil {
			t.Fatal(err)
		}
		no := tree.Choice{Option: "no"}
		wrong := errors.New("something else went wrong")
		for what, then := range map[string]func(ctx context.Context, cancel func(), tx tree.Tx, append func() error) error{
			"an error":            func(context.Context, func(), tree.Tx, func() error) error { return wrong },
			"a panic":             func(context.Context, func(), tree.Tx, func() error) error { panic(wrong) },
			"a cancelled request": func(_ context.Context, cancel func(), _ tree.Tx, _ func() error) error { cancel(); return nil },
			"a fault": func(ctx context.Context, _ func(), tx tree.Tx, _ func() error) error {
				_, err := tx.Colleague(ctx, b.acme.Account, b.rival.Engineer.UserID)
				return err
			},
			"a statement":                       func(_ context.Context, _ func(), _ tree.Tx, append func() error) error { return append() },
			"a statement at which nobody looks": func(_ context.Context, _ func(), _ tree.Tx, append func() error) error { _ = append(); return nil },
			"a statement behind one that was fine": func(_ context.Context, _ func(), _ tree.Tx, append func() error) error {
				return errors.Join(append(), wrong)
			},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			err := func() (err error) {
				defer func() {
					if r := recover(); r != nil {
						err = r.(error)
					}
				}()
				return b.trees.InSession(ctx, me.AccountID, walk.ID, "key", func(ctx context.Context, tx tree.Tx, session *tree.Session, earlier *tree.Request) error {
					if earlier != nil {
						t.Errorf("%s: an earlier request was undone and is found: %+v", what, earlier)
					}
					entry, err := session.Choose(me, 0, no, b.service.Now())
					if err != nil {
						return err
					}
					write := func() error { return tx.Append(ctx, session, entry, tree.Request{Key: "key", Seq: entry.Seq}) }
					if err := write(); err != nil {
						t.Errorf("%s: what came before it fails too: %v", what, err)
					}
					return then(ctx, cancel, tx, write)
				})
			}()
			cancel()
			if err == nil {
				t.Errorf("%s: the transaction is committed", what)
			}
			if after, err := b.service.Session(t.Context(), me, walk.ID, tree.AllSessionFields); err != nil || !reflect.DeepEqual(after, before) {
				t.Errorf("%s: the session is %+v, %v", what, after, err)
			}
		}
		if done, err := b.service.Advance(t.Context(), me, walk.ID, tree.Guard{IdempotencyKey: "key"}, no); err != nil || done.Repeated || done.Entry.Seq != 1 {
			t.Errorf("afterwards a step is %+v, %v", done, err)
		}
	})
}

// TestAdvance_TakesTwoMessages counts how often a step waits for the database.
func TestAdvance_TakesTwoMessages(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me := b.acme.Engineer
	walk := b.begin(t, me, tree.NewSession{Tree: b.publish(t, me, "Walked").ID})
	step := func(seq int, option tree.OptionID) func() {
		return func() {
			guard := tree.Guard{ExpectedStep: seq, IdempotencyKey: fmt.Sprint(seq)}
			if _, err := b.service.Advance(t.Context(), me, walk.ID, guard, tree.Choice{Option: option}); err != nil {
				t.Fatal(err)
			}
		}
	}
	step(0, "no")() // reads the tree's version
	if list := b.statements.during(step(1, "still")); b.statements.messages != 2 {
		t.Errorf("a step takes %d messages: %q", b.statements.messages, list)
	}
}

// TestLogin_IsKeptAsItIsAnswered signs somebody in under a policy with everything, more
// often than its cap allows.
func TestLogin_IsKeptAsItIsAnswered(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, db *store.DB, sent *statements) {
		d := deskOn(t, db, sent)
		ctx := t.Context()
		ann := d.found(t, "acme", "ann")
		bob := d.join(t, ann, "bob", account.Engineer)
		const hour, day = time.Hour, 24 * time.Hour
		policy := login.PolicyInput{
			LimitsInput: login.LimitsInput{Preset: login.Custom, IdleMinutes: new(24 * 60), AbsoluteMinutes: new(30 * 24 * 60)},
			Admins:      &login.LimitsInput{Preset: login.Strict}, MaxSessions: new(2),
		}
		if _, err := d.UpdatePolicy(ctx, ann.caller(), policy, false); err != nil {
			t.Fatal(err)
		}
		sign := func(who seat) login.SignIn {
			t.Helper()
			in, err := d.Login(ctx, login.LoginInput{Email: who.User.Email, Password: password, Device: login.Device{UserAgent: "phone \" \\ 'x'", IP: "192.0.2.7"}})
			if err != nil {
				t.Fatal(err)
			}
			kept, err := d.store.LoginSession(ctx, in.User.AccountID, in.Session.ID)
			if err != nil || !reflect.DeepEqual(kept, in.Session) {
				t.Errorf("kept is %+v, %v; answered %+v", kept, err, in.Session)
			}
			if user, err := d.store.User(ctx, in.User.AccountID, in.User.ID); err != nil || user != in.User || !user.LastLoginAt.Equal(in.Session.SignedInAt) {
				t.Errorf("the user is kept as %+v, %v; answered as %+v", user, err, in.User)
			}
			if a, err := d.store.Account(ctx, in.User.AccountID); err != nil || a != in.Account {
				t.Errorf("the account is %+v, %v; answered as %+v", a, err, in.Account)
			}
			return in
		}
		if s := sign(ann).Session; s.Idle != hour || s.Deadlines.Absolute.Sub(s.SignedInAt) != day {
			t.Errorf("an owner's session lasts %v, until %v", s.Idle, s.Deadlines)
		}
		for range 3 {
			if s := sign(bob).Session; s.Idle != day || s.Deadlines.Absolute.Sub(s.SignedInAt) != 30*day {
				t.Errorf("an engineer's session lasts %v, until %v", s.Idle, s.Deadlines)
			}
		}
		live, err := d.store.ActiveSessions(ctx, bob.User.AccountID, bob.User.ID, 0, d.now(), 10)
		if err != nil || len(live) != 2 {
			t.Errorf("%d sessions are live, %v; the cap is 2", len(live), err)
		}
		count := map[account.AuditAction]int{}
		lines, err := d.store.AuditLog(ctx, bob.User.AccountID, login.AuditFilter{}, login.AuditMark{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			count[line.Entry.Action]++
		}
		if count[account.SignedIn] != 6 || count[account.LoginSessionLimit] != 2 {
			t.Errorf("the audit log has %v", count)
		}
		if _, err := d.Login(ctx, login.LoginInput{Email: bob.User.Email, Password: "another one"}); fault.ReasonOf(err) != fault.InvalidCredentials {
			t.Errorf("a wrong password: %v", err)
		}
	})
}
