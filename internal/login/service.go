package login

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
)

// Service is what people do about being signed in: each method is one use case
// and at most one transaction. Hints go out after the commit.
type Service struct {
	Store     Store
	Hints     event.Hinter
	Ring      *Ring
	Access    *AccessTokens
	Passwords *Passwords
	Bounds    Bounds
	Settings  Settings
	Now       func() time.Time // the database's clock
}

// Settings are the operator's, beside Bounds. The zero value is not valid: begin
// with DefaultSettings.
type Settings struct {
	Issuer   string // of access tokens
	Audience string // of access tokens
	// AccessLife is how long an access token lives at most.
	AccessLife time.Duration
	// Grace is how long a refresh token is young: it is not rotated again, and its
	// predecessor may still come. At most a tenth of a session's idle window.
	Grace time.Duration
	// Reauthentication is how old a sign-in may be for dangerous actions; 0 means
	// that they never ask again.
	Reauthentication time.Duration
	// InvitationLife is how long an invitation can be accepted.
	InvitationLife time.Duration
	Argon2         Argon2
}

// DefaultSettings returns the product's defaults.
func DefaultSettings() Settings {
	return Settings{
		Issuer: "branchline", Audience: "branchline",
		AccessLife: 5 * time.Minute, Grace: 30 * time.Second, Reauthentication: 30 * time.Minute,
		InvitationLife: 7 * 24 * time.Hour, Argon2: DefaultArgon2(),
	}
}

// Validate returns all that is wrong with the settings, in words for the operator.
func (s Settings) Validate() error {
	var problems []error
	check := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	check(s.Issuer != "" && s.Audience != "", "access tokens need an issuer and an audience")
	check(s.AccessLife >= time.Second && s.AccessLife <= time.Hour, "an access token has to live from 1 s to 1 h")
	check(s.Grace >= 0 && s.Grace <= 5*time.Minute, "the grace of refresh tokens has to be from 0 to 5 min")
	check(s.Reauthentication >= 0, "the age at which dangerous actions ask again has to be 0 or more")
	check(s.InvitationLife >= time.Minute, "invitations have to last for a minute at least")
	check(s.Argon2.MemoryKiB >= 7*1024 && s.Argon2.Passes >= 1 && s.Argon2.Parallelism >= 1, "argon2id needs at least 7 MiB, one pass and one lane")
	return errors.Join(problems...)
}

// NewService returns a service, or what is wrong with the settings.
func NewService(store Store, hints event.Hinter, ring *Ring, bounds Bounds, settings Settings, now func() time.Time) (*Service, error) {
	if err := errors.Join(bounds.Validate(), settings.Validate()); err != nil {
		return nil, err
	}
	return &Service{
		Store: store, Hints: hints, Ring: ring,
		Access:    NewAccessTokens(ring, settings.Issuer, settings.Audience, settings.AccessLife, now),
		Passwords: NewPasswords(settings.Argon2),
		Bounds:    bounds, Settings: settings, Now: now,
	}, nil
}

// Caller is who is asking, on which device.
type Caller struct {
	account.Actor
	SessionID SessionID
	Device    Device
}

// Device is what is known of the device that a request comes from.
type Device struct {
	UserAgent string // as sent
	IP        string
}

const maxUserAgent = 512 // bytes

// clean returns the device as it is kept: valid text of bounded length.
func (d Device) clean() Device {
	text := func(s string, limit int) string {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == utf8.RuneError {
				return ' '
			}
			return r
		}, s[:min(len(s), limit)])
		return s[:min(len(s), limit)]
	}
	return Device{UserAgent: text(d.UserAgent, maxUserAgent), IP: text(d.IP, 64)}
}

// Tokens are what a signed-in device holds.
type Tokens struct {
	Access          Secret
	AccessExpiresAt time.Time
	// Refresh is empty where the device goes on with the refresh token that it has.
	Refresh Secret
}

// SignIn is the answer to signing in, by whatever way.
type SignIn struct {
	Account account.Account
	User    account.User
	Session Session
	Tokens  Tokens
}

// RegisterInput is a new account and its first owner.
type RegisterInput struct {
	AccountName string
	Name        string
	Email       string
	Password    Secret
	Device      Device
}

