// Package account knows who works together: accounts, their users, the roles
// that users have, and who is asking in a given request.
//
// Everything else in the program belongs to an account, and every key begins
// with the account's id, so that a stranger's id is simply not found.
package account

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

type (
	accountKind    struct{}
	userKind       struct{}
	invitationKind struct{}
)

func (accountKind) Prefix() string    { return "acct" }
func (accountKind) Noun() string      { return "account" }
func (userKind) Prefix() string       { return "user" }
func (userKind) Noun() string         { return "user" }
func (invitationKind) Prefix() string { return "invt" }
func (invitationKind) Noun() string   { return "invitation" }

type (
	// ID identifies an account.
	ID = id.Of[accountKind]
	// UserID identifies a user. A user belongs to one account for ever.
	UserID = id.Of[userKind]
	// InvitationID identifies an invitation.
	InvitationID = id.Of[invitationKind]
)

// Account is a team that works together.
type Account struct {
	ID        ID
	Name      string
	CreatedAt time.Time
}

// User is a person in an account.
type User struct {
	AccountID ID
	ID        UserID
	Email     string // lower case, unique in the installation
	Name      string
	Role      Role
	// TokenVersion rises when the role or the password changes or the user is
	// disabled; access tokens with a lower one are refused.
	TokenVersion int
	CreatedAt    time.Time
	LastLoginAt  time.Time // zero if never
	DisabledAt   time.Time // zero if not
}

// Role says what a user may do.
type Role string

// The roles, each of which may do all that the ones after it may.
const (
	Owner    Role = "OWNER"    // account security, owners, and all below
	Admin    Role = "ADMIN"    // members, deleting trees, everybody's tree sessions, and all below
	Engineer Role = "ENGINEER" // writes trees, walks them, and all below
	Viewer   Role = "VIEWER"   // reads published trees
)

var rank = map[Role]int{Viewer: 1, Engineer: 2, Admin: 3, Owner: 4}

// Roles lists the roles, the most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Engineer, Viewer} }

// Valid says whether r is one of the roles.
func (r Role) Valid() bool { return rank[r] > 0 }

// AtLeast says whether r may do all that other may.
func (r Role) AtLeast(other Role) bool { return r.Valid() && rank[r] >= rank[other] }

// Actor is who is asking. It travels as an argument below graph, so that a
// forgotten check does not compile.
type Actor struct {
	AccountID ID
	UserID    UserID
	Role      Role
}

// Require returns a Forbidden fault unless the actor's role is at least role.
func (a Actor) Require(role Role) error {
	if a.UserID.IsZero() {
		return fault.New(fault.Unauthenticated, "Sign in first.").Because(fault.NotSignedIn)
	}
	if !a.Role.AtLeast(role) {
		return fault.New(fault.Forbidden, "This needs the role %s; yours is %s. Ask an owner of your account.", role, a.Role)
	}
	return nil
}

// Bounds of texts about people and accounts, in characters.
const (
	MaxName  = 120
	MaxEmail = 254 // RFC 5321, section 4.5.3.1.3, less the angle brackets
)

// CleanEmail returns an e-mail address in the form in which it is kept: without
// spaces around it and in lower case. It refuses what cannot be an address; only
// a mail that arrives proves one.
func CleanEmail(field, text string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(text))
	local, domain, found := strings.Cut(email, "@")
	switch {
	case len(email) > MaxEmail:
		return "", fault.Input(field, "This e-mail address is longer than %d characters.", MaxEmail)
	case !found, local == "", domain == "", strings.ContainsAny(email, " \t\r\n<>,;\"\\"), strings.Contains(domain, "@"), !printable(email), !utf8.ValidString(text):
		return "", fault.Input(field, "This is not an e-mail address. Write it like name@example.com.")
	}
	return email, nil
}

// CleanName returns a person's or account's name without spaces around it. It
// refuses an empty or overlong one and one with control characters.
func CleanName(field, text string) (string, error) {
	name := strings.TrimSpace(text)
	switch {
	case name == "":
		return "", fault.Input(field, "Enter a name.")
	case utf8.RuneCountInString(name) > MaxName:
		return "", fault.Input(field, "This name is longer than %d characters. Shorten it.", MaxName)
	case !printable(name):
		return "", fault.Input(field, "This name holds control characters. Remove them.")
	}
	return name, nil
}

// printable says whether s is valid UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
