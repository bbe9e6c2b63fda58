package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Members returns all users of the account in order of their names, the disabled
// ones included. Admins and owners only.
func (s *Service) Members(ctx context.Context, actor account.Actor) ([]account.User, error) {
	if err := actor.Require(account.Admin); err != nil {
		return nil, err
	}
	return s.Store.Users(ctx, actor.AccountID)
}

// Invitations returns the invitations that can still be accepted, newest first.
// Admins and owners only.
func (s *Service) Invitations(ctx context.Context, actor account.Actor) ([]account.Invitation, error) {
	if err := actor.Require(account.Admin); err != nil {
		return nil, err
	}
	return s.Store.Invitations(ctx, actor.AccountID, s.now())
}

// MaxOpenInvitations is how many invitations of an account may be waiting.
const MaxOpenInvitations = 500

// Invite invites somebody into the account and returns the invitation with its
// token, which is kept nowhere. Admins invite up to ADMIN, owners anybody, owners
// and admins only after a recent sign-in. Conflict if the address is somebody's, and
// where MaxOpenInvitations are open; RateLimited where the account asked for too many.
func (s *Service) Invite(ctx context.Context, c Caller, email string, role account.Role) (account.Invitation, Secret, error) {
	if err := c.Require(account.Admin); err != nil {
		return account.Invitation{}, "", err
	}
	email, err := account.CleanEmail("input.email", email)
	if err != nil {
		return account.Invitation{}, "", err
	}
	if !role.Valid() {
		return account.Invitation{}, "", fault.Input("input.role", "There is no such role. Choose one of %v.", account.Roles())
	}
	// A token is gone also where somebody was invited: that too tells of an address.
	if _, err := s.mayTry(ctx, limitedInvite, s.Settings.Tries.Invite.take(s.Ring.limitKey("invite", c.AccountID.String()))); err != nil {
		return account.Invitation{}, "", err
	}
	switch _, _, err := s.Store.Credentials(ctx, email); {
	case err == nil:
		return account.Invitation{}, "", emailTaken("input.email")
	case !errors.Is(err, fault.NotFound):
		return account.Invitation{}, "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	hash := sha256.Sum256(secret)
	var i account.Invitation
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		user, _, err := s.confirm(ctx, tx, c, account.Admin, role.AtLeast(account.Admin))
		if err != nil {
			return err
		}
		if err := account.MayManage(user.Role, role); err != nil {
			return err
		}
		now := s.now()
		switch open, err := tx.OpenInvitations(ctx, c.AccountID, now); {
		case err != nil:
			return err
		case open >= MaxOpenInvitations:
			return fault.New(fault.Conflict, "%d invitations of your account are open, as many as there may be. Withdraw some first.", open)
		}
		i = account.Invitation{
			AccountID: c.AccountID, ID: account.NewInvitationID(), Email: email, Role: role, SecretHash: hash[:],
			InvitedBy: c.UserID, CreatedAt: now, ExpiresAt: now.Add(s.Settings.InvitationLife),
		}
		if err := tx.CreateInvitation(ctx, i); err != nil {
			return err
		}
		e := s.callerEntry(account.UserInvited, c, now)
		e.Details["email"], e.Details["role"] = email, string(role)
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return account.Invitation{}, "", err
	}
	return i, Secret(strings.Join([]string{
		c.AccountID.String(), i.ID.String(), base64.RawURLEncoding.EncodeToString(secret),
	}, ".")), nil
}

func emailTaken(field string) *fault.Fault {
	f := fault.New(fault.Conflict, "Somebody signs in with this e-mail address already. Use another one, or sign in.")
	f.Field = field
	return f
}

// WithdrawInvitation keeps an invitation from being accepted. Admins withdraw
// those up to ADMIN, owners any. Conflict where it was used or is over.
func (s *Service) WithdrawInvitation(ctx context.Context, c Caller, invitationID account.InvitationID) (account.Invitation, error) {
	if err := c.Require(account.Admin); err != nil {
		return account.Invitation{}, err
	}
	var i account.Invitation
	err := s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		user, _, err := s.confirm(ctx, tx, c, account.Admin, false)
		if err != nil {
			return err
		}
		if i, err = tx.LockInvitation(ctx, c.AccountID, invitationID); err != nil {
			return err
		}
		if err := account.MayManage(user.Role, i.Role); err != nil {
			return err
		}
		now := s.now()
		if err := i.Usable(now); err != nil {
			return err
		}
		i.RevokedAt = now
		if err := tx.SaveInvitation(ctx, i); err != nil {
			return err
		}
		e := s.callerEntry(account.InvitationWithdrawn, c, now)
		e.Details["email"], e.Details["role"] = i.Email, string(i.Role)
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return account.Invitation{}, err
	}
	return i, nil
}

