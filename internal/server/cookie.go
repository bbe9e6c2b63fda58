package server

import (
	"net/http"
	"time"

	"github.com/branchline/branchline/internal/login"
)

// refreshCookie is the browser's refresh token. No script can read it, no other
// site can make a browser send it, and it goes to the API's address only.
type refreshCookie struct {
	w      http.ResponseWriter
	r      *http.Request
	secure bool // false where the site is served over plain http on purpose
	now    func() time.Time
}

// cookieName has the prefix __Secure-, so that browsers refuse one that was set
// over plain http (RFC 6265bis, 4.1.3.1), except where plain http is the purpose.
func (c *refreshCookie) name() string {
	if c.secure {
		return "__Secure-branchline-refresh"
	}
	return "branchline-refresh"
}

// RefreshToken returns the token that came with the request, or "".
func (c *refreshCookie) RefreshToken() string {
	cookie, err := c.r.Cookie(c.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// SetRefreshToken gives the browser a token. It forgets it with the login
// session's longest age; the idle deadline moves, so it is not the cookie's.
func (c *refreshCookie) SetRefreshToken(token string, session login.Session) {
	c.set(token, int(session.Deadlines.Absolute.Sub(c.now())/time.Second))
}

// Clear makes the browser forget the token.
func (c *refreshCookie) Clear() { c.set("", -1) }

func (c *refreshCookie) set(value string, maxAge int) {
	http.SetCookie(c.w, &http.Cookie{
		Name:     c.name(),
		Value:    value,
		Path:     graphqlPath,
		MaxAge:   maxAge,
		Secure:   c.secure,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	})
}
