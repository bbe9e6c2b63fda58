package login

import (
	"context"
	"errors"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// refreshPatience is how long a refresh may take. Clients wait as long and then
// take it that there will be no answer, so none must come later.
const refreshPatience = 5 * time.Second

// RefreshInput is a refresh token and how it is presented.
type RefreshInput struct {
	Token Secret
	// AttemptID is random, made and stored by the client before its first attempt
	// with the token, and the same in each attempt with it.
	AttemptID Secret
	Passive   bool // no activity of a person
	Device    Device
}

// Refreshed is the answer to a refresh.
type Refreshed struct {
	User    account.User
	Session Session
	Tokens  Tokens // Refresh is empty where the device goes on with the token that it has
}

// Refresh makes a new access token for whoever holds a refresh token, and a new
// refresh token where Decide says so. A refusal is Unauthenticated with the reason
// InvalidRefreshToken, SessionExpiredIdle, SessionExpiredAbs or SessionRevoked; an
// attempt id of another form is BadUserInput.
//
// A session past a deadline and one whose token was copied end here. What is not
// committed within 5 s, as behind a lock, is given up: the error is then no fault.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (Refreshed, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshPatience)
	defer cancel()
	attempt, err := HashAttempt(in.AttemptID)
	if err != nil {
		return Refreshed{}, err
	}
	token, err := ParseRefreshToken(in.Token)
	if err != nil {
		return Refreshed{}, err
	}
	// Whoever sends what was not made here locks nothing: it is refused on a plain read.
	seen, err := s.Store.LoginSession(ctx, token.AccountID, token.SessionID)
	if errors.Is(err, fault.NotFound) || err == nil && !s.Ring.Genuine(token, seen) {
		return Refreshed{}, invalidRefreshToken
	}
	if err != nil {
		return Refreshed{}, err
	}
	var out Refreshed
	var refusal *fault.Fault // of a transaction that is committed all the same
	changed := false
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		session, err := tx.LockSession(ctx, token.AccountID, token.SessionID)
		if errors.Is(err, fault.NotFound) {
			return invalidRefreshToken
		}
		if err != nil {
			return err
		}
		now := s.now()
		p := Presented{Generation: token.Generation, Genuine: s.Ring.Genuine(token, session), Attempt: attempt, Passive: in.Passive}
		verdict := Decide(session, p, now, graceOf(s.Settings.Grace, session.Idle))
		switch verdict {
		case NotGenuine:
			return invalidRefreshToken
		case AlreadyOver:
			return session.EndReason.Fault()
		case PastEnd, Reuse:
			e := Ending{AccountID: session.AccountID, Sessions: []SessionID{session.ID}, At: now}
			e.Reason, e.Audit = TokenReuse, s.entry(account.RefreshTokenReused, session.AccountID, account.UserID{}, in.Device, now)
			if verdict == PastEnd {
				limit, _ := session.Deadlines.Nearer()
				e.Reason, e.Audit = limit.endReason(), s.entry(account.LoginSessionExpired, session.AccountID, account.UserID{}, Device{}, now)
			}
			e.Audit.SubjectID, e.Audit.LoginSessionID = session.UserID, session.ID.String()
			e.Audit.Details["reason"] = string(e.Reason)
			refusal, changed = e.Reason.Fault(), true
			_, err := tx.EndLoginSessions(ctx, e)
			return err
		}
		out.Session, changed = session.apply(verdict, p, now)
		if changed {
			if err := tx.SaveLoginSession(ctx, out.Session); err != nil {
				return err
			}
		}
		if out.User, err = tx.User(ctx, session.AccountID, session.UserID); err != nil {
			return err
		}
		out.Tokens, err = s.tokens(out.User, out.Session, verdict.sendsToken(), now)
		return err
	})
	if err != nil {
		return Refreshed{}, err
	}
	s.hintIf(changed, token.AccountID)
	if refusal != nil {
		return Refreshed{}, refusal
	}
	return out, nil
}

// Logout ends the caller's own login session and returns how many ended: 1, or 0
// where nobody was signed in or the session had ended already.
func (s *Service) Logout(ctx context.Context, c Caller) (int, error) {
	if c.UserID.IsZero() {
		return 0, nil
	}
	return s.endOne(ctx, c, c.SessionID, c.UserID, LoggedOut, account.SignedOut)
}

// LogoutWith ends the login session that a refresh token belongs to, for a device
// whose access token has run out, and returns as Logout does. A token that was not
// made here ends nothing.
func (s *Service) LogoutWith(ctx context.Context, token Secret, device Device) (int, error) {
	t, err := ParseRefreshToken(token)
	if err != nil {
		return 0, nil
	}
	session, err := s.Store.LoginSession(ctx, t.AccountID, t.SessionID)
	if errors.Is(err, fault.NotFound) || err == nil && !s.Ring.Genuine(t, session) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	c := Caller{
		Actor:     account.Actor{AccountID: session.AccountID, UserID: session.UserID},
		SessionID: session.ID, Device: device,
	}
	return s.endOne(ctx, c, session.ID, session.UserID, LoggedOut, account.SignedOut)
}

// endOne ends one session of a user, in one transaction, and hints.
func (s *Service) endOne(ctx context.Context, c Caller, sessionID SessionID, of account.UserID, reason EndReason, action account.AuditAction) (int, error) {
	var ended []Ended
	err := s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		ended, err = tx.EndLoginSessions(ctx, s.endingOne(c, sessionID, of, reason, action))
		return err
	})
	if err != nil {
		return 0, err
	}
	s.hintIf(len(ended) > 0, c.AccountID)
	return len(ended), nil
}

func (s *Service) endingOne(c Caller, sessionID SessionID, of account.UserID, reason EndReason, action account.AuditAction) Ending {
	now := s.now()
	e := Ending{
		AccountID: c.AccountID, Sessions: []SessionID{sessionID}, User: of,
		Reason: reason, By: c.UserID, At: now, Audit: s.callerEntry(action, c, now),
	}
	e.Audit.SubjectID, e.Audit.LoginSessionID = of, sessionID.String()
	e.Audit.Details["reason"] = string(reason)
	return e
}