// Register makes an account with its first owner, and signs them in. Conflict if
// the e-mail address is somebody's already.
func (s *Service) Register(ctx context.Context, in RegisterInput) (SignIn, error) {
	accountName, err1 := account.CleanName("input.accountName", in.AccountName)
	name, err2 := account.CleanName("input.name", in.Name)
	email, err3 := account.CleanEmail("input.email", in.Email)
	if err := errors.Join(err1, err2, err3, CheckNewPassword("input.password", in.Password)); err != nil {
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
		_, err := s.begin(ctx, tx, &out, in.Device)
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
// and another device's end it is.
func (s *Service) Login(ctx context.Context, in LoginInput) (SignIn, error) {
	email, err := account.CleanEmail("input.email", in.Email)
	if err != nil {
		return SignIn{}, err
	}
	user, stored, stale, err := s.credentials(ctx, email, in)
	if err != nil {
		return SignIn{}, err
	}
	var rehashed string
	if stale {
		if rehashed, err = s.Passwords.Hash(ctx, in.Password); err != nil {
			return SignIn{}, err
		}
	}
	var out SignIn
	var ended []Ended
	err = s.Store.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		if out.User, err = tx.LockUser(ctx, user.AccountID, user.ID); err != nil {
			return err
		}
		present, err := tx.PasswordOf(ctx, user.AccountID, user.ID)
		switch {
		case err != nil:
			return err
		case present != stored: // changed since it was verified
			return wrongCredentials
		case !out.User.DisabledAt.IsZero():
			return userDisabled
		}
		if rehashed != "" {
			if err := tx.SavePassword(ctx, user.AccountID, user.ID, rehashed); err != nil {
				return err
			}
		}
		ended, err = s.begin(ctx, tx, &out, in.Device)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	s.hintIf(len(ended) > 0, out.User.AccountID)
	out.Account, err = s.Store.Account(ctx, out.User.AccountID)
	return out, err
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
		err = s.Store.RecordFailure(ctx, email, s.entry(account.SignInFailed, account.ID{}, account.UserID{}, in.Device, s.now()))
		if err == nil {
			err = wrongCredentials
		}
	}
	return u, stored, stale, err
}

// begin signs out.User in: it makes room under the policy's cap, and makes the
// login session and its tokens. The user's row must be locked, or new. It returns
// the sessions that had to end.
func (s *Service) begin(ctx context.Context, tx Tx, out *SignIn, device Device) ([]Ended, error) {
	u := &out.User
	device = device.clean()
	choice, err := tx.Policy(ctx, u.AccountID)
	if err != nil {
		return nil, err
	}
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
	if err := tx.CreateLoginSession(ctx, out.Session); err != nil {
		return nil, err
	}
	u.LastLoginAt = now
	if err := tx.SaveUser(ctx, *u); err != nil {
		return nil, err
	}
	entry := s.entry(account.SignedIn, u.AccountID, u.ID, device, now)
	entry.LoginSessionID = out.Session.ID.String()
	if err := tx.AddAudit(ctx, entry); err != nil {
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
	e := Ending{AccountID: u.AccountID, Reason: SessionLimit, By: u.ID, At: now}
	for _, victim := range live[:len(live)-policy.MaxSessions+1] {
		e.Sessions = append(e.Sessions, victim.ID)
	}
	e.Audit = s.entry(account.LoginSessionLimit, u.AccountID, u.ID, device, now)
	e.Audit.SubjectID = u.ID
	return tx.EndLoginSessions(ctx, e)
}

// tokens makes a user's tokens; the refresh token only where refresh says so.
func (s *Service) tokens(u account.User, session Session, refresh bool, now time.Time) (Tokens, error) {
	access, expires, err := s.Access.Issue(u, session, now)
	if err != nil {
		return Tokens{}, err
	}
	t := Tokens{Access: access, AccessExpiresAt: expires}
	if refresh {
		t.Refresh = s.Ring.RefreshToken(session)
	}
	return t, nil
}

// Me is who is signed in and how.
type Me struct {
	Account account.Account
	User    account.User
	Session Session
}

// Me returns the caller, the account and the login session of this request.
func (s *Service) Me(ctx context.Context, c Caller) (Me, error) {
	if err := c.Require(account.Viewer); err != nil {
		return Me{}, err
	}
	a, err1 := s.Store.Account(ctx, c.AccountID)
	u, err2 := s.Store.User(ctx, c.AccountID, c.UserID)
	session, err3 := s.Store.LoginSession(ctx, c.AccountID, c.SessionID)
	return Me{a, u, session}, errors.Join(err1, err2, err3)
}

// Account returns the caller's account.
func (s *Service) Account(ctx context.Context, actor account.Actor) (account.Account, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return account.Account{}, err
	}
	return s.Store.Account(ctx, actor.AccountID)
}

// User returns a user of the caller's account; anybody else is NotFound.
func (s *Service) User(ctx context.Context, actor account.Actor, userID account.UserID) (account.User, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return account.User{}, err
	}
	return s.Store.User(ctx, actor.AccountID, userID)
}

