package login

import (
	"time"

	"github.com/branchline/branchline/internal/account"
)

// Event is what a login session's own devices are told about it. An event is
// never changed once it is sent, and those with the same content are one and the
// same pointer, so that an ending that concerns 10,000 sockets is encoded once.
//
// The first event of a subscription is a *State, an *Expired or a *ForcedLogout;
// after the last two nothing follows.
type Event interface {
	// Last says whether the subscription completes after this event.
	Last() bool
	// Sent returns the database's time at which the event was made, so that a
	// client's wrong clock changes nothing.
	Sent() time.Time
}

// State is the present state: the first event of a subscription, and what
// follows when the deadlines came nearer, as by a stricter policy.
type State struct {
	ServerTime time.Time
	SessionID  SessionID
	Deadlines  Deadlines
	Warning    Warning // its level is never Over
}

// Approaching warns that a deadline comes near.
type Approaching struct {
	ServerTime time.Time
	Warning    Warning // its level is Notice, Soon or Now
}

// Extended says that activity put the idle deadline off, on any tab, device or
// node.
type Extended struct {
	ServerTime time.Time
	Deadlines  Deadlines
	Warning    Warning // what there is to say now; its level is never Over
}

// Expired says that the login session has reached a deadline and is over.
type Expired struct {
	ServerTime time.Time
	Limit      Limit
	At         time.Time // when it was ended
}

// ForcedLogout says that a person or a rule ended the login session.
type ForcedLogout struct {
	ServerTime time.Time
	Reason     EndReason // never ExpiredIdle, ExpiredAbsolute or LoggedOut; a logout is RevokedBySelf
	By         account.UserID
	ByName     string // empty where By is nobody
	At         time.Time
}

// Last implements Event.
func (*State) Last() bool { return false }

// Last implements Event.
func (*Approaching) Last() bool { return false }

// Last implements Event.
func (*Extended) Last() bool { return false }

// Last implements Event.
func (*Expired) Last() bool { return true }

// Last implements Event.
func (*ForcedLogout) Last() bool { return true }

// Sent implements Event.
func (e *State) Sent() time.Time { return e.ServerTime }

// Sent implements Event.
func (e *Approaching) Sent() time.Time { return e.ServerTime }

// Sent implements Event.
func (e *Extended) Sent() time.Time { return e.ServerTime }

// Sent implements Event.
func (e *Expired) Sent() time.Time { return e.ServerTime }

// Sent implements Event.
func (e *ForcedLogout) Sent() time.Time { return e.ServerTime }

// Close says why the sockets of a login session have to be closed. It is sent
// after the events, so that operations get their last event and complete first.
type Close int

// The reasons for which sockets are closed.
const (
	CloseRevoked  Close = iota + 1 // 4401: a person or a rule ended the login session; sign in
	CloseExpired                   // 4401: the login session reached a deadline; sign in
	CloseComeBack                  // 4403: the token version rose; refresh passively and connect again
)

// Final says whether the client has to sign in again, rather than to refresh
// passively and connect again.
func (c Close) Final() bool { return c != CloseComeBack }