// Invitation returns the invitation that a token belongs to, with the account, for
// whoever is about to accept it. NotFound where the token is not one, Conflict
// where it can no longer be accepted, RateLimited where too many others were asked
// for from the same network.
func (s *Service) Invitation(ctx context.Context, token Secret, d Device) (account.Invitation, account.Account, error) {
	accountID, invitationID, secret, err := parseInvitation(token)
	if err != nil {
		return account.Invitation{}, account.Account{}, err
	}
	leave, err := s.mayTry(ctx, limitedInvitation, s.from(d, s.Settings.Tries.Invitations, "invitation")...)
	if err != nil {
		return account.Invitation{}, account.Account{}, err
	}
	i, err := s.Store.Invitation(ctx, accountID, invitationID)
	if err != nil {
		return account.Invitation{}, account.Account{}, err
	}
	if !opens(secret, i) {
		return account.Invitation{}, account.Account{}, noInvitation
	}
	if err := s.succeeded(ctx, leave); err != nil {
		return account.Invitation{}, account.Account{}, err
	}
	if err := i.Usable(s.now()); err != nil {
		return account.Invitation{}, account.Account{}, err
	}
	a, err := s.Store.Account(ctx, accountID)
	return i, a, err
}

// AcceptInput is an invitation's token and who accepts it.
type AcceptInput struct {
	Token    Secret
	Name     string
	Password Secret
	Device   Device
}

// AcceptInvitation makes the invited user and signs them in. NotFound where the
// token is not one, Conflict where the invitation was used, withdrawn or is too
// old, or the address has become somebody's, RateLimited as Invitation is.
func (s *Service) AcceptInvitation(ctx context.Context, in AcceptInput) (SignIn, error) {
	name, err := account.CleanName("input.name", in.Name)
	if err := errors.Join(err, CheckNewPassword("input.password", in.Password, About{Name: in.Name})); err != nil {
		return SignIn{}, err
	}
	accountID, invitationID, secret, err := parseInvitation(in.Token)
	if err != nil {
		return SignIn{}, err
	}
	// Refuse before the hash, which costs much, and again behind the lock.
	invited, a, err := s.Invitation(ctx, in.Token, in.Device)
	if err != nil {
		return SignIn{}, err
	}
	if err := CheckNewPassword("input.password", in.Password, About{AccountName: a.Name, Name: name, Email: invited.Email}); err != nil {
		return SignIn{}, err
	}
	hash, err := s.Passwords.Hash(ctx, in.Password)
	if err != nil {
		return SignIn{}, err
	}
	var out SignIn
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		i, err := tx.LockInvitation(ctx, accountID, invitationID)
		if err != nil {
			return err
		}
		if !opens(secret, i) {
			return noInvitation
		}
		now := s.now()
		if err := i.Usable(now); err != nil {
			return err
		}
		out.User = account.User{
			AccountID: accountID, ID: account.NewUserID(), Email: i.Email, Name: name,
			Role: i.Role, TokenVersion: 1, CreatedAt: now,
		}
		if err := tx.CreateUser(ctx, out.User, hash); errors.Is(err, fault.Conflict) {
			return emailTaken("").Wrap(err)
		} else if err != nil {
			return err
		}
		i.AcceptedAt, i.AcceptedBy = now, out.User.ID
		if err := tx.SaveInvitation(ctx, i); err != nil {
			return err
		}
		e := s.entry(account.InvitationAccepted, accountID, out.User.ID, in.Device, now)
		e.SubjectID = out.User.ID
		e.Details["invitedBy"], e.Details["role"] = i.InvitedBy.String(), string(i.Role)
		if err := tx.AddAudit(ctx, e); err != nil {
			return err
		}
		policy, err := tx.Policy(ctx, accountID)
		if err != nil {
			return err
		}
		_, err = s.begin(ctx, tx, &out, policy, in.Device)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	s.hintBegun(accountID)
	out.Account = a
	return out, nil
}

var noInvitation = fault.Missing("invitation")

// parseInvitation reads `account.invitation.secret`.
func parseInvitation(token Secret) (accountID account.ID, invitationID account.InvitationID, secret []byte, err error) {
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 || accountID.UnmarshalText([]byte(parts[0])) != nil || invitationID.UnmarshalText([]byte(parts[1])) != nil {
		return accountID, invitationID, nil, noInvitation
	}
	secret, err = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return accountID, invitationID, nil, noInvitation
	}
	return accountID, invitationID, secret, nil
}

// opens says whether secret is the invitation's.
func opens(secret []byte, i account.Invitation) bool {
	hash := sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(hash[:], i.SecretHash) == 1
}

