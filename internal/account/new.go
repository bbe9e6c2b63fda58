package account

import "github.com/branchline/branchline/internal/id"

// NewID returns an account's id that nobody has.
func NewID() ID { return id.New[accountKind]() }

// NewUserID returns a user's id that nobody has.
func NewUserID() UserID { return id.New[userKind]() }

// NewInvitationID returns an invitation's id that nobody has.
func NewInvitationID() InvitationID { return id.New[invitationKind]() }

// NewAuditID returns an audit entry's id that nobody has.
func NewAuditID() AuditID { return id.New[auditKind]() }
