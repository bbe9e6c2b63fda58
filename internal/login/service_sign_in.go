package login

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// RegisterInput is a new account and its first owner.
type RegisterInput struct {
	AccountName string
	Name        string
	Email       string
	Password    Secret
	Device      Device
}

// Register makes an account with its first owner, and signs them in. Conflict if
// the e-mail address is somebody's already; RateLimited where too many accounts
// came from the same network; Forbidden where the operator has closed registration.
func (s *Service) Register(ctx context.Context, in RegisterInput) (SignIn, error) {
	if s.Settings.RegistrationClosed {
		return SignIn{}, fault.New(fault.Forbidden, "Nobody can open an account here by themselves. Ask somebody of your team for an invitation.")
	}
	accountName, err1 := account.CleanName("input.accountName", in.AccountName)
	name, err2 := account.CleanName("input.name", in.Name)
	email, err3 := account.CleanEmail("input.email", in.Email)
	about := About{AccountName: in.AccountName, Name: in.Name, Email: in.Email}
	if err := errors.Join(err1, err2, err3, CheckNewPassword("input.password", in.Password, about)); err != nil {
		return SignIn{}, err
	}
	// An account costs its token, also one that was not made: whoever asks whether
	// an address has a user gets as few answers as accounts.
	if _, err := s.mayTry(ctx, limitedRegister, s.from(in.Device, s.Settings.Tries.Register, "register")...); err != nil {
		return SignIn{}, err
	}
	hash, err := s.Passwords.Hash(ctx, in.Password)
	if err != nil {
		return SignIn{}, err
	}
	var out SignIn
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		now := s.now()
		out.Account = account.Account{ID: account.NewID(), Name: accountName, CreatedAt: now}
		out.User = account.User{
			AccountID: out.Account.ID, ID: account.NewUserID(), Email: email, Name: name,
			Role: account.Owner, TokenVersion: 1, CreatedAt: now,
		}
		if err := tx.CreateAccount(ctx, out.Account); err != nil {
			return err
		}
		if err := tx.CreateUser(ctx, out.User, hash); errors.Is(err, fault.Conflict) {
			return emailTaken("input.email").Wrap(err)
		} else if err != nil {
			return err
		}
		if err := tx.AddAudit(ctx, s.entry(account.AccountRegistered, out.User.AccountID, out.User.ID, in.Device, now)); err != nil {
			return err
		}
		_, err := s.begin(ctx, tx, &out, nil, in.Device)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	return out, nil
}

// LoginInput is who signs in.
type LoginInput struct {
	Email    string
	Password Secret
	Device   Device
}

var wrongCredentials = fault.New(fault.Unauthenticated, "The e-mail address or the password is wrong. Try again.").Because(fault.InvalidCredentials)

// Login signs a user in. An unknown address and a wrong password are the same
// fault, Unauthenticated with the reason InvalidCredentials, after the same work.
// A disabled user is Forbidden, said only to who knows the password. Where the
// account's cap on login sessions is reached, the policy says which of Conflict
// and another device's end it is. RateLimited, before anything is compared, where
// the name or the network has been tried too often: see TryLimits.
func (s *Service) Login(ctx context.Context, in LoginInput) (SignIn, error) {
	email, err := account.CleanEmail("input.email", in.Email)
	if err != nil {
		return SignIn{}, err
	}
	leave, err := s.maySignIn(ctx, email, in.Device)
	if err != nil {
		return SignIn{}, err
	}
	out, ended, err := s.signIn(ctx, email, in)
	if errors.Is(err, errOtherHash) {
		out, ended, err = s.signIn(ctx, email, in)
	}
	if errors.Is(err, errOtherHash) {
		return SignIn{}, wrongCredentials
	}
	if reason := noEntry(err); reason != "" {
		if err := s.Store.RecordFailure(ctx, email, s.failure(in.Device, reason)); err != nil {
			return SignIn{}, err
		}
	}
	if err != nil {
		return SignIn{}, err
	}
	if len(ended) > 0 {
		s.hint(out.User.AccountID)
	} else {
		s.hintBegun(out.User.AccountID)
	}
	return out, s.succeeded(ctx, leave)
}

// noEntry says why somebody with the right password is not let in, as the audit log
// has it; empty where err is of another kind.
func noEntry(err error) string {
	switch {
	case errors.Is(err, fault.Forbidden):
		return "USER_DISABLED"
	case errors.Is(err, fault.Conflict):
		return "SESSION_LIMIT"
	}
	return ""
}

func (s *Service) failure(d Device, reason string) account.AuditEntry {
	e := s.entry(account.SignInFailed, account.ID{}, account.UserID{}, d, s.now())
	e.Details["reason"] = reason
	return e
}