// LoginSession returns a login session: one of the caller's own, or, for owners,
// anyone's in the account. Everything else is NotFound, ended ones included.
func (s *Service) LoginSession(ctx context.Context, actor account.Actor, sessionID SessionID) (Session, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return Session{}, err
	}
	session, err := s.Store.LoginSession(ctx, actor.AccountID, sessionID)
	if err != nil {
		return Session{}, err
	}
	_, passed := session.Deadlines.Passed(s.now())
	mine := session.UserID == actor.UserID || actor.Role.AtLeast(account.Owner)
	if !mine || passed || !session.EndedAt.IsZero() {
		return Session{}, fault.Missing(sessionKind{}.Noun())
	}
	return session, nil
}

// LoginSessions returns the caller's own live login sessions, the latest activity
// first.
func (s *Service) LoginSessions(ctx context.Context, actor account.Actor) ([]Session, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	live, err := s.Store.LiveSessions(ctx, actor.AccountID, actor.UserID, s.now())
	slices.SortStableFunc(live, func(a, b Session) int { return b.LastActiveAt.Compare(a.LastActiveAt) })
	return live, err
}

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
// that it matched. A wrong one is Forbidden, about field if that is not empty.
func (s *Service) confirmPassword(ctx context.Context, c Caller, password Secret, field string) (string, error) {
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
	return stored, nil
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
	if err := CheckNewPassword("input.newPassword", next); err != nil {
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
	var out PasswordChange
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
			return fault.New(fault.Conflict, "Your password was changed at the same time. Sign in with the new one.")
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
	s.hint(c.AccountID)
	return out, nil
}

// confirm reads who the caller is now, in the transaction of what they want to
// do, because an access token may be minutes old, or made with a stolen key. It
// locks the account first, so that of two who end each other's sessions one comes
// second and is refused.
//
// Unauthenticated if the login session is over or the user is disabled; Forbidden
// unless the role is at least role; and, where recent is asked for, Forbidden with
// the reason ReauthenticationRequired if the password was given too long ago.
func (s *Service) confirm(ctx context.Context, tx Tx, c Caller, role account.Role, recent bool) (account.User, Session, error) {
	if err := tx.LockAccount(ctx, c.AccountID); err != nil {
		return account.User{}, Session{}, err
	}
	session, err := tx.LoginSession(ctx, c.AccountID, c.SessionID)
	if errors.Is(err, fault.NotFound) {
		return account.User{}, Session{}, tokenInvalid
	}
	if err != nil {
		return account.User{}, Session{}, err
	}
	now := s.now()
	user, err := s.stillSignedIn(ctx, tx, c, session, now)
	if err != nil {
		return account.User{}, Session{}, err
	}
	actor := account.Actor{AccountID: user.AccountID, UserID: user.ID, Role: user.Role}
	if err := actor.Require(role); err != nil {
		return account.User{}, Session{}, err
	}
	if again, asks := s.AskedAgainAt(session); recent && asks && !now.Before(again) {
		return account.User{}, Session{}, fault.New(fault.Forbidden, "You signed in a while ago. Confirm your password and try again.").Because(fault.ReauthenticationRequired)
	}
	return user, session, nil
}

// stillSignedIn returns the caller's user if the session is the caller's, has not
// ended and is not past a deadline, and the user is not disabled.
func (s *Service) stillSignedIn(ctx context.Context, tx Tx, c Caller, session Session, now time.Time) (account.User, error) {
	if session.UserID != c.UserID {
		return account.User{}, tokenInvalid
	}
	if !session.EndedAt.IsZero() {
		return account.User{}, session.EndReason.Fault()
	}
	if limit, passed := session.Deadlines.Passed(now); passed {
		return account.User{}, limit.endReason().Fault()
	}
	user, err := tx.User(ctx, c.AccountID, c.UserID)
	if err != nil {
		return account.User{}, err
	}
	if !user.DisabledAt.IsZero() {
		return account.User{}, UserDisabled.Fault()
	}
	return user, nil
}

// entry begins an entry of the audit log.
func (s *Service) entry(action account.AuditAction, accountID account.ID, actor account.UserID, d Device, at time.Time) account.AuditEntry {
	return account.AuditEntry{
		AccountID: accountID, ID: account.NewAuditID(), At: at, Action: action,
		ActorID: actor, IP: d.clean().IP, Details: map[string]any{},
	}
}

func (s *Service) callerEntry(action account.AuditAction, c Caller, at time.Time) account.AuditEntry {
	e := s.entry(action, c.AccountID, c.UserID, c.Device, at)
	e.LoginSessionID = c.SessionID.String()
	return e
}

// hint tells every process that login sessions of the account changed. Call it
// after the commit.
func (s *Service) hint(accountID account.ID) {
	s.Hints.Send(event.Hint{Account: accountID.String(), Topic: event.LoginSessions})
}

func (s *Service) hintIf(changed bool, accountID account.ID) {
	if changed {
		s.hint(accountID)
	}
}

// now returns the database's time with the precision that PostgreSQL keeps, so
// that what is answered is what is kept.
func (s *Service) now() time.Time { return s.Now().Truncate(time.Microsecond) }
