package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	loginMutation   = `mutation Login($input: LoginInput!) { login(input: $input) ` + signInFields + ` }`
	refreshMutation = `mutation Refresh($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }`
	logoutMutation  = `mutation Logout { logout { revokedCount } }`
)

// byCookie are the variables of a sign-in in a browser.
func byCookie(p *person) vars {
	return vars{"input": vars{"email": p.email, "password": p.password, "tokenDelivery": "COOKIE"}}
}

// cookieOf returns the one cookie that an answer sets.
func cookieOf(t *testing.T, a *answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.Header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("the answer sets %d cookies, want 1: %v", len(cookies), cookies)
	}
	return cookies[0]
}

func TestCookie_Attributes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o      nodeOptions
		cookie string
		secure bool
	}{
		"over TLS":                    {nodeOptions{}, "__Secure-branchline-refresh", true},
		"over plain http, on purpose": {nodeOptions{insecureCookies: true}, "branchline-refresh", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, tt.o)
			p := n.owner()
			a := n.post("", loginMutation, byCookie(p)).ok()
			c := cookieOf(t, a)
			n.secret("refresh token", c.Value)
			if c.Name != tt.cookie || c.Secure != tt.secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/graphql" || c.Domain != "" {
				t.Errorf("the cookie is %v", c.Raw)
			}
			if left := a.time("login.loginSession.absoluteExpiresAt").Sub(n.clock.Now()); c.MaxAge <= 0 || c.MaxAge > int(left/time.Second)+60 {
				t.Errorf("the cookie lives for %d s, the login session for %v", c.MaxAge, left)
			}
			if a.at("login.refreshToken") != nil || strings.Contains(a.Body, c.Value) {
				t.Errorf("the refresh token is in the payload, too: %s", a.Body)
			}
			if a := n.post("", loginMutation, vars{"input": vars{"email": p.email, "password": p.password}}).ok(); a.Header.Get("Set-Cookie") != "" || a.text("login.refreshToken") == "" {
				t.Errorf("without COOKIE the answer is %v %s, want the token in the payload and no cookie", a.Header, a.Body)
			}
		})
	}
}

func TestCookie_WhatCameByCookieLeavesByCookieOnly(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true})
	p := n.owner()
	browser := n.browser()
	first := cookieOf(t, n.send(browser, http.Header{}, loginMutation, byCookie(p)).ok())
	n.moveTo(n.clock.Now().Add(time.Minute)) // the token is old enough to be changed
	for name, in := range map[string]vars{
		"left out":   {"attemptId": newAttempt()},
		"null":       {"refreshToken": nil, "attemptId": newAttempt()},
		"empty text": {"refreshToken": "", "attemptId": newAttempt()},
	} {
		a := n.send(browser, http.Header{}, refreshMutation, vars{"input": in}).ok()
		if a.at("refresh.refreshToken") != nil {
			t.Errorf("with the token %s in the input, it came back in the payload", name)
		}
		n.secret("access token", a.text("refresh.accessToken"))
		if a.Header.Get("Set-Cookie") != "" {
			next := cookieOf(t, a)
			n.secret("refresh token", next.Value)
			if next.Value == first.Value {
				t.Error("the cookie was set again to the old token")
			}
			if strings.Contains(a.Body, next.Value) {
				t.Errorf("the new token is in the payload: %s", a.Body)
			}
		}
		n.moveTo(n.clock.Now().Add(time.Minute))
	}
	// The token of the cookie is refused by whoever only has its name.
	n.send(n.http.Client(), http.Header{}, refreshMutation, vars{"input": vars{"attemptId": newAttempt()}}).refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")

	out := n.send(browser, http.Header{}, logoutMutation, nil).ok() // without an access token
	if c := cookieOf(t, out); out.number("logout.revokedCount") != 1 || c.MaxAge >= 0 || c.Value != "" || c.Path != "/graphql" {
		t.Errorf("signing out by cookie: %s, %s", out.Body, c.Raw)
	}
	n.send(browser, http.Header{}, refreshMutation, vars{"input": vars{"attemptId": newAttempt()}}).refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")
	if again := n.send(browser, http.Header{}, logoutMutation, nil).ok(); again.number("logout.revokedCount") != 0 {
		t.Errorf("signing out twice: %s", again.Body)
	}
}

