// Package fault holds the errors that may be shown to people.
//
// A Fault carries a code that programs act on and a message that a person can
// act on. Every other error is for operators: it is logged once and shown as
// "Internal error.". Choose a Fault when the caller can do something about it;
// return a plain, wrapped error when only whoever runs the server can.
package fault

import (
	"errors"
	"fmt"
	"maps"
)

// Code says which kind of fault it is. Clients read it as extensions.code.
// A Code is an error itself, so that errors.Is(err, fault.NotFound) works on
// any wrapped Fault.
type Code string

// The codes, in Apollo Server's words where it has one.
const (
	Unauthenticated Code = "UNAUTHENTICATED"       // nobody is signed in, or no longer
	Forbidden       Code = "FORBIDDEN"             // signed in, but not allowed to
	NotFound        Code = "NOT_FOUND"             // no such thing in the caller's account
	BadUserInput    Code = "BAD_USER_INPUT"        // an argument that the caller can mend
	Conflict        Code = "CONFLICT"              // somebody else was faster, or the state does not allow it
	RateLimited     Code = "RATE_LIMITED"          // too often; retryAfterSeconds says when to try again
	Unavailable     Code = "UNAVAILABLE"           // the database did not answer in time: try again in a moment
	Internal        Code = "INTERNAL_SERVER_ERROR" // everything that is not a Fault
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Reason tells cases of one code apart where a client must act differently on
// them. Clients read it as extensions.reason.
type Reason string

// The reasons. Those of the first group come with Unauthenticated.
const (
	NotSignedIn         Reason = "NOT_SIGNED_IN"            // no access token was sent
	TokenExpired        Reason = "TOKEN_EXPIRED"            // the access token ran out: refresh passively and try again
	StaleToken          Reason = "STALE_TOKEN"              // role or password changed: refresh passively and try again
	TokenInvalid        Reason = "INVALID_TOKEN"            // the access token was not issued here: sign in
	SessionExpiredIdle  Reason = "SESSION_EXPIRED_IDLE"     // nobody did anything for the idle window: sign in
	SessionExpiredAbs   Reason = "SESSION_EXPIRED_ABSOLUTE" // the login session reached its longest age: sign in
	SessionRevoked      Reason = "SESSION_REVOKED"          // the login session was ended by a person or a rule: sign in
	InvalidRefreshToken Reason = "INVALID_REFRESH_TOKEN"    // the refresh token was not issued here: sign in
	InvalidCredentials  Reason = "INVALID_CREDENTIALS"      // wrong e-mail or password
	CannotVerify        Reason = "CANNOT_VERIFY"            // the server cannot reach its database: try again in a second

	ReauthenticationRequired Reason = "REAUTHENTICATION_REQUIRED" // Forbidden: confirm the password, then try again
	CrossSite                Reason = "CROSS_SITE"                // Forbidden: the request came from a page of another site
)

// Fault is an error that may be shown to people.
type Fault struct {
	Code    Code
	Message string // one or two sentences with a full stop, saying what to do
	Reason  Reason // empty where the code says enough
	Field   string // the input field at fault, dotted, e.g. "input.idleMinutes"; empty if none
	// Extensions are further members of the error's extensions, such as
	// "retryAfterSeconds" or the state that a Conflict lost against.
	Extensions map[string]any
	cause      error
}

// New returns a fault. The message is formatted as by fmt.Sprintf.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Input returns a BadUserInput fault about one field.
func Input(field, format string, args ...any) *Fault {
	return &Fault{Code: BadUserInput, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Missing returns the NotFound fault for a kind of thing, such as "tree". The
// words are the same for what does not exist and for what is a stranger's.
func Missing(kind string) *Fault {
	return New(NotFound, "No such %s.", kind)
}

// Because returns a copy of f with a reason.
func (f *Fault) Because(reason Reason) *Fault {
	c := *f
	c.Reason = reason
	return &c
}

// With returns a copy of f with one more extension.
func (f *Fault) With(key string, value any) *Fault {
	c := *f
	c.Extensions = maps.Clone(f.Extensions)
	if c.Extensions == nil {
		c.Extensions = map[string]any{}
	}
	c.Extensions[key] = value
	return &c
}

// Wrap returns a copy of f that remembers what caused it. The cause is for the
// log and is never shown to people.
func (f *Fault) Wrap(cause error) *Fault {
	c := *f
	c.cause = cause
	return &c
}

// Error returns the text for the log: the message and what caused it.
func (f *Fault) Error() string {
	if f.cause == nil {
		return f.Message
	}
	return f.Message + " (" + f.cause.Error() + ")"
}

// Unwrap lets errors.Is find the code and the cause.
func (f *Fault) Unwrap() []error {
	if f.cause == nil {
		return []error{f.Code}
	}
	return []error{f.Code, f.cause}
}

// Of returns the fault that err is or wraps, or nil.
func Of(err error) *Fault {
	f, _ := errors.AsType[*Fault](err)
	return f
}

// All returns the faults that err is, wraps, or joins, in their order. A fault's
// cause is not looked into: it is for the log.
func All(err error) []*Fault {
	switch e := err.(type) { //nolint:errorlint // the tree of errors is walked here
	case nil:
		return nil
	case *Fault:
		return []*Fault{e}
	case interface{ Unwrap() []error }:
		var all []*Fault
		for _, one := range e.Unwrap() {
			all = append(all, All(one)...)
		}
		return all
	}
	return All(errors.Unwrap(err))
}

// ReasonOf returns the reason of the fault that err is or wraps, or "".
func ReasonOf(err error) Reason {
	if f := Of(err); f != nil {
		return f.Reason
	}
	return ""
}
