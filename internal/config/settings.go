// Package config reads the program's settings from the environment.
//
// Each setting is one field of Settings: its name, default and documentation
// are the field's tags, and .env.example and docs/configuration.md are made
// from them. Load reads and checks all of them and reports everything that is
// wrong at once, so that an operator mends a deployment in one go. Whatever
// else needs a setting gets the value as an argument.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/branchline/branchline/internal/login"
)

// Settings are all the settings of the program. The tags of a field:
//
//	env         the variable's name
//	envDefault  what holds where the variable is unset or empty
//	devDefault  the same for the dev command, where it differs
//	neededBy    the commands that refuse to start without it
//	example     a value for the documentation
//	howTo       how to come by a value, where no example can be used as it is
//	doc         what it is for, its unit, and where its default comes from
type Settings struct {
	Server   Server   `doc:"Server"`
	Database Database `doc:"Database"`
	Events   Events   `doc:"Hints between processes"`
	Login    Login    `doc:"Login sessions"`
	SignIn   SignIn   `doc:"Guessing passwords, and opening accounts"`
	Sockets  Sockets  `doc:"Sockets"`
	Log      Log      `doc:"Log"`
}

// Server says where the server listens and whom it trusts.
type Server struct {
	Address        string   `env:"BRANCHLINE_ADDRESS" envDefault:":8000" devDefault:"127.0.0.1:8000" doc:"Where the server listens, as host:port. Without a host it listens on all addresses."`
	MetricsAddress string   `env:"BRANCHLINE_METRICS_ADDRESS" envDefault:"127.0.0.1:9464" doc:"Where Prometheus reads /metrics, as host:port; the word off turns it off. Keep it away from the internet."`
	PublicURL      Origin   `env:"BRANCHLINE_PUBLIC_URL" example:"https://branchline.example.com" doc:"The address that people open, without a path. Links in invitations and to shared sessions begin with it. Left out, it is http://localhost with the port of BRANCHLINE_ADDRESS."`
	AllowedOrigins []Origin `env:"BRANCHLINE_ALLOWED_ORIGINS" example:"https://tools.example.com" doc:"Other sites whose pages may call the API from a browser, parted by commas. The public address is always allowed."`

	InsecureCookies bool           `env:"BRANCHLINE_INSECURE_COOKIES" envDefault:"false" devDefault:"true" doc:"Whether the sign-in cookie may travel over plain http. Only for a site that is served without TLS on purpose."`
	Explorer        bool           `env:"BRANCHLINE_EXPLORER" envDefault:"false" devDefault:"true" doc:"Whether the API describes itself: introspection, the explorer at /api/docs, the reference at /api/reference and the schema at /schema.graphqls."`
	TrustedProxies  []netip.Prefix `env:"BRANCHLINE_TRUSTED_PROXIES" example:"10.0.0.0/8,::1" doc:"Addresses and networks of reverse proxies, parted by commas. Only from these is X-Forwarded-For believed; else a client's address is that of its connection."`
	Keys            Secret         `env:"BRANCHLINE_KEYS" neededBy:"serve" howTo:"Make one: echo k1:$(openssl rand -base64 32 | tr +/ -_)" doc:"The key ring that signs tokens. Written kid:key, further ones after commas; a kid is 1 to 32 letters, digits, - and _, a key 32 random bytes or more in base64url. The first key signs, all of them are accepted, so a key is changed without signing anybody out. There is no default, and all processes need the same ring."`
	Drain           time.Duration  `env:"BRANCHLINE_DRAIN" envDefault:"20s" devDefault:"1s" doc:"How long a stopping server takes: sockets are asked to come back, spread over this span, and requests that run may end. Less than the 30 s that Kubernetes waits before it kills."`
}