// TestCookie_OtherSitesCannotUseIt sends what a page of another site can make a
// browser send without asking first: forms and texts, and anything with its own
// Origin.
func TestCookie_OtherSitesCannotUseIt(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true, origins: []string{"https://tools.example.com"}})
	p := n.owner()
	browser := n.browser()
	n.secret("refresh token", cookieOf(t, n.send(browser, http.Header{}, loginMutation, byCookie(p)).ok()).Value)
	logout := `{"query": "mutation { logout { revokedCount } }"}`
	own := n.http.URL
	tests := map[string]struct {
		method, contentType, origin, body string
		status                            int
	}{
		"a text":                             {"POST", "text/plain", "", logout, 415},
		"a text of its own Origin":           {"POST", "text/plain;charset=UTF-8", own, logout, 415},
		"a form":                             {"POST", "application/x-www-form-urlencoded", "", "query=" + url.QueryEscape("mutation { logout { revokedCount } }"), 415},
		"a form with files":                  {"POST", "multipart/form-data; boundary=x", "", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + logout + "\r\n--x--\r\n", 415},
		"no content type":                    {"POST", "", "", logout, 415},
		"a foreign Origin":                   {"POST", "application/json", "https://evil.example.com", logout, 403},
		"an Origin that looks like it":       {"POST", "application/json", own + ".evil.example.com", logout, 403},
		"an Origin that ends like it":        {"POST", "application/json", "https://evil-tools.example.com", logout, 403},
		"a sandboxed page":                   {"POST", "application/json", "null", logout, 403},
		"a mutation by GET":                  {"GET", "", "", "", 405},
		"an Origin with a path":              {"POST", "application/json", "https://tools.example.com/", logout, 403},
		"an allowed host, but by plain http": {"POST", "application/json", "http://tools.example.com", logout, 403},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Accept": {"application/graphql-response+json"}}
			if tt.contentType != "" {
				header.Set("Content-Type", tt.contentType)
			}
			if tt.origin != "" {
				header.Set("Origin", tt.origin)
			}
			path := "/graphql"
			if tt.method == "GET" {
				path += "?query=" + url.QueryEscape("mutation { logout { revokedCount } }")
			}
			a := n.request(browser, tt.method, path, header, tt.body)
			if a.Status != tt.status || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("status %d, %v %s; want %d", a.Status, a.Header, a.Body, tt.status)
			}
			if tt.status == 403 && a.extension("reason") != "CROSS_SITE" {
				t.Errorf("the answer is %s, want the reason CROSS_SITE", a.Body)
			}
		})
	}
	for _, origin := range []string{own, "https://tools.example.com", "HTTPS://TOOLS.EXAMPLE.COM"} {
		n.send(browser, http.Header{"Origin": {origin}}, `{ serverInfo { version } }`, nil).ok()
	}
	// After all that the cookie is still good.
	n.send(browser, http.Header{"Origin": {own}}, refreshMutation, vars{"input": vars{"attemptId": newAttempt(), "passive": true}}).ok()
}

// TestOrigins_AllowedPagesMayCall asks as a browser does for a page of another
// origin: it sends a preflight, and shows the page nothing without the headers.
func TestOrigins_AllowedPagesMayCall(t *testing.T) {
	t.Parallel()
	const tools = "https://tools.example.com"
	n := newNode(t, nodeOptions{origins: []string{tools}})
	preflight := func(origin string) *answer {
		return n.request(n.http.Client(), http.MethodOptions, "/graphql", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type"},
		}, "")
	}
	a := preflight(tools)
	if a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != tools || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the preflight of an allowed origin: %d %v", a.Status, a.Header)
	}
	for _, name := range []string{"authorization", "content-type"} {
		if !strings.Contains(strings.ToLower(a.Header.Get("Access-Control-Allow-Headers")), name) {
			t.Errorf("the header %s is not allowed: %v", name, a.Header)
		}
	}
	if a := preflight("https://evil.example.com"); a.Header.Get("Access-Control-Allow-Origin") != "" || a.Status < 400 {
		t.Errorf("the preflight of a foreign origin: %d %v", a.Status, a.Header)
	}
	got := n.send(n.http.Client(), http.Header{"Origin": {tools}}, `{ serverInfo { version } }`, nil).ok()
	if got.Header.Get("Access-Control-Allow-Origin") != tools || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("the answer to an allowed origin has the headers %v", got.Header)
	}
}

