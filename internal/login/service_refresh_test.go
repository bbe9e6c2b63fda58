package login_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// stuck is a store whose transactions wait for as long as they may: for the lock
// of the session's row, or to be committed.
type stuck struct {
	login.Store
	tx stuckTx
}

type stuckTx struct {
	login.Tx
	session  login.Session
	atCommit bool
}

func (s stuck) InTx(ctx context.Context, f func(ctx context.Context, tx login.Tx) error) error {
	if err := f(ctx, s.tx); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s stuck) LoginSession(context.Context, account.ID, login.SessionID) (login.Session, error) {
	return s.tx.session, nil
}

func (s stuckTx) LockSession(ctx context.Context, _ account.ID, _ login.SessionID) (login.Session, error) {
	if !s.atCommit {
		<-ctx.Done()
	}
	return s.session, ctx.Err()
}

func (s stuckTx) User(context.Context, account.ID, account.UserID) (account.User, error) {
	return account.User{AccountID: s.session.AccountID, ID: s.session.UserID, Role: account.Viewer, TokenVersion: 1}, nil
}

func TestRefresh_AnswersWithinFiveSecondsOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, atCommit := range map[string]bool{"behind a lock": false, "at the commit": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ring, err := login.ParseRing(login.NewKey())
				if err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				session := login.Session{
					AccountID: newID[account.ID](), ID: login.NewSessionID(), UserID: newID[account.UserID](),
					SignedInAt: now, LastActiveAt: now, AuthenticatedAt: now, Idle: time.Hour,
					Deadlines:  login.Deadlines{Idle: now.Add(time.Hour), Absolute: now.Add(8 * time.Hour)},
					Generation: 1, GenerationAt: now, Salt: make([]byte, 16),
				}
				s, err := login.NewService(stuck{tx: stuckTx{session: session, atCommit: atCommit}}, nobodyHints{}, ring, login.DefaultBounds(), login.DefaultSettings(), time.Now)
				if err != nil {
					t.Fatal(err)
				}
				out, err := s.Refresh(t.Context(), login.RefreshInput{Token: ring.RefreshToken(session), AttemptID: "attempt-0123456789", Passive: true})
				if !errors.Is(err, context.DeadlineExceeded) || out.Tokens.Access != "" {
					t.Errorf("it answers %+v, %v", out, err)
				}
				if took := time.Since(now); took != 5*time.Second { // in the bubble's time
					t.Errorf("it gave up after %v", took)
				}
			})
		})
	}
}
