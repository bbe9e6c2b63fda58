package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/login"
)

// checker collects what is wrong with values that could be read each by itself.
type checker struct {
	unread   map[string]bool // names whose value could not be read; nothing is said about them
	problems Problems
}

// that adds a problem unless ok, or unless one of the names could not be read.
// The problem stands at the first name.
func (c *checker) that(ok bool, names []string, format string, args ...any) {
	if ok {
		return
	}
	for _, name := range names {
		if c.unread[name] {
			return
		}
	}
	c.problems = append(c.problems, Problem{names[0], fmt.Sprintf(format, args...)})
}

// span is a named span of time.
type span struct {
	name string
	time.Duration
}

func (s span) String() string { return FormatDuration(s.Duration) }

// ordered asks that a is not longer than b.
func (c *checker) ordered(a, b span) {
	c.that(a.Duration <= b.Duration, []string{a.name, b.name}, "is %v, which is longer than %s, which is %v. Make it shorter or that longer", a, b.name, b)
}

// between asks that s lies in a range, ends included.
func (c *checker) between(s span, low, high time.Duration) {
	c.that(low <= s.Duration && s.Duration <= high, []string{s.name}, "is %v. It has to be from %s to %s", s, FormatDuration(low), FormatDuration(high))
}

// within asks that a number lies in a range, ends included.
func (c *checker) within(name string, n, low, high int) {
	c.that(low <= n && n <= high, []string{name}, "is %d. It has to be from %d to %d", n, low, high)
}

// check returns what is wrong with the settings, other than those that could not
// be read.
func (s Settings) check(unread map[string]bool, checkKeys func(string) error) Problems {
	c := &checker{unread: unread}
	s.Server.check(c, checkKeys)
	s.Database.check(c)
	s.Events.check(c)
	s.Login.check(c)
	s.SignIn.check(c)
	s.Sockets.check(c)
	return c.problems
}

func (s Server) check(c *checker, checkKeys func(string) error) {
	const listen = "is %q. Write it as host:port, or :port for all addresses"
	_, ok := port(s.Address)
	c.that(ok, []string{"BRANCHLINE_ADDRESS"}, listen, s.Address)
	if s.MetricsAddress != "" {
		_, ok = port(s.MetricsAddress)
		c.that(ok, []string{"BRANCHLINE_METRICS_ADDRESS"}, listen+"; the word off turns it off", s.MetricsAddress)
		c.that(s.MetricsAddress != s.Address || strings.HasSuffix(s.Address, ":0"), []string{"BRANCHLINE_METRICS_ADDRESS", "BRANCHLINE_ADDRESS"},
			"is the same as BRANCHLINE_ADDRESS. Give it a port of its own, or turn it off")
	}
	// Browsers keep a Secure cookie of http://localhost, so that one is left alone.
	insecure := !s.PublicURL.Secure() && !s.PublicURL.local()
	c.that(!insecure || s.InsecureCookies || s.PublicURL == "", []string{"BRANCHLINE_PUBLIC_URL", "BRANCHLINE_INSECURE_COOKIES"},
		"is %s, but browsers return the sign-in cookie over https only. Serve the site by https, or set BRANCHLINE_INSECURE_COOKIES=true", s.PublicURL)
	c.that(!s.InsecureCookies || !s.PublicURL.Secure(), []string{"BRANCHLINE_INSECURE_COOKIES", "BRANCHLINE_PUBLIC_URL"},
		"is true, but the site is %s. Set it to false, so that the sign-in cookie stays on https", s.PublicURL)
	if checkKeys != nil && !s.Keys.IsZero() {
		err := checkKeys(s.Keys.Reveal())
		c.that(err == nil, []string{"BRANCHLINE_KEYS"}, "cannot be used: %v", err)
	}
	c.between(span{"BRANCHLINE_DRAIN", s.Drain}, 0, 10*time.Minute)
}

// local says whether the site is this machine's own.
func (o Origin) local() bool {
	u, err := url.Parse(string(o))
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}

func (d Database) check(c *checker) {
	for name, address := range map[string]Secret{"DATABASE_URL": d.URL, "BRANCHLINE_FEED_URL": d.FeedURL} {
		// The address is never repeated: it holds a password.
		c.that(address.IsZero() || isPostgres(address.Reveal()), []string{name}, "is not the address of a PostgreSQL database. Write it like postgres://user:password@host:5432/database, special characters of the password as %%XX")
	}
	c.within("BRANCHLINE_DATABASE_CONNECTIONS", int(d.Connections), 2, 1000)
}

// isPostgres says whether text can be the address of a PostgreSQL database: an
// address, or pairs such as "host=localhost dbname=branchline".
func isPostgres(text string) bool {
	if scheme, _, found := strings.Cut(text, "://"); found {
		_, err := url.Parse(text)
		return err == nil && (scheme == "postgres" || scheme == "postgresql")
	}
	return strings.Contains(text, "=")
}

func (e Events) check(c *checker) {
	c.that(e.EventsURL.IsZero() || isNATS(e.EventsURL.Reveal()), []string{"EVENTS_URL"}, "is not the address of a NATS server. Write it like nats://user:password@host:4222, special characters of the password as %%XX")
	c.that(isSubject(e.EventsSubject), []string{"BRANCHLINE_EVENTS_SUBJECT"}, "is %q. Write words parted by dots, such as branchline.hints, without spaces, * and >", e.EventsSubject)
}

// isNATS says whether text can be the addresses of NATS servers.
func isNATS(text string) bool {
	for address := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" {
			return false
		}
	}
	return true
}

