package account

import (
	"time"

	"github.com/branchline/branchline/internal/id"
)

type auditKind struct{}

func (auditKind) Prefix() string { return "audt" }
func (auditKind) Noun() string   { return "audit entry" }

// AuditID identifies an entry of the audit log.
type AuditID = id.Of[auditKind]

// AuditAction names what an entry of the audit log tells.
type AuditAction string

// The actions.
const (
	AccountRegistered    AuditAction = "ACCOUNT_REGISTERED"
	SignedIn             AuditAction = "SIGNED_IN"
	SignInFailed         AuditAction = "SIGN_IN_FAILED"
	SignInLimited        AuditAction = "SIGN_IN_LIMITED" // tries with the subject's name are refused: at most one entry in a quarter of an hour
	SignedOut            AuditAction = "SIGNED_OUT"
	Reauthenticated      AuditAction = "REAUTHENTICATED"
	ReauthenticateFailed AuditAction = "REAUTHENTICATION_FAILED"
	RefreshTokenReused   AuditAction = "REFRESH_TOKEN_REUSED"
	LoginSessionExpired  AuditAction = "LOGIN_SESSION_EXPIRED"
	LoginSessionsRevoked AuditAction = "LOGIN_SESSIONS_REVOKED"
	LoginSessionLimit    AuditAction = "LOGIN_SESSION_LIMIT_REACHED"
	SessionPolicyChanged AuditAction = "SESSION_POLICY_CHANGED"
	PasswordChanged      AuditAction = "PASSWORD_CHANGED"
	UserInvited          AuditAction = "USER_INVITED"
	InvitationWithdrawn  AuditAction = "INVITATION_WITHDRAWN"
	InvitationAccepted   AuditAction = "INVITATION_ACCEPTED"
	UserRoleChanged      AuditAction = "USER_ROLE_CHANGED"
	UserDisabled         AuditAction = "USER_DISABLED"
	UserEnabled          AuditAction = "USER_ENABLED"
	AuditLogExported     AuditAction = "AUDIT_LOG_EXPORTED"
	TreePublished        AuditAction = "TREE_PUBLISHED"
	TreeArchived         AuditAction = "TREE_ARCHIVED"
	TreeUnarchived       AuditAction = "TREE_UNARCHIVED"
	TreeDeleted          AuditAction = "TREE_DELETED"
	TreeVersionRestored  AuditAction = "TREE_VERSION_RESTORED"
	TreeConfirmed        AuditAction = "TREE_CONFIRMED"     // somebody said that it is still right
	TreeOwnerChanged     AuditAction = "TREE_OWNER_CHANGED" // the subject is the new one
	ClientsMerged        AuditAction = "CLIENTS_MERGED"
	ClientDeleted        AuditAction = "CLIENT_DELETED"

	TreeSessionShared       AuditAction = "TREE_SESSION_SHARED" // by a link
	TreeSessionShareRevoked AuditAction = "TREE_SESSION_SHARE_REVOKED"
	TreeSessionShareOpened  AuditAction = "TREE_SESSION_SHARE_OPENED" // for the first time

	TreeSessionEscalated AuditAction = "TREE_SESSION_ESCALATED" // somebody asked the team for help
	TreeSessionClaimed   AuditAction = "TREE_SESSION_CLAIMED"   // the subject is who had asked
	EscalationAnswered   AuditAction = "ESCALATION_ANSWERED"    // with a hint; the subject is who had asked
	EscalationTakenBack  AuditAction = "ESCALATION_TAKEN_BACK"  // the subject is who had asked
)

// AuditActions returns all actions, in the order of the API's enumeration.
func AuditActions() []AuditAction {
	return []AuditAction{
		AccountRegistered, SignedIn, SignInFailed, SignInLimited, SignedOut, Reauthenticated, ReauthenticateFailed,
		RefreshTokenReused, LoginSessionExpired, LoginSessionsRevoked, LoginSessionLimit, SessionPolicyChanged,
		PasswordChanged, UserInvited, InvitationWithdrawn, InvitationAccepted, UserRoleChanged, UserDisabled, UserEnabled,
		AuditLogExported, TreePublished, TreeArchived, TreeUnarchived, TreeDeleted, TreeVersionRestored, TreeConfirmed,
		TreeOwnerChanged, TreeSessionShared, TreeSessionShareRevoked, TreeSessionShareOpened,
		ClientsMerged, ClientDeleted, TreeSessionEscalated, TreeSessionClaimed, EscalationAnswered, EscalationTakenBack,
	}
}

// AuditEntry is one line of an account's audit log. Entries are only ever added.
type AuditEntry struct {
	AccountID ID
	ID        AuditID
	At        time.Time
	Action    AuditAction
	ActorID   UserID // who did it; zero where nobody did, as with an expiry
	SubjectID UserID // whom it was done to; zero if nobody
	// LoginSessionID is the text of the id of the login session that it was done
	// from or that it is about; empty if none.
	LoginSessionID string
	IP             string // of whoever did it; empty if nobody
	// Details are what the action needs to be understood, such as "reason",
	// "count", "old" and "new". Never a secret.
	Details map[string]any
}