// UpdateUser changes another user's role. Admins change roles up to ADMIN, owners
// any; both need a recent sign-in. Conflict where the account would be left
// without an owner.
func (s *Service) UpdateUser(ctx context.Context, c Caller, userID account.UserID, role account.Role) (account.User, error) {
	if err := c.Require(account.Admin); err != nil {
		return account.User{}, err
	}
	if !role.Valid() {
		return account.User{}, fault.Input("input.role", "There is no such role. Choose one of %v.", account.Roles())
	}
	user, _, err := s.changeUser(ctx, c, userID, func(by account.User, u *account.User) (account.AuditAction, error) {
		if err := account.MayManage(by.Role, role); err != nil || u.Role == role {
			return "", err
		}
		u.Role = role
		u.TokenVersion++
		return account.UserRoleChanged, nil
	})
	return user, err
}

// DisableUser keeps a user from signing in, ends their login sessions, and returns
// how many those were. Who may do it, and its faults, are those of UpdateUser;
// nobody disables themselves. Disabling twice is no error.
func (s *Service) DisableUser(ctx context.Context, c Caller, userID account.UserID) (account.User, int, error) {
	if err := c.Require(account.Admin); err != nil {
		return account.User{}, 0, err
	}
	if userID == c.UserID {
		return account.User{}, 0, fault.New(fault.Conflict, "You cannot disable yourself. Ask somebody else who may.")
	}
	return s.changeUser(ctx, c, userID, func(_ account.User, u *account.User) (account.AuditAction, error) {
		if !u.DisabledAt.IsZero() {
			return "", nil
		}
		u.DisabledAt = s.now()
		u.TokenVersion++
		return account.UserDisabled, nil
	})
}

// EnableUser lets a disabled user sign in again. Who may do it, and its faults, are
// those of UpdateUser.
func (s *Service) EnableUser(ctx context.Context, c Caller, userID account.UserID) (account.User, error) {
	if err := c.Require(account.Admin); err != nil {
		return account.User{}, err
	}
	user, _, err := s.changeUser(ctx, c, userID, func(_ account.User, u *account.User) (account.AuditAction, error) {
		if u.DisabledAt.IsZero() {
			return "", nil
		}
		u.DisabledAt = time.Time{}
		return account.UserEnabled, nil
	})
	return user, err
}

// changeUser changes a user of the account as change says, which returns what to
// write into the audit log, or "" where there is nothing to change. Whoever is
// disabled by it is signed out everywhere.
func (s *Service) changeUser(ctx context.Context, c Caller, userID account.UserID, change func(by account.User, u *account.User) (account.AuditAction, error)) (account.User, int, error) {
	var user account.User
	var ended []Ended
	changed := false
	err := s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		by, _, err := s.confirm(ctx, tx, c, account.Admin, true)
		if err != nil {
			return err
		}
		if user, err = tx.LockUser(ctx, c.AccountID, userID); err != nil {
			return err
		}
		if err := account.MayManage(by.Role, user.Role); err != nil {
			return err
		}
		before := user
		action, err := change(by, &user)
		if err != nil || action == "" {
			return err
		}
		if err := s.keepsOwner(ctx, tx, before, user); err != nil {
			return err
		}
		changed = true
		if err := tx.SaveUser(ctx, user); err != nil {
			return err
		}
		now := s.now()
		e := s.callerEntry(action, c, now)
		e.SubjectID = userID
		if before.Role != user.Role {
			e.Details["old"], e.Details["new"] = string(before.Role), string(user.Role)
		}
		if err := tx.AddAudit(ctx, e); err != nil {
			return err
		}
		if user.DisabledAt.IsZero() {
			return nil
		}
		ending := s.endingMany(c, disabledUser, now)
		ending.User, ending.Reason, ending.OwnReason = userID, UserDisabled, ""
		ending.Audit.SubjectID = userID
		ended, err = tx.EndLoginSessions(ctx, ending)
		return err
	})
	if err != nil {
		return account.User{}, 0, err
	}
	s.hintIf(changed, c.AccountID)
	return user, len(ended), nil
}

// keepsOwner refuses a change that leaves the account without an owner who can
// sign in. The account has to be locked: of two owners who remove each other, the
// second one finds the first one's work.
func (s *Service) keepsOwner(ctx context.Context, tx Tx, before, after account.User) error {
	owns := func(u account.User) bool { return u.Role == account.Owner && u.DisabledAt.IsZero() }
	if !owns(before) || owns(after) {
		return nil
	}
	n, err := tx.EnabledOwners(ctx, after.AccountID)
	if err != nil {
		return err
	}
	if n < 2 {
		return fault.New(fault.Conflict, "An account needs an owner who can sign in. Make somebody else an owner first.")
	}
	return nil
}