// isSubject says whether messages can be sent under a NATS subject.
func isSubject(text string) bool {
	for word := range strings.SplitSeq(text, ".") {
		if word == "" || strings.ContainsAny(word, " \t\r\n*>") {
			return false
		}
	}
	return len(text) <= 200
}

func (l Login) check(c *checker) {
	const longest = 10 * 365 * day // beyond any use, and far from overflowing
	var (
		idleMin         = span{"BRANCHLINE_LOGIN_IDLE_MIN", l.IdleMin}
		idleMax         = span{"BRANCHLINE_LOGIN_IDLE_MAX", l.IdleMax}
		absoluteMin     = span{"BRANCHLINE_LOGIN_ABSOLUTE_MIN", l.AbsoluteMin}
		absoluteMax     = span{"BRANCHLINE_LOGIN_ABSOLUTE_MAX", l.AbsoluteMax}
		idleCeiling     = span{"BRANCHLINE_LOGIN_IDLE_CEILING", l.IdleCeiling}
		absoluteCeiling = span{"BRANCHLINE_LOGIN_ABSOLUTE_CEILING", l.AbsoluteCeiling}
	)
	pairs := []struct{ idle, absolute span }{
		{span{"BRANCHLINE_LOGIN_STRICT_IDLE", l.StrictIdle}, span{"BRANCHLINE_LOGIN_STRICT_ABSOLUTE", l.StrictAbsolute}},
		{span{"BRANCHLINE_LOGIN_STANDARD_IDLE", l.StandardIdle}, span{"BRANCHLINE_LOGIN_STANDARD_ABSOLUTE", l.StandardAbsolute}},
		{idleMin, absoluteMin},
		{idleMax, absoluteMax},
		{idleCeiling, absoluteCeiling},
	}
	for i, pair := range pairs {
		c.between(pair.idle, time.Second, longest)
		c.between(pair.absolute, time.Second, longest)
		c.ordered(pair.idle, pair.absolute)
		if i < 2 { // the presets lie within what an owner may choose
			c.ordered(idleMin, pair.idle)
			c.ordered(pair.idle, idleMax)
			c.ordered(absoluteMin, pair.absolute)
			c.ordered(pair.absolute, absoluteMax)
		}
	}
	c.ordered(idleMin, idleMax)
	c.ordered(absoluteMin, absoluteMax)
	c.ordered(idleMax, idleCeiling)
	c.ordered(absoluteMax, absoluteCeiling)
	c.within("BRANCHLINE_LOGIN_MAX_SESSIONS", l.MaxSessions, 1, login.MostSessions)

	c.between(span{"BRANCHLINE_ACCESS_TOKEN_LIFETIME", l.AccessTokenLifetime}, time.Second, time.Hour)
	// The shortest idle span is the least that an owner may choose: presets are
	// not shorter.
	grace := span{"BRANCHLINE_REFRESH_GRACE", l.RefreshGrace}
	c.that(grace.Duration <= idleMin.Duration/10, []string{grace.name, idleMin.name},
		"is %v, which is more than a tenth of %s, which is %v. Make it %s or less", grace, idleMin.name, idleMin, FormatDuration(idleMin.Duration/10))
	c.between(span{"BRANCHLINE_REAUTHENTICATE_WITHIN", l.ReauthenticateWithin}, 0, 30*day)
}

func (s SignIn) check(c *checker) {
	const most = 100_000
	c.within("BRANCHLINE_SIGN_IN_NAME_TRIES", s.NameTries, 1, most)
	c.between(span{"BRANCHLINE_SIGN_IN_NAME_EVERY", s.NameEvery}, time.Millisecond, day)
	c.within("BRANCHLINE_SIGN_IN_ADDRESS_TRIES", s.AddressTries, 1, most)
	c.between(span{"BRANCHLINE_SIGN_IN_ADDRESS_EVERY", s.AddressEvery}, time.Millisecond, day)
	c.within("BRANCHLINE_SIGN_IN_DELAY_AFTER", s.DelayAfter, 1, most)
	c.between(span{"BRANCHLINE_SIGN_IN_DELAY_MAX", s.DelayMax}, 0, time.Hour)
	c.within("BRANCHLINE_REGISTER_TRIES", s.RegisterTries, 1, most)
	c.between(span{"BRANCHLINE_REGISTER_EVERY", s.RegisterEvery}, time.Millisecond, day)
	c.within("BRANCHLINE_INVITE_TRIES", s.InviteTries, 1, most)
	c.between(span{"BRANCHLINE_INVITE_EVERY", s.InviteEvery}, time.Millisecond, day)
}

func (s Sockets) check(c *checker) {
	c.within("BRANCHLINE_SOCKETS_PER_LOGIN", s.PerLogin, 1, 1000)
	c.within("BRANCHLINE_SOCKET_OPERATIONS", s.Operations, 1, 1000)
	c.within("BRANCHLINE_SOCKET_MESSAGE_BYTES", s.MessageBytes, 1<<10, 2<<20)
	// A minute without a sign of life ends a socket without a word; these come before.
	const longest = 45 * time.Second
	c.between(span{"BRANCHLINE_SOCKET_INIT_TIMEOUT", s.InitTimeout}, time.Second, longest)
	c.between(span{"BRANCHLINE_SOCKET_WRITE_TIMEOUT", s.WriteTimeout}, time.Second, longest)
	c.between(span{"BRANCHLINE_SOCKET_PING", s.Ping}, time.Second, longest)
	c.between(span{"BRANCHLINE_SOCKET_LIFETIME", s.Lifetime}, time.Second, day)
}
