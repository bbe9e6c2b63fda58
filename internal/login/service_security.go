package login

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Policy returns the policy that holds for the account. Owners only.
func (s *Service) Policy(ctx context.Context, actor account.Actor) (Policy, error) {
	if err := actor.Require(account.Owner); err != nil {
		return Policy{}, err
	}
	choice, err := s.Store.Policy(ctx, actor.AccountID)
	if err != nil {
		return Policy{}, err
	}
	return s.Bounds.Resolve(choice), nil
}

// ActiveUsers returns the users with a live login session, newest sign-in first.
// Owners only.
func (s *Service) ActiveUsers(ctx context.Context, actor account.Actor) ([]ActiveUser, error) {
	if err := actor.Require(account.Owner); err != nil {
		return nil, err
	}
	return s.Store.ActiveUsers(ctx, actor.AccountID, s.now())
}

// ActiveSessions returns the account's live login sessions, newest sign-in first,
// at most MaxActiveSessions. Owners only.
func (s *Service) ActiveSessions(ctx context.Context, actor account.Actor, fields SessionFields) ([]ActiveSession, error) {
	if err := actor.Require(account.Owner); err != nil {
		return nil, err
	}
	return s.Store.ActiveSessions(ctx, actor.AccountID, account.UserID{}, fields, s.now(), MaxActiveSessions)
}

// PolicyChange is the answer to setting the policy.
type PolicyChange struct {
	Policy  Policy
	Ended   int // login sessions that the new limits put in the past; 0 without applyNow
	Shorter int // login sessions that go on with nearer deadlines; 0 without applyNow
}

// UpdatePolicy sets the account's policy. It holds for login sessions that begin
// from now on; with applyNow running ones are shortened too, never lengthened, and
// those past a new deadline end as expired. Owners only, with a recent sign-in.
// What is out of bounds is BadUserInput, each violation naming its field.
func (s *Service) UpdatePolicy(ctx context.Context, c Caller, in PolicyInput, applyNow bool) (PolicyChange, error) {
	if err := c.Require(account.Owner); err != nil {
		return PolicyChange{}, err
	}
	choice, err := s.Bounds.Choose(in)
	if err != nil {
		return PolicyChange{}, err
	}
	var out PolicyChange
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		if _, _, err := s.confirm(ctx, tx, c, account.Owner, true); err != nil {
			return err
		}
		before, err := tx.Policy(ctx, c.AccountID)
		if err != nil {
			return err
		}
		now := s.now()
		choice.ChosenAt, choice.ChosenBy = now, c.UserID
		out.Policy = s.Bounds.Resolve(&choice)
		if err := tx.SavePolicy(ctx, c.AccountID, choice); err != nil {
			return err
		}
		if applyNow {
			ended, moved, err := tx.ShortenLoginSessions(ctx, c.AccountID, out.Policy, now)
			if err != nil {
				return err
			}
			out.Ended, out.Shorter = len(ended), moved
		}
		e := s.callerEntry(account.SessionPolicyChanged, c, now)
		e.Details["old"], e.Details["new"] = s.Bounds.Resolve(before).details(), out.Policy.details()
		e.Details["applyNow"], e.Details["ended"], e.Details["shorter"] = applyNow, out.Ended, out.Shorter
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return PolicyChange{}, err
	}
	s.hintIf(out.Ended+out.Shorter > 0, c.AccountID)
	return out, nil
}

// details returns the policy for the audit log.
func (p Policy) details() map[string]any {
	d := map[string]any{"preset": string(p.Preset), "idleMinutes": p.IdleMinutes(), "absoluteMinutes": p.AbsoluteMinutes()}
	if p.Admins != nil {
		d["admins"] = map[string]any{"preset": string(p.AdminsPreset), "idleMinutes": p.Admins.IdleMinutes(), "absoluteMinutes": p.Admins.AbsoluteMinutes()}
	}
	if p.MaxSessions > 0 {
		d["maxSessionsPerUser"], d["atSessionLimit"] = p.MaxSessions, string(p.AtCap)
	}
	return d
}

// Scope says whose login sessions to end.
type Scope string

// The scopes, from the caller's view.
const (
	Everybody        Scope = "ALL"           // every user's, the caller's own included
	EverybodyElse    Scope = "ALL_EXCEPT_ME" // every other user's; the caller stays signed in on all devices
	OneUser          Scope = "USER"          // one user's
	myOthers         Scope = "MY_OTHERS"     // for the audit log
	disabledUser     Scope = "DISABLED_USER" // for the audit log
	afterNewPassword Scope = "NEW_PASSWORD"  // for the audit log
)

