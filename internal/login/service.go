package login

import (
	"context"
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

	refusals *refusals
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
	Tries          TryLimits
	// RegistrationClosed keeps everybody from opening an account.
	RegistrationClosed bool
}

// DefaultSettings returns the product's defaults.
func DefaultSettings() Settings {
	return Settings{
		Issuer: "branchline", Audience: "branchline",
		AccessLife: 5 * time.Minute, Grace: 30 * time.Second, Reauthentication: 30 * time.Minute,
		InvitationLife: 7 * 24 * time.Hour, Argon2: DefaultArgon2(), Tries: DefaultTryLimits(),
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
	return errors.Join(append(problems, s.Tries.Validate())...)
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
		Bounds:    bounds, Settings: settings, Now: now, refusals: &refusals{},
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
func (s *Service) LoginSessions(ctx context.Context, actor account.Actor, fields SessionFields) ([]ActiveSession, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	live, err := s.Store.ActiveSessions(ctx, actor.AccountID, actor.UserID, fields, s.now(), MaxActiveSessions)
	slices.SortStableFunc(live, func(a, b ActiveSession) int { return b.LastActiveAt.Compare(a.LastActiveAt) })
	return live, err
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

// hintBegun tells every process that a login session of the account began. No
// register has to look: a session that nobody knows is not refused. Call it after
// the commit.
func (s *Service) hintBegun(accountID account.ID) {
	s.Hints.Send(event.Hint{Account: accountID.String(), Topic: event.LoginPresence})
}

func (s *Service) hintIf(changed bool, accountID account.ID) {
	if changed {
		s.hint(accountID)
	}
}

// now returns the database's time with the precision that PostgreSQL keeps, so
// that what is answered is what is kept.
func (s *Service) now() time.Time { return s.Now().Truncate(time.Microsecond) }
