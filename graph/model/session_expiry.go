package model

import (
	"time"

	"github.com/branchline/branchline/internal/login"
)

// The members of SessionExpiryEvent are written by hand: each wraps the event
// that all devices of all sessions share, so that two of them are equal where
// their events are, and the transport encodes an event once.
type (
	// SessionState is the present state of a login session.
	SessionState struct{ Event *login.State }
	// SessionExpiryWarning says that an end comes closer.
	SessionExpiryWarning struct{ Event *login.Approaching }
	// SessionExtended says that the idle end moved.
	SessionExtended struct{ Event *login.Extended }
	// SessionExpired says that a login session ended by itself.
	SessionExpired struct{ Event *login.Expired }
	// ForcedLogout says that a login session was ended.
	ForcedLogout struct{ Event *login.ForcedLogout }
)

// SessionExpiry returns the wire's form of a login session's event.
func SessionExpiry(e login.Event) SessionExpiryEvent {
	switch e := e.(type) {
	case *login.State:
		return SessionState{e}
	case *login.Approaching:
		return SessionExpiryWarning{e}
	case *login.Extended:
		return SessionExtended{e}
	case *login.Expired:
		return SessionExpired{e}
	case *login.ForcedLogout:
		return ForcedLogout{e}
	}
	return nil
}

// IsSessionExpiryEvent marks a member of the union.
func (SessionState) IsSessionExpiryEvent() {}

// Last says whether the subscription completes after this event.
func (s SessionState) Last() bool { return s.Event.Last() }

// ServerTime returns the database's time at which the event was made.
func (s SessionState) ServerTime() time.Time { return s.Event.ServerTime }

// LoginSessionID returns the login session's global id.
func (s SessionState) LoginSessionID() string { return s.Event.SessionID.String() }

// IdleExpiresAt returns the idle deadline.
func (s SessionState) IdleExpiresAt() time.Time { return s.Event.Deadlines.Idle }

// AbsoluteExpiresAt returns the absolute deadline.
func (s SessionState) AbsoluteExpiresAt() time.Time { return s.Event.Deadlines.Absolute }

// Level returns how close the nearer end is.
func (s SessionState) Level() ExpiryLevel { return ExpiryLevel(s.Event.Warning.Level) }

// ExpiryReason returns which end that is.
func (s SessionState) ExpiryReason() ExpiryReason { return ExpiryReason(s.Event.Warning.Limit) }

// IsSessionExpiryEvent marks a member of the union.
func (SessionExpiryWarning) IsSessionExpiryEvent() {}

// Last says whether the subscription completes after this event.
func (s SessionExpiryWarning) Last() bool { return s.Event.Last() }

// ServerTime returns the database's time at which the event was made.
func (s SessionExpiryWarning) ServerTime() time.Time { return s.Event.ServerTime }

// Level returns how close the end is.
func (s SessionExpiryWarning) Level() ExpiryLevel { return ExpiryLevel(s.Event.Warning.Level) }

// ExpiryReason returns which end that is.
func (s SessionExpiryWarning) ExpiryReason() ExpiryReason {
	return ExpiryReason(s.Event.Warning.Limit)
}

// ExpiresAt returns when the end comes.
func (s SessionExpiryWarning) ExpiresAt() time.Time { return s.Event.Warning.At }

// Extendable says whether activity puts the end off.
func (s SessionExpiryWarning) Extendable() bool { return s.Event.Warning.Extendable() }

// IsSessionExpiryEvent marks a member of the union.
func (SessionExtended) IsSessionExpiryEvent() {}

// Last says whether the subscription completes after this event.
func (s SessionExtended) Last() bool { return s.Event.Last() }

// ServerTime returns the database's time at which the event was made.
func (s SessionExtended) ServerTime() time.Time { return s.Event.ServerTime }

// IdleExpiresAt returns the new idle deadline.
func (s SessionExtended) IdleExpiresAt() time.Time { return s.Event.Deadlines.Idle }

// AbsoluteExpiresAt returns the absolute deadline.
func (s SessionExtended) AbsoluteExpiresAt() time.Time { return s.Event.Deadlines.Absolute }

// Level returns how close the nearer end is now.
func (s SessionExtended) Level() ExpiryLevel { return ExpiryLevel(s.Event.Warning.Level) }

// ExpiryReason returns which end that is.
func (s SessionExtended) ExpiryReason() ExpiryReason { return ExpiryReason(s.Event.Warning.Limit) }

// IsSessionExpiryEvent marks a member of the union.
func (SessionExpired) IsSessionExpiryEvent() {}

// Last says whether the subscription completes after this event.
func (s SessionExpired) Last() bool { return s.Event.Last() }

// ServerTime returns the database's time at which the event was made.
func (s SessionExpired) ServerTime() time.Time { return s.Event.ServerTime }

// ExpiryReason returns which limit ended the session.
func (s SessionExpired) ExpiryReason() ExpiryReason { return ExpiryReason(s.Event.Limit) }

// IsSessionExpiryEvent marks a member of the union.
func (ForcedLogout) IsSessionExpiryEvent() {}

// Last says whether the subscription completes after this event.
func (f ForcedLogout) Last() bool { return f.Event.Last() }

// ServerTime returns the database's time at which the event was made.
func (f ForcedLogout) ServerTime() time.Time { return f.Event.ServerTime }

// LogoutReason returns why the session was ended.
func (f ForcedLogout) LogoutReason() LogoutReason { return LogoutReason(f.Event.Reason) }

// EndedByUserID returns who ended it, or nil where that was a rule.
func (f ForcedLogout) EndedByUserID() *string {
	if f.Event.By.IsZero() {
		return nil
	}
	id := f.Event.By.String()
	return &id
}

// EndedAt returns when it was ended.
func (f ForcedLogout) EndedAt() time.Time { return f.Event.At }
