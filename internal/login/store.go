package login

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// Store keeps accounts, users, invitations, login sessions, policies and the
// audit log.
//
// Every method that takes an account's id finds what belongs to that account
// only: what is a stranger's is NotFound, in the same words as what does not
// exist. Times go in and come back with microsecond precision.
type Store interface {
	// InTx runs f in one transaction, committed when f returns nil and rolled
	// back otherwise.
	InTx(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
	// InSignIn is InTx for what begins with locking a user, who is about to sign in.
	InSignIn(ctx context.Context, accountID account.ID, userID account.UserID, f func(ctx context.Context, tx Tx, who Entrant) error) error

	// Credentials returns the user who signs in with email, anywhere in the
	// installation, and the PHC string of their password. NotFound if nobody
	// does.
	Credentials(ctx context.Context, email string) (account.User, string, error)
	// PasswordOf returns the PHC string of a user's password.
	PasswordOf(ctx context.Context, accountID account.ID, userID account.UserID) (string, error)
	// RecordFailure adds an entry about a failed sign-in with email to the log of
	// the account that the address belongs to. It takes the same time where the
	// address is nobody's, and then adds nothing.
	RecordFailure(ctx context.Context, email string, entry account.AuditEntry) error

	Account(ctx context.Context, accountID account.ID) (account.Account, error)
	User(ctx context.Context, accountID account.ID, userID account.UserID) (account.User, error)
	// Users returns all users of the account in order of their names, the
	// disabled ones included.
	Users(ctx context.Context, accountID account.ID) ([]account.User, error)
	// Invitations returns the invitations that may still be accepted at now,
	// newest first.
	Invitations(ctx context.Context, accountID account.ID, now time.Time) ([]account.Invitation, error)
	Invitation(ctx context.Context, accountID account.ID, invitationID account.InvitationID) (account.Invitation, error)

	// LoginSession returns a login session, ended ones included. It says whether that
	// is connected.
	LoginSession(ctx context.Context, accountID account.ID, sessionID SessionID) (Session, error)
	// ActiveSessions returns the login sessions that are neither ended nor past a
	// deadline at now, newest sign-in first, at most limit; those of one user where
	// userID is not zero.
	ActiveSessions(ctx context.Context, accountID account.ID, userID account.UserID, fields SessionFields, now time.Time, limit int) ([]ActiveSession, error)
	// ActiveUsers returns the users who have a live login session at now, newest
	// sign-in first.
	ActiveUsers(ctx context.Context, accountID account.ID, now time.Time) ([]ActiveUser, error)
	// Policy returns the account's choice, or nil if it never made one.
	Policy(ctx context.Context, accountID account.ID) (*Choice, error)
	// AuditLog returns at most limit lines that the filter lets through, newest
	// first, that are older than before; from the newest on where that is zero. Users
	// and devices come in the same statement.
	AuditLog(ctx context.Context, accountID account.ID, filter AuditFilter, before AuditMark, limit int) ([]*AuditLine, error)
	CountAudit(ctx context.Context, accountID account.ID, filter AuditFilter) (int, error)
	AuditEntry(ctx context.Context, accountID account.ID, id account.AuditID) (*AuditLine, error)

	// Supplies returns how many tokens these keys have, without a lock. Keys that
	// were never seen are left out.
	Supplies(ctx context.Context, keys []LimitKey) (map[LimitKey]Supply, error)
	// TakeTokens takes a token of each in order, until one has none, in one
	// statement, and returns how many it took. Of any number of callers in all
	// processes at once as many get a token as there are.
	TakeTokens(ctx context.Context, takes []Take, now time.Time) (int, error)
	// BeginWait writes down that a key was first seen at now, unless it was seen
	// before.
	BeginWait(ctx context.Context, key LimitKey, now, forgetAt time.Time) error
	// GiveTokensBack returns tokens.
	GiveTokensBack(ctx context.Context, back []GiveBack, now time.Time) error
	// ForgetLimits removes at most limit keys that say nothing any more at now.
	ForgetLimits(ctx context.Context, now time.Time, limit int) error

	// ExpireLoginSessions ends the sessions whose nearer deadline has passed at
	// now, at most limit of them, each with its reason and an audit entry, in one
	// statement. With ids only those are looked at; without, the whole
	// installation. It passes by what somebody else has locked, and returns those
	// that it ended: of several callers at once, one gets each.
	ExpireLoginSessions(ctx context.Context, ids []SessionID, now time.Time, limit int) ([]Ended, error)
}

// Tx is what can be done within one transaction. Its Lock methods keep others
// from changing the row until the transaction ends; read the clock after them.
// Where several rows are locked, the order is account, user, login session.
type Tx interface {
	// LockAccount also makes whoever ends sessions in bulk or changes roles wait
	// for one another.
	LockAccount(ctx context.Context, accountID account.ID) error
	LockUser(ctx context.Context, accountID account.ID, userID account.UserID) (account.User, error)
	LockSession(ctx context.Context, accountID account.ID, sessionID SessionID) (Session, error)
	LockInvitation(ctx context.Context, accountID account.ID, invitationID account.InvitationID) (account.Invitation, error)

	User(ctx context.Context, accountID account.ID, userID account.UserID) (account.User, error)
	LoginSession(ctx context.Context, accountID account.ID, sessionID SessionID) (Session, error)
	PasswordOf(ctx context.Context, accountID account.ID, userID account.UserID) (string, error)
	Policy(ctx context.Context, accountID account.ID) (*Choice, error)
	// EnabledOwners counts the account's owners who may sign in.
	EnabledOwners(ctx context.Context, accountID account.ID) (int, error)
	// LiveSessions returns the user's login sessions that are neither ended nor past
	// a deadline at now, newest sign-in first, at most MaxActiveSessions.
	LiveSessions(ctx context.Context, accountID account.ID, userID account.UserID, now time.Time) ([]Session, error)

	CreateAccount(ctx context.Context, a account.Account) error
	// CreateUser adds a user. Conflict if the e-mail address is somebody's.
	CreateUser(ctx context.Context, u account.User, passwordHash string) error
	// SaveUser writes name, role, token version, last login and disabled-at. It
	// notes the transaction where the version rises, so that every process finds it.
	SaveUser(ctx context.Context, u account.User) error
	SavePassword(ctx context.Context, accountID account.ID, userID account.UserID, passwordHash string) error
	// OpenInvitations counts the account's invitations that may still be accepted at
	// now.
	OpenInvitations(ctx context.Context, accountID account.ID, now time.Time) (int, error)
	CreateInvitation(ctx context.Context, i account.Invitation) error
	// SaveInvitation writes what became of it: accepted or revoked.
	SaveInvitation(ctx context.Context, i account.Invitation) error
	SavePolicy(ctx context.Context, accountID account.ID, c Choice) error

	// BeginLoginSession adds a login session with the entry about it, and writes down
	// when its user signed in last. In InSignIn they go with the commit, so that nothing
	// may follow.
	BeginLoginSession(ctx context.Context, s Session, entry account.AuditEntry) error
	// SaveLoginSession writes what a refresh or a reauthentication changed. It
	// never brings an ended session back: that is a Conflict.
	SaveLoginSession(ctx context.Context, s Session) error
	// EndLoginSessions ends what e matches and is not ended yet, and adds its audit
	// entry, in one statement. It returns what was ended, and adds no entry where
	// that is nothing.
	EndLoginSessions(ctx context.Context, e Ending) ([]Ended, error)
	// ShortenLoginSessions applies a policy to the account's running sessions as
	// Session.Shorten does, in one statement. What a new deadline puts in the past
	// at now ends, with its reason and an audit entry. It returns what ended, and
	// how many others moved.
	ShortenLoginSessions(ctx context.Context, accountID account.ID, p Policy, now time.Time) (ended []Ended, moved int, err error)

	AddAudit(ctx context.Context, entry account.AuditEntry) error
}

// Entrant is a locked user who is about to sign in.
type Entrant struct {
	User     account.User
	Password string // PHC
	Account  account.Account
	Policy   *Choice // the account's, or nil
}

// Ending says which login sessions of an account to end and why. The zero value
// of a narrowing field does not narrow.
type Ending struct {
	AccountID account.ID
	Sessions  []SessionID    // only these
	User      account.UserID // only this user's
	NotUser   account.UserID // nobody of this user's
	Not       SessionID      // not this one

	Reason EndReason
	// OwnReason, where set, is the reason for the sessions of By.
	OwnReason EndReason
	By        account.UserID // who does it; zero if nobody does
	At        time.Time
	// Audit is the entry to add. Its "count" is filled in.
	Audit account.AuditEntry
}

// AuditMark is a place in an audit log.
type AuditMark struct {
	At time.Time
	ID account.AuditID
}

// Ended is a login session that has ended.
type Ended struct {
	AccountID account.ID
	ID        SessionID
	UserID    account.UserID
	Reason    EndReason
}

// ActiveUser is a user with at least one live login session.
type ActiveUser struct {
	account.User
	LoginSessions int
}