// Database says where PostgreSQL is.
type Database struct {
	URL         Secret `env:"DATABASE_URL" neededBy:"serve migrate" example:"postgres://branchline:password@localhost:5432/branchline" doc:"The address of a PostgreSQL database, 15 or newer. The dev command starts a private one where it is left out."`
	FeedURL     Secret `env:"BRANCHLINE_FEED_URL" example:"postgres://branchline:password@localhost:5432/branchline" doc:"The same database without a pooler between, for LISTEN and the live feed's reads: a pooler in transaction mode loses notifications and prepared statements. Where it is given, nothing is prepared at DATABASE_URL. Left out, it is DATABASE_URL, and no pooler stands there."`
	Connections int32  `env:"BRANCHLINE_DATABASE_CONNECTIONS" envDefault:"16" doc:"The most connections that one process keeps open to the database, 2 to 1000. Three more serve the live feed, or one where NATS carries the hints."`
}

// Events says how processes tell each other that something changed.
type Events struct {
	EventsURL     Secret `env:"EVENTS_URL" example:"nats://branchline:password@nats.example.com:4222" doc:"The address of a NATS server that carries hints between processes; several of one cluster are parted by commas. tls:// is TLS from the start; ?creds=/file and ?ca=/file name a user's credentials and the certificates to trust. Left out, PostgreSQL carries them by LISTEN and NOTIFY. A NATS that is away costs half a second, and nothing is lost."`
	EventsSubject string `env:"BRANCHLINE_EVENTS_SUBJECT" envDefault:"branchline.hints" doc:"The NATS subject of this installation. Installations that share a NATS take different ones."`
}

// Login says how long login sessions last, and what account owners may choose.
// Spans may be seconds, so that a test deployment need not wait.
type Login struct {
	Preset           login.Preset  `env:"BRANCHLINE_LOGIN_PRESET" envDefault:"STANDARD" doc:"The policy of accounts that chose none: STRICT or STANDARD. Such accounts follow it when it changes."`
	StrictIdle       time.Duration `env:"BRANCHLINE_LOGIN_STRICT_IDLE" envDefault:"1h" doc:"The preset STRICT: a login session ends after this span without activity (NIST SP 800-63B-4, AAL2)."`
	StrictAbsolute   time.Duration `env:"BRANCHLINE_LOGIN_STRICT_ABSOLUTE" envDefault:"24h" doc:"The preset STRICT: a login session ends after this span in any case (NIST SP 800-63B-4, AAL2)."`
	StandardIdle     time.Duration `env:"BRANCHLINE_LOGIN_STANDARD_IDLE" envDefault:"3d" doc:"The preset STANDARD: the span without activity. Three days suit people who are called away for a weekend."`
	StandardAbsolute time.Duration `env:"BRANCHLINE_LOGIN_STANDARD_ABSOLUTE" envDefault:"14d" doc:"The preset STANDARD: the span in any case. It is the default length of Google Workspace."`

	IdleMin         time.Duration `env:"BRANCHLINE_LOGIN_IDLE_MIN" envDefault:"15m" doc:"The shortest idle span that an owner may choose. 15 minutes are what PCI DSS 8.2.8 and AAL3 ask for."`
	IdleMax         time.Duration `env:"BRANCHLINE_LOGIN_IDLE_MAX" envDefault:"30d" doc:"The longest idle span that an owner may choose."`
	IdleCeiling     time.Duration `env:"BRANCHLINE_LOGIN_IDLE_CEILING" envDefault:"30d" doc:"The idle span that no account exceeds, whatever it chose before. Lowering it shortens longer policies from the next sign-in on."`
	AbsoluteMin     time.Duration `env:"BRANCHLINE_LOGIN_ABSOLUTE_MIN" envDefault:"1h" doc:"The shortest absolute span that an owner may choose."`
	AbsoluteMax     time.Duration `env:"BRANCHLINE_LOGIN_ABSOLUTE_MAX" envDefault:"90d" doc:"The longest absolute span that an owner may choose."`
	AbsoluteCeiling time.Duration `env:"BRANCHLINE_LOGIN_ABSOLUTE_CEILING" envDefault:"90d" doc:"The absolute span that no account exceeds, whatever it chose before. Lowering it shortens longer policies from the next sign-in on."`
	MaxSessions     int           `env:"BRANCHLINE_LOGIN_MAX_SESSIONS" envDefault:"100" doc:"The highest limit of login sessions per user that an owner may set, 1 to 1000. An owner who sets none allows any number."`

	AccessTokenLifetime  time.Duration `env:"BRANCHLINE_ACCESS_TOKEN_LIFETIME" envDefault:"5m" doc:"How long an access token is good, 1s to 1h. It is shorter where a third of the idle span or the time to the nearer deadline is."`
	RefreshGrace         time.Duration `env:"BRANCHLINE_REFRESH_GRACE" envDefault:"30s" doc:"How long a refresh token counts as new: it is not replaced again, and the one before it still gets an access token, so that two tabs do not race. At most a tenth of the shortest idle span."`
	ReauthenticateWithin time.Duration `env:"BRANCHLINE_REAUTHENTICATE_WITHIN" envDefault:"30m" doc:"A dangerous action asks for the password again when it was given longer ago than this (OWASP ASVS 5.0, 7.5.1); 0 turns that off."`
}

