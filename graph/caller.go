package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// Caller is who asks, and from where. The server puts one into the context of
// each request and of each socket.
type Caller struct {
	account.Actor // zero when nobody is signed in
	Bearer        login.Bearer
	Device        login.Device
	RequestID     string // of the request, or of the one that became the socket, for the log
	// Refused says why the access token was not accepted; nil if it was, or if
	// none was sent. Fields that anybody may ask for do not mind.
	Refused error
	// Cookie carries the refresh token of browsers; nil where no cookie can be
	// set, as over a socket or an event stream.
	Cookie Cookie
}

// Cookie is the browser's refresh token on its way in and out.
type Cookie interface {
	RefreshToken() string // empty if none came
	SetRefreshToken(token string, session login.Session)
	Clear()
}

// asLogin returns who asks and from where, as the login service takes it.
func (c *Caller) asLogin() login.Caller {
	return login.Caller{Actor: c.Actor, SessionID: c.Bearer.SessionID, Device: c.Device}
}

type callerKey struct{}

// WithCaller returns a context that carries the caller.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

var nobody = &Caller{}

// CallerFrom returns the caller that the context carries, or nil.
func CallerFrom(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// caller returns who asks.
func caller(ctx context.Context) *Caller {
	if c := CallerFrom(ctx); c != nil {
		return c
	}
	return nobody
}

// signedIn returns the caller, or a fault that says why nobody is signed in.
func signedIn(ctx context.Context) (*Caller, error) {
	c := caller(ctx)
	if c.Refused != nil {
		return nil, c.Refused
	}
	return c, c.Require(account.Viewer)
}

// auth is the @auth directive: the coarse gate in front of a field. The services
// check again what they are asked to do.
func auth(ctx context.Context, _ any, next graphql.Resolver, role model.Role) (any, error) {
	c, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Require(account.Role(role)); err != nil {
		return nil, err
	}
	return next(ctx)
}

// canDeliver returns a fault where a refresh token could not come back in the
// way that is asked for. Ask before anything is done.
func (c *Caller) canDeliver(how model.TokenDelivery) error {
	if how == model.TokenDeliveryCookie && c.Cookie == nil {
		return cannotSetCookie
	}
	return nil
}

// deliver hands a refresh token to the caller in the way that it asked for, and
// returns what goes into the payload. A token in the cookie never goes there too.
func (c *Caller) deliver(how model.TokenDelivery, token login.Secret, session login.Session) (*string, error) {
	if token == "" {
		return nil, nil
	}
	if how == model.TokenDeliveryPayload {
		return given(string(token)), nil
	}
	if err := c.canDeliver(how); err != nil {
		return nil, err
	}
	c.Cookie.SetRefreshToken(string(token), session)
	return nil, nil
}

var cannotSetCookie = fault.Input("input.tokenDelivery", "A cookie cannot be set over a socket or an event stream. Send this by POST, or ask for PAYLOAD.")