func TestSocket_LooksAtNoCookie(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true, origins: []string{"https://tools.example.com"}})
	p := n.owner()
	cookie := cookieOf(t, n.post("", loginMutation, byCookie(p)).ok())
	n.secret("refresh token", cookie.Value)
	header := http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}

	for origin, status := range map[string]int{"https://evil.example.com": 403, "null": 403, "https://tools.example.com": 101, n.http.URL: 101} {
		h := header.Clone()
		h.Set("Origin", origin)
		if _, resp := n.dial(h); resp.StatusCode != status {
			t.Errorf("a socket with the Origin %s: %d, want %d", origin, resp.StatusCode, status)
		}
	}
	s, _ := n.dial(header)
	s.init("")
	if f := s.next(); f.Type != "connection_ack" {
		t.Fatalf("the socket said %s", f.Type)
	}
	if me := s.ask(`{ me { id } }`, nil).ok(); me.at("me") != nil {
		t.Errorf("the cookie signed a socket in: %s", me.Body)
	}
	s.ask(`subscription { sessionExpiry { __typename } }`, nil).refused("UNAUTHENTICATED", "NOT_SIGNED_IN")
	s.ask(refreshMutation, vars{"input": vars{"attemptId": newAttempt()}}).refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")
	if out := s.ask(logoutMutation, nil).ok(); out.number("logout.revokedCount") != 0 {
		t.Errorf("the cookie signed out over a socket: %s", out.Body)
	}

	devices := n.devices(p)
	for name, a := range map[string]*answer{
		"login": s.ask(loginMutation, byCookie(p)),
		"register": s.ask(`mutation($input: RegisterInput!) { register(input: $input) `+signInFields+` }`, vars{"input": vars{
			"accountName": "A", "name": "N", "email": "new@example.com", "password": p.password, "tokenDelivery": "COOKIE",
		}}),
	} {
		if a.code() != "BAD_USER_INPUT" || a.extension("field") != "input.tokenDelivery" {
			t.Errorf("%s by COOKIE over a socket: %s, want BAD_USER_INPUT about input.tokenDelivery", name, a.Body)
		}
	}
	if now := n.devices(p); now != devices {
		t.Errorf("%d login sessions before, %d after: somebody was signed in", devices, now)
	}
	n.tryLogin("new@example.com", p.password).refused("UNAUTHENTICATED", "INVALID_CREDENTIALS")
	payload := s.ask(loginMutation, vars{"input": vars{"email": p.email, "password": p.password}}).ok()
	n.secret("refresh token", payload.text("login.refreshToken"))
	n.secret("access token", payload.text("login.accessToken"))
}

// devices counts the person's live login sessions.
func (n *node) devices(p *person) int {
	n.t.Helper()
	return len(n.post(p.access, `{ me { loginSessions { id } } }`, nil).ok().at("me.loginSessions").([]any))
}

// TestEventStream_CookieIsNotLost signs in over a stream of server-sent events: a
// token that is promised by cookie has to arrive, or nobody may be signed in.
func TestEventStream_CookieIsNotLost(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{insecureCookies: true})
	p := n.owner()
	devices := n.devices(p)
	body := fmt.Sprintf(`{"query": %q, "variables": {"input": {"email": %q, "password": %q, "tokenDelivery": "COOKIE"}}}`, loginMutation, p.email, p.password)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.http.URL+"/graphql", strings.NewReader(body))
	check(t, err)
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
	resp, err := n.http.Client().Do(r)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	if arrived, signedIn := len(resp.Cookies()) == 1, n.devices(p) > devices; arrived != signedIn {
		t.Errorf("the cookie arrived: %v; somebody is signed in: %v\n%v\n%s", arrived, signedIn, resp.Header, text)
	}
}