// SignIn says how often somebody may try what a password or an invitation opens, and
// who may open an account.
type SignIn struct {
	Limits        bool          `env:"BRANCHLINE_SIGN_IN_LIMITS" envDefault:"true" doc:"Whether tries are limited at all; false is for tests under load. All processes share the limits, through the database."`
	NameTries     int           `env:"BRANCHLINE_SIGN_IN_NAME_TRIES" envDefault:"10" doc:"How many wrong passwords one address (of IPv6: one /56) may send for one name, 1 to 100000. The right one gives all of them back."`
	NameEvery     time.Duration `env:"BRANCHLINE_SIGN_IN_NAME_EVERY" envDefault:"1m" doc:"After this span one of them is there again, 1ms to 24h."`
	AddressTries  int           `env:"BRANCHLINE_SIGN_IN_ADDRESS_TRIES" envDefault:"100" doc:"How many failed sign-ins one address may make, whatever the names, 1 to 100000. Those that succeed do not count. Behind a proxy that is not in BRANCHLINE_TRUSTED_PROXIES everybody has the same address."`
	AddressEvery  time.Duration `env:"BRANCHLINE_SIGN_IN_ADDRESS_EVERY" envDefault:"2s" doc:"After this span one of them is there again, 1ms to 24h."`
	DelayAfter    int           `env:"BRANCHLINE_SIGN_IN_DELAY_AFTER" envDefault:"20" doc:"After so many failures with one name, from whatever addresses, addresses from which its owner never signed in have to wait for each try: for 1 s, then 2 s, 4 s and so on; 1 to 100000. One failure is forgotten each BRANCHLINE_SIGN_IN_NAME_EVERY."`
	DelayMax      time.Duration `env:"BRANCHLINE_SIGN_IN_DELAY_MAX" envDefault:"30s" doc:"The longest such wait, 0 to 1h. Nobody waits longer, whatever others do, so nobody can lock a colleague out; 0 turns the waits off."`
	RegisterTries int           `env:"BRANCHLINE_REGISTER_TRIES" envDefault:"20" doc:"How many accounts one address may open, 1 to 100000."`
	RegisterEvery time.Duration `env:"BRANCHLINE_REGISTER_EVERY" envDefault:"3m" doc:"After this span one of them is there again, 1ms to 24h."`
	InviteTries   int           `env:"BRANCHLINE_INVITE_TRIES" envDefault:"100" doc:"How many people one account may invite, 1 to 100000. Those who have a user already count too: the answer tells so."`
	InviteEvery   time.Duration `env:"BRANCHLINE_INVITE_EVERY" envDefault:"1m" doc:"After this span one of them is there again, 1ms to 24h."`
	Registration  Registration  `env:"BRANCHLINE_REGISTRATION" envDefault:"open" doc:"Who may open an account: open is whoever reaches the site, closed is nobody. Where it is closed people come by invitation; open it for the first account."`
}

