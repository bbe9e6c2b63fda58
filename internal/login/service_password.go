package login

import (
	"context"
	"errors"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Reauthenticate confirms the caller's password, so that dangerous actions are
// allowed again for Settings.Reauthentication. A wrong one is Forbidden with the
// reason InvalidCredentials; the login session goes on.
func (s *Service) Reauthenticate(ctx context.Context, c Caller, password Secret) (Session, error) {
	if err := c.Require(account.Viewer); err != nil {
		return Session{}, err
	}
	if _, err := s.confirmPassword(ctx, c, password, ""); err != nil {
		return Session{}, err
	}
	var session Session
	err := s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		if session, err = tx.LockSession(ctx, c.AccountID, c.SessionID); err != nil {
			return err
		}
		now := s.now()
		if _, err := s.stillSignedIn(ctx, tx, c, session, now); err != nil {
			return err
		}
		session.AuthenticatedAt = now
		if err := tx.SaveLoginSession(ctx, session); err != nil {
			return err
		}
		return tx.AddAudit(ctx, s.callerEntry(account.Reauthenticated, c, now))
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}

// AskedAgainAt returns the moment from which dangerous actions ask for the
// password again, or false if they never do.
func (s *Service) AskedAgainAt(session Session) (time.Time, bool) {
	return session.AuthenticatedAt.Add(s.Settings.Reauthentication), s.Settings.Reauthentication > 0
}

// confirmPassword verifies the caller's own password and returns the PHC string
// that it matched. A wrong one is Forbidden, about field if that is not empty; too
// many of them in one login session are RateLimited. That session alone has to wait:
// whoever copied its access token keeps nobody from confirming on another device.
func (s *Service) confirmPassword(ctx context.Context, c Caller, password Secret, field string) (string, error) {
	leave, err := s.mayTry(ctx, limitedConfirm, s.Settings.Tries.Confirm.take(s.Ring.limitKey("confirm", c.UserID.String(), c.SessionID.String())))
	if err != nil {
		return "", err
	}
	stored, err := s.Store.PasswordOf(ctx, c.AccountID, c.UserID)
	if err != nil {
		return "", err
	}
	match, _, err := s.Passwords.Verify(ctx, password, stored)
	if err != nil {
		return "", err
	}
	if !match {
		user, err := s.Store.User(ctx, c.AccountID, c.UserID)
		if err != nil {
			return "", err
		}
		if err := s.Store.RecordFailure(ctx, user.Email, s.callerEntry(account.ReauthenticateFailed, c, s.now())); err != nil {
			return "", err
		}
		wrong := fault.New(fault.Forbidden, "The password is wrong. Try again.").Because(fault.InvalidCredentials)
		wrong.Field = field
		return "", wrong
	}
	for i := range leave.back {
		leave.back[i].By = 0 // all of it
	}
	return stored, s.succeeded(ctx, leave)
}

// PasswordChange is the answer to a change of password.
type PasswordChange struct {
	User    account.User
	Session Session
	Ended   int    // how many other login sessions ended
	Tokens  Tokens // the access token before is stale now
}

// ChangePassword changes the caller's password and ends the caller's other login
// sessions. A wrong current password is Forbidden with the reason
// InvalidCredentials.
func (s *Service) ChangePassword(ctx context.Context, c Caller, current, next Secret) (PasswordChange, error) {
	if err := c.Require(account.Viewer); err != nil {
		return PasswordChange{}, err
	}
	if err := s.checkOwnNewPassword(ctx, c, "input.newPassword", next); err != nil {
		return PasswordChange{}, err
	}
	stored, err := s.confirmPassword(ctx, c, current, "input.currentPassword")
	if err != nil {
		return PasswordChange{}, err
	}
	hash, err := s.Passwords.Hash(ctx, next)
	if err != nil {
		return PasswordChange{}, err
	}
	out, err := s.changePassword(ctx, c, stored, hash)
	if errors.Is(err, errOtherHash) {
		if stored, err = s.verifyAnew(ctx, c, current); err == nil {
			out, err = s.changePassword(ctx, c, stored, hash)
		}
	}
	if errors.Is(err, errOtherHash) {
		return PasswordChange{}, fault.New(fault.Conflict, "Your password was changed at the same time. Sign in with the new one.")
	}
	if err != nil {
		return PasswordChange{}, err
	}
	s.hint(c.AccountID)
	return out, nil
}

// checkOwnNewPassword is CheckNewPassword for the caller.
func (s *Service) checkOwnNewPassword(ctx context.Context, c Caller, field string, password Secret) error {
	user, err1 := s.Store.User(ctx, c.AccountID, c.UserID)
	a, err2 := s.Store.Account(ctx, c.AccountID)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return CheckNewPassword(field, password, About{AccountName: a.Name, Name: user.Name, Email: user.Email})
}

// verifyAnew verifies the caller's password against what is stored now, and
// returns that, or errOtherHash where it does not match any more.
func (s *Service) verifyAnew(ctx context.Context, c Caller, password Secret) (string, error) {
	stored, err := s.Store.PasswordOf(ctx, c.AccountID, c.UserID)
	if err != nil {
		return "", err
	}
	match, _, err := s.Passwords.Verify(ctx, password, stored)
	if err == nil && !match {
		err = errOtherHash
	}
	return stored, err
}

// changePassword writes the hash of the new password, unless another than the
// stored one is there now: that is errOtherHash.
func (s *Service) changePassword(ctx context.Context, c Caller, stored, hash string) (out PasswordChange, err error) {
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		if out.User, out.Session, err = s.confirm(ctx, tx, c, account.Viewer, false); err != nil {
			return err
		}
		if out.User, err = tx.LockUser(ctx, c.AccountID, c.UserID); err != nil {
			return err
		}
		present, err := tx.PasswordOf(ctx, c.AccountID, c.UserID)
		if err != nil {
			return err
		}
		if present != stored {
			return errOtherHash
		}
		now := s.now()
		out.User.TokenVersion++
		if err := tx.SaveUser(ctx, out.User); err != nil {
			return err
		}
		if err := tx.SavePassword(ctx, c.AccountID, c.UserID, hash); err != nil {
			return err
		}
		if err := tx.AddAudit(ctx, s.callerEntry(account.PasswordChanged, c, now)); err != nil {
			return err
		}
		e := s.endingMany(c, afterNewPassword, now)
		e.User, e.Not, e.Reason, e.OwnReason = c.UserID, c.SessionID, PasswordChanged, ""
		e.Audit.SubjectID = c.UserID
		ended, err := tx.EndLoginSessions(ctx, e)
		if err != nil {
			return err
		}
		out.Ended = len(ended)
		out.Tokens, err = s.tokens(out.User, out.Session, false, now)
		return err
	})
	if err != nil {
		return PasswordChange{}, err
	}
	return out, nil
}

