package account

import (
	"time"

	"github.com/branchline/branchline/internal/fault"
)

// Invitation lets one person join an account. Whoever has its link may accept
// it, once, until it expires.
type Invitation struct {
	AccountID  ID
	ID         InvitationID
	Email      string // lower case; the address that the new user signs in with
	Role       Role
	SecretHash []byte // SHA-256 of the link's secret; the secret itself is kept nowhere
	InvitedBy  UserID
	CreatedAt  time.Time
	ExpiresAt  time.Time
	AcceptedAt time.Time // zero if not
	AcceptedBy UserID    // zero if not
	RevokedAt  time.Time // zero if not
}

// Usable returns nil if the invitation may be accepted at now, or a Conflict
// fault that says why not.
func (i Invitation) Usable(now time.Time) error {
	switch {
	case !i.AcceptedAt.IsZero():
		return fault.New(fault.Conflict, "This invitation has already been used. Sign in instead.")
	case !i.RevokedAt.IsZero():
		return fault.New(fault.Conflict, "This invitation was withdrawn. Ask for a new one.")
	case !now.Before(i.ExpiresAt):
		return fault.New(fault.Conflict, "This invitation has expired. Ask for a new one.")
	}
	return nil
}

// MayManage returns a Forbidden fault unless a user with role by may invite
// users with role target, change them, or make others that.
//
// Owners may do so with everybody, admins with everybody but owners.
func MayManage(by, target Role) error {
	if !by.AtLeast(Admin) || !target.Valid() || (target == Owner && by != Owner) {
		return fault.New(fault.Forbidden, "Your role %s does not allow this for the role %s. Ask an owner of your account.", by, target)
	}
	return nil
}