// Revoke ends login sessions of the account and returns how many. Ending none is
// no error. userID is for OneUser only; a stranger's is NotFound. Owners only, with
// a recent sign-in.
func (s *Service) Revoke(ctx context.Context, c Caller, scope Scope, userID account.UserID) (int, error) {
	if err := c.Require(account.Owner); err != nil {
		return 0, err
	}
	switch {
	case scope != Everybody && scope != EverybodyElse && scope != OneUser:
		return 0, fault.Input("input.scope", "There is no such scope. Choose %s, %s or %s.", Everybody, EverybodyElse, OneUser)
	case scope == OneUser && userID.IsZero():
		return 0, fault.Input("input.userId", "The scope %s needs a user. Say whose login sessions to end.", OneUser)
	case scope != OneUser && !userID.IsZero():
		return 0, fault.Input("input.userId", "The scope %s is not about one user. Leave this out, or choose %s.", scope, OneUser)
	}
	return s.end(ctx, c, func(ctx context.Context, tx Tx) (Ending, error) {
		if _, _, err := s.confirm(ctx, tx, c, account.Owner, true); err != nil {
			return Ending{}, err
		}
		e := s.endingMany(c, scope, s.now())
		switch scope {
		case EverybodyElse:
			e.NotUser = c.UserID
		case OneUser:
			if _, err := tx.User(ctx, c.AccountID, userID); err != nil {
				return Ending{}, err
			}
			e.User, e.Audit.SubjectID = userID, userID
		}
		return e, nil
	})
}

// RevokeSession ends one login session and returns how many ended: 1, or 0 where
// it had ended already. It is one of the caller's own or, for owners with a recent
// sign-in, anyone's in the account; any other is NotFound.
func (s *Service) RevokeSession(ctx context.Context, c Caller, sessionID SessionID) (int, error) {
	if err := c.Require(account.Viewer); err != nil {
		return 0, err
	}
	return s.end(ctx, c, func(ctx context.Context, tx Tx) (Ending, error) {
		user, _, err := s.confirm(ctx, tx, c, account.Viewer, false)
		if err != nil {
			return Ending{}, err
		}
		session, err := tx.LoginSession(ctx, c.AccountID, sessionID)
		if err != nil {
			return Ending{}, err
		}
		if session.UserID == c.UserID {
			return s.endingOne(c, sessionID, session.UserID, RevokedBySelf, account.LoginSessionsRevoked), nil
		}
		if user.Role != account.Owner {
			return Ending{}, fault.Missing(sessionKind{}.Noun())
		}
		if _, _, err := s.confirm(ctx, tx, c, account.Owner, true); err != nil {
			return Ending{}, err
		}
		return s.endingOne(c, sessionID, session.UserID, RevokedByOwner, account.LoginSessionsRevoked), nil
	})
}

// RevokeMyOtherSessions ends the caller's login sessions on all other devices and
// returns how many.
func (s *Service) RevokeMyOtherSessions(ctx context.Context, c Caller) (int, error) {
	if err := c.Require(account.Viewer); err != nil {
		return 0, err
	}
	return s.end(ctx, c, func(ctx context.Context, tx Tx) (Ending, error) {
		if _, _, err := s.confirm(ctx, tx, c, account.Viewer, false); err != nil {
			return Ending{}, err
		}
		e := s.endingMany(c, myOthers, s.now())
		e.User, e.Not = c.UserID, c.SessionID
		return e, nil
	})
}

// endingMany begins the ending of sessions by a caller. The caller's own end as
// REVOKED_BY_SELF.
func (s *Service) endingMany(c Caller, scope Scope, now time.Time) Ending {
	e := Ending{
		AccountID: c.AccountID, Reason: RevokedByOwner, OwnReason: RevokedBySelf,
		By: c.UserID, At: now, Audit: s.callerEntry(account.LoginSessionsRevoked, c, now),
	}
	e.Audit.Details["scope"] = string(scope)
	return e
}

// end ends what which says, in one transaction, hints, and returns how many ended.
func (s *Service) end(ctx context.Context, c Caller, which func(context.Context, Tx) (Ending, error)) (int, error) {
	var ended []Ended
	err := s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		e, err := which(ctx, tx)
		if err != nil {
			return err
		}
		ended, err = tx.EndLoginSessions(ctx, e)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.hintIf(len(ended) > 0, c.AccountID)
	return len(ended), nil
}

// Sweep ends login sessions whose deadline has passed without anybody noticing,
// such as those without a socket, at most limit of them, and returns how many. Any
// process may call it at any time.
func (s *Service) Sweep(ctx context.Context, limit int) (int, error) {
	ended, err := s.Store.ExpireLoginSessions(ctx, nil, s.now(), limit)
	if err != nil {
		return 0, err
	}
	told := map[account.ID]bool{}
	for _, e := range ended {
		if !told[e.AccountID] {
			told[e.AccountID] = true
			s.hint(e.AccountID)
		}
	}
	return len(ended), nil
}