// ResetPassword gives a user another password in place of one that they forgot, ends
// all their login sessions and returns how many those were. It is the operator's, by
// the command that the audit log names; there is no way to it over the API.
func (s *Service) ResetPassword(ctx context.Context, accountID account.ID, userID account.UserID, next Secret, command string) (int, error) {
	hash, err := s.Passwords.Hash(ctx, next)
	if err != nil {
		return 0, err
	}
	var ended []Ended
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.LockAccount(ctx, accountID); err != nil {
			return err
		}
		user, err := tx.LockUser(ctx, accountID, userID)
		if err != nil {
			return err
		}
		now := s.now()
		user.TokenVersion++
		if err := tx.SaveUser(ctx, user); err != nil {
			return err
		}
		if err := tx.SavePassword(ctx, accountID, userID, hash); err != nil {
			return err
		}
		done := s.entry(account.PasswordChanged, accountID, account.UserID{}, Device{}, now)
		done.SubjectID, done.Details["operator"] = userID, command
		if err := tx.AddAudit(ctx, done); err != nil {
			return err
		}
		e := Ending{
			AccountID: accountID, User: userID, Reason: PasswordChanged, At: now,
			Audit: s.entry(account.LoginSessionsRevoked, accountID, account.UserID{}, Device{}, now),
		}
		e.Audit.SubjectID = userID
		e.Audit.Details["scope"], e.Audit.Details["operator"] = string(afterNewPassword), command
		ended, err = tx.EndLoginSessions(ctx, e)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.hint(accountID)
	return len(ended), nil
}