// errOtherHash says that another PHC string is stored than the one that the
// password was verified against. The password may be right all the same: another
// sign-in of the user hashed it anew. So it is verified once more.
var errOtherHash = errors.New("the stored password was changed after it was verified")

// signIn verifies an e-mail address and a password and begins a login session. It
// returns the sessions that had to end for it.
func (s *Service) signIn(ctx context.Context, email string, in LoginInput) (out SignIn, ended []Ended, err error) {
	user, stored, stale, err := s.credentials(ctx, email, in)
	if err != nil {
		return SignIn{}, nil, err
	}
	var rehashed string
	if stale {
		if rehashed, err = s.Passwords.Hash(ctx, in.Password); err != nil {
			return SignIn{}, nil, err
		}
	}
	err = s.Store.InSignIn(ctx, user.AccountID, user.ID, func(ctx context.Context, tx Tx, who Entrant) error {
		switch {
		case who.Password != stored:
			return errOtherHash
		case !who.User.DisabledAt.IsZero():
			return userDisabled
		}
		if rehashed != "" {
			if err := tx.SavePassword(ctx, user.AccountID, user.ID, rehashed); err != nil {
				return err
			}
		}
		out.User, out.Account = who.User, who.Account
		var err error
		ended, err = s.begin(ctx, tx, &out, who.Policy, in.Device)
		return err
	})
	if err != nil {
		return SignIn{}, nil, err
	}
	return out, ended, nil
}

var userDisabled = fault.New(fault.Forbidden, "Your user is disabled. Ask an owner of your account.")

// credentials verifies an e-mail address and a password. It returns the user, the
// PHC string that the password matched, and whether that is to be made anew.
func (s *Service) credentials(ctx context.Context, email string, in LoginInput) (u account.User, stored string, stale bool, err error) {
	var match bool
	u, stored, err = s.Store.Credentials(ctx, email)
	switch {
	case err == nil:
		match, stale, err = s.Passwords.Verify(ctx, in.Password, stored)
	case errors.Is(err, fault.NotFound):
		err = s.Passwords.VerifyNobody(ctx, in.Password)
	}
	if err == nil && !match {
		err = s.Store.RecordFailure(ctx, email, s.failure(in.Device, "WRONG_PASSWORD"))
		if err == nil {
			err = wrongCredentials
		}
	}
	return u, stored, stale, err
}

// begin signs out.User in: it makes room under the cap of the account's policy, and
// makes the login session and its tokens. The user's row must be locked, or new. It
// returns the sessions that had to end.
func (s *Service) begin(ctx context.Context, tx Tx, out *SignIn, choice *Choice, device Device) ([]Ended, error) {
	u := &out.User
	device = device.clean()
	policy := s.Bounds.Resolve(choice)
	now := s.now()
	ended, err := s.makeRoom(ctx, tx, *u, policy, device, now)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	out.Session = Session{
		AccountID: u.AccountID, ID: NewSessionID(), UserID: u.ID,
		SignedInAt: now, LastActiveAt: now, AuthenticatedAt: now,
		Idle: policy.For(u.Role).Idle, Deadlines: policy.Start(u.Role, now),
		Generation: 1, GenerationAt: now, Salt: salt,
		UserAgent: device.UserAgent, IP: device.IP,
	}
	u.LastLoginAt = now
	entry := s.entry(account.SignedIn, u.AccountID, u.ID, device, now)
	entry.LoginSessionID = out.Session.ID.String()
	if err := tx.BeginLoginSession(ctx, out.Session, entry); err != nil {
		return nil, err
	}
	out.Tokens, err = s.tokens(*u, out.Session, true, now)
	return ended, err
}

// makeRoom applies the policy's cap before one more session of the user begins.
func (s *Service) makeRoom(ctx context.Context, tx Tx, u account.User, policy Policy, device Device, now time.Time) ([]Ended, error) {
	if policy.MaxSessions == 0 {
		return nil, nil
	}
	live, err := tx.LiveSessions(ctx, u.AccountID, u.ID, now)
	if err != nil || len(live) < policy.MaxSessions {
		return nil, err
	}
	if policy.AtCap == RefuseSignIn {
		return nil, fault.New(fault.Conflict, "You are signed in on %d devices, as many as your account allows. Sign out on one of them first.", len(live))
	}
	slices.SortFunc(live, func(a, b Session) int { return a.LastActiveAt.Compare(b.LastActiveAt) })
	e := Ending{AccountID: u.AccountID, Reason: SessionLimit, At: now} // by a rule, so by nobody
	for _, victim := range live[:len(live)-policy.MaxSessions+1] {
		e.Sessions = append(e.Sessions, victim.ID)
	}
	e.Audit = s.entry(account.LoginSessionLimit, u.AccountID, u.ID, device, now)
	e.Audit.SubjectID = u.ID
	return tx.EndLoginSessions(ctx, e)
}
