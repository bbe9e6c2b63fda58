package login

import (
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/id"
)

type sessionKind struct{}

func (sessionKind) Prefix() string { return "lses" }
func (sessionKind) Noun() string   { return "login session" }

// SessionID identifies a login session. It is no secret.
type SessionID = id.Of[sessionKind]

// NewSessionID returns an id that no login session has.
func NewSessionID() SessionID { return id.New[sessionKind]() }

// Session is one signed-in device.
type Session struct {
	AccountID account.ID
	ID        SessionID
	UserID    account.UserID

	SignedInAt      time.Time
	LastActiveAt    time.Time // the sign-in or the latest active refresh
	AuthenticatedAt time.Time // when the password was last given
	Idle            time.Duration
	Deadlines       Deadlines

	Generation   int64     // of the refresh token that is valid now
	GenerationAt time.Time // when that one was made
	Salt         []byte    // 16 random bytes that go into every refresh token of this session
	AttemptHash  []byte    // of the attempt that caused the present generation; nil for the first

	UserAgent string // as the client sent it, at most 512 bytes
	IP        string
	// Connected says that it has a socket or an event stream in some process, as far
	// as the read was asked for that.
	Connected bool

	EndedAt   time.Time // zero while the session lives
	EndReason EndReason // empty while the session lives
	EndedBy   account.UserID
}

// ActiveSession is a login session in a list of those that live.
type ActiveSession struct {
	Session
	User account.User // with SessionUser; else zero
}

// SessionFields says what a list of login sessions tells beside their own rows.
type SessionFields uint8

// The fields of a login session that cost something.
const (
	SessionUser      SessionFields = 1 << iota // ActiveSession.User
	SessionConnected                           // Session.Connected
)

// MaxActiveSessions is how many login sessions a list has at most.
const MaxActiveSessions = 1000

// Deadlines are the two moments at which a login session ends by itself. They
// are frozen into it when it begins; only an active refresh moves Idle, and
// never past Absolute.
type Deadlines struct {
	Idle     time.Time
	Absolute time.Time
}

// EndReason says why a login session ended.
type EndReason string

// The reasons for which a login session ends.
const (
	ExpiredIdle     EndReason = "EXPIRED_IDLE"     // nobody did anything for the idle window
	ExpiredAbsolute EndReason = "EXPIRED_ABSOLUTE" // it reached its longest age
	LoggedOut       EndReason = "LOGGED_OUT"       // its user signed out on the device itself
	RevokedByOwner  EndReason = "REVOKED_BY_OWNER" // an owner of the account ended it
	RevokedBySelf   EndReason = "REVOKED_BY_SELF"  // its user ended it from another device
	PasswordChanged EndReason = "PASSWORD_CHANGED" // its user changed the password elsewhere
	UserDisabled    EndReason = "USER_DISABLED"    // its user may no longer sign in
	TokenReuse      EndReason = "TOKEN_REUSE"      // a refresh token of it was used again: a copy is in other hands
	SessionLimit    EndReason = "SESSION_LIMIT"    // its user signed in on one device more than the account allows
)

// endReason returns why a session ends that reached the limit.
func (l Limit) endReason() EndReason {
	if l == IdleLimit {
		return ExpiredIdle
	}
	return ExpiredAbsolute
}
