package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/event"
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

// authenticateRequest puts the caller of an HTTP request into its context. A
// token that is not accepted is no answer yet: signing in and refreshing do not
// need one, and whatever does says why it was refused.
func (s *Server) authenticateRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, e *entry) context.Context {
	c := &graph.Caller{Device: login.Device{UserAgent: r.UserAgent(), IP: e.ip}}
	if !live.Streams(r) {
		c.Cookie = &refreshCookie{w: w, r: r, secure: !s.InsecureCookies, now: s.Now}
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return graph.WithCaller(ctx, c)
	}
	claims, err := s.verify(ctx, token)
	if err != nil {
		c.Refused = err
		return graph.WithCaller(ctx, c)
	}
	s.identify(c, e, claims)
	return live.WithPrincipal(graph.WithCaller(ctx, c), s.principal(c))
}

// socketContext keeps of a socket's first request what resolvers and the log
// want to know.
func (s *Server) socketContext(ctx context.Context, r *http.Request) context.Context {
	e := &entry{requestID: requestID(r), ip: clientIP(r, s.TrustedProxies)}
	ctx = context.WithValue(ctx, entryKey{}, e)
	return graph.WithCaller(ctx, &graph.Caller{Device: login.Device{UserAgent: strings.Clone(r.UserAgent()), IP: e.ip}})
}

// authenticateSocket says who a socket belongs to, by the token in its
// connection_init. Cookies are not looked at: any page could open a socket with them.
func (s *Server) authenticateSocket(ctx context.Context, token string) (live.Principal, error) {
	c := &graph.Caller{}
	if before := graph.CallerFrom(ctx); before != nil {
		c.Device = before.Device
	}
	if token == "" { // who is nobody shares the bound on sockets with all nobodies of the address
		return live.Principal{
			Key:     "anonymous " + entryOf(ctx).ip,
			Context: func(ctx context.Context) context.Context { return graph.WithCaller(ctx, c) },
		}, nil
	}
	claims, err := s.verify(ctx, token)
	if err != nil {
		return live.Principal{}, err
	}
	s.identify(c, entryOf(ctx), claims)
	return s.principal(c), nil
}

// identify fills in who the token belongs to.
func (s *Server) identify(c *graph.Caller, e *entry, claims login.Claims) {
	c.Actor, c.Bearer = claims.Actor(), claims.Bearer()
	e.user, e.account = claims.UserID.String(), claims.AccountID.String()
}

// principal returns what the transport needs to know of a signed-in caller. A
// socket outlives its token: it is bound to the login session, which the register
// watches.
func (s *Server) principal(c *graph.Caller) live.Principal {
	return live.Principal{
		Key:      c.Bearer.SessionID.String(),
		Audience: string(c.Role),
		Context:  func(ctx context.Context) context.Context { return graph.WithCaller(ctx, c) },
		Check:    func(ctx context.Context) error { return s.Register.CheckSocket(ctx, c.Bearer) },
		Watch: func(end func(live.Close)) func() {
			return s.Register.Attach(c.Bearer, event.SinkFunc[login.Close](func(why login.Close) {
				if why.Final() {
					end(live.SessionEnded)
				} else {
					end(live.TokenOutdated)
				}
			}))
		},
	}
}

// bearer returns the token of an Authorization header (RFC 6750, 2.1).
func bearer(header string) (string, bool) {
	scheme, token, found := strings.Cut(header, " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}