// TryLimits returns the settings of limits as the login package takes them.
func (s SignIn) TryLimits() login.TryLimits {
	l := login.DefaultTryLimits()
	l.Off = !s.Limits
	l.PerName = login.Rate{Burst: s.NameTries, Every: s.NameEvery}
	l.PerAddress = login.Rate{Burst: s.AddressTries, Every: s.AddressEvery}
	l.PerNameEverywhere = login.Rate{Burst: s.DelayAfter, Every: s.NameEvery}
	l.LongestDelay = s.DelayMax
	l.Register = login.Rate{Burst: s.RegisterTries, Every: s.RegisterEvery}
	l.Invite = login.Rate{Burst: s.InviteTries, Every: s.InviteEvery}
	return l
}

// Sockets bounds what one client can make the server hold.
type Sockets struct {
	PerLogin     int           `env:"BRANCHLINE_SOCKETS_PER_LOGIN" envDefault:"20" doc:"How many sockets a login session may have open on one process, 1 to 1000; one more is closed with 4429."`
	Operations   int           `env:"BRANCHLINE_SOCKET_OPERATIONS" envDefault:"50" doc:"How many operations may be under way on a socket, 1 to 1000; one more gets an error."`
	MessageBytes int           `env:"BRANCHLINE_SOCKET_MESSAGE_BYTES" envDefault:"65536" doc:"The longest message that a client may send, 1024 to 2097152 bytes; a longer one closes the socket with 1009. Large mutations go by POST."`
	InitTimeout  time.Duration `env:"BRANCHLINE_SOCKET_INIT_TIMEOUT" envDefault:"5s" doc:"How long a new socket may take to send connection_init, 1s to 45s; then it is closed with 4408."`
	WriteTimeout time.Duration `env:"BRANCHLINE_SOCKET_WRITE_TIMEOUT" envDefault:"10s" doc:"How long one write may take, 1s to 45s; then the reader is too slow and the socket is closed with 1013."`
	Ping         time.Duration `env:"BRANCHLINE_SOCKET_PING" envDefault:"25s" doc:"How often the server pings, 1s to 45s. A socket from which nothing came for a minute is closed, and common proxies close what is quiet for as long."`
	Lifetime     time.Duration `env:"BRANCHLINE_SOCKET_LIFETIME" envDefault:"1h" doc:"How long a socket lives, 1s to 24h; then it is closed with 4403 and comes back with a fresh token."`
}

// Log says what the log looks like.
type Log struct {
	Format LogFormat  `env:"BRANCHLINE_LOG_FORMAT" envDefault:"json" devDefault:"text" doc:"How log lines are written: json or text."`
	Level  slog.Level `env:"BRANCHLINE_LOG_LEVEL" envDefault:"info" doc:"The least severe lines that are written: debug, info, warn or error."`
}

// Bounds returns the settings of policies as the login package takes them.
func (l Login) Bounds() login.Bounds {
	return login.Bounds{
		Strict:      login.Limits{Idle: l.StrictIdle, Absolute: l.StrictAbsolute},
		Standard:    login.Limits{Idle: l.StandardIdle, Absolute: l.StandardAbsolute},
		Default:     l.Preset,
		Min:         login.Limits{Idle: l.IdleMin, Absolute: l.AbsoluteMin},
		Max:         login.Limits{Idle: l.IdleMax, Absolute: l.AbsoluteMax},
		Ceiling:     login.Limits{Idle: l.IdleCeiling, Absolute: l.AbsoluteCeiling},
		MaxSessions: l.MaxSessions,
	}
}

// Origins returns every origin whose pages may call the API: the public address
// and the allowed ones.
func (s Server) Origins() []string {
	list := []string{string(s.PublicURL)}
	for _, origin := range s.AllowedOrigins {
		list = append(list, string(origin))
	}
	return list
}

// Feed returns the database's address for LISTEN.
func (d Database) Feed() Secret {
	if d.FeedURL.IsZero() {
		return d.URL
	}
	return d.FeedURL
}
