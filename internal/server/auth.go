package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// verify says who an access token belongs to: its signature and its time, then
// the register. It asks the database nothing as a rule.
func (s *Server) verify(ctx context.Context, token string) (login.Claims, error) {
	claims, err := s.Tokens.Verify(token)
	if err != nil {
		return login.Claims{}, err
	}
	return claims, s.Register.Check(ctx, claims.Bearer())
}

// newCaller returns who asks as far as a request tells without its token.
func (s *Server) newCaller(r *http.Request) *graph.Caller {
	return &graph.Caller{
		Device:    login.Device{UserAgent: strings.Clone(r.UserAgent()), IP: clientIP(r, s.TrustedProxies)},
		RequestID: requestID(r),
	}
}

// authenticateRequest finds out who the caller of an HTTP request is. A token that
// is not accepted is no answer yet: signing in and refreshing do not need one, and
// whatever does says why it was refused.
func (s *Server) authenticateRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, c *graph.Caller) context.Context {
	if !live.Streams(r) {
		c.Cookie = &refreshCookie{w: w, r: r, secure: !s.InsecureCookies, now: s.Now}
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return ctx
	}
	claims, err := s.verify(ctx, token)
	if err != nil {
		c.Refused = err
		return ctx
	}
	return live.WithPrincipal(ctx, s.principal(c, claims))
}

// socketContext keeps of a socket's first request what resolvers and the log
// want to know.
func (s *Server) socketContext(ctx context.Context, r *http.Request) context.Context {
	return graph.WithCaller(ctx, callerOf(r.Context()))
}

// authenticateSocket says who a socket belongs to, by the token in its
// connection_init, and tells it to the caller in the socket's context: nothing has
// run there yet. Cookies are not looked at: any page could open a socket with them.
func (s *Server) authenticateSocket(ctx context.Context, token string) (live.Principal, error) {
	c := callerOf(ctx)
	if token == "" { // who is nobody shares the bound on sockets with all nobodies of the network
		return live.Principal{Key: "anonymous " + login.Network(c.Device.IP)}, nil
	}
	claims, err := s.verify(ctx, token)
	if err != nil {
		return live.Principal{}, err
	}
	return s.principal(c, claims), nil
}

// principal fills in who the token belongs to, and returns what the transport
// needs to know.
func (s *Server) principal(c *graph.Caller, claims login.Claims) live.Principal {
	c.Actor, c.Bearer = claims.Actor(), claims.Bearer()
	id := c.Bearer.SessionID.UUID()
	return live.Principal{Key: string(id[:]), Audience: string(c.Role), Actor: actor{c, s.Register}}
}

// actor is a signed-in caller to the transport. A socket outlives its token: it is
// bound to the login session, which the register watches.
type actor struct {
	*graph.Caller
	register *login.Register
}

// Check implements live.Actor.
func (a actor) Check(ctx context.Context) error { return a.register.CheckSocket(ctx, a.Bearer) }

// Watch implements live.Actor.
func (a actor) Watch(c live.Connection) (cancel func()) {
	return a.register.Attach(a.Bearer, closing{c})
}

// closing closes a connection when its login session says so.
type closing struct{ live.Connection }

// Receive implements event.Sink.
func (c closing) Receive(why login.Close) {
	if why.Final() {
		c.End(live.SessionEnded)
	} else {
		c.End(live.TokenOutdated)
	}
}

// bearer returns the token of an Authorization header (RFC 6750, 2.1).
func bearer(header string) (string, bool) {
	scheme, token, found := strings.Cut(header, " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}
