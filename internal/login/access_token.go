package login

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Claims is what an access token says. That its signature and time are right does
// not mean that it still holds: ask the Register.
type Claims struct {
	SessionID SessionID
	UserID    account.UserID
	AccountID account.ID
	Role      account.Role
	Version   int // the user's token version when it was made
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Actor returns who is asking.
func (c Claims) Actor() account.Actor {
	return account.Actor{AccountID: c.AccountID, UserID: c.UserID, Role: c.Role}
}

// Bearer returns what the register looks at.
func (c Claims) Bearer() Bearer {
	return Bearer{AccountID: c.AccountID, UserID: c.UserID, SessionID: c.SessionID, TokenVersion: c.Version}
}

// accessType keeps a token that is made for another purpose with the same keys
// from passing as an access token (RFC 8725, section 3.11).
const accessType = "access"

// AccessTokens makes and verifies access tokens: JWTs (RFC 7519) signed with
// HMAC-SHA-256. It is safe for use by several goroutines.
type AccessTokens struct {
	ring     *Ring
	issuer   string
	audience string
	longest  time.Duration
	now      func() time.Time
	parser   *jwt.Parser
}

// NewAccessTokens returns the tokens of one installation. They live for longest
// at most; now is the database's clock.
func NewAccessTokens(ring *Ring, issuer, audience string, longest time.Duration, now func() time.Time) *AccessTokens {
	return &AccessTokens{
		ring: ring, issuer: issuer, audience: audience, longest: longest, now: now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), // RFC 8725, section 3.1
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // verify does that, on the right clock
		),
	}
}

// accessClaims is the JSON of an access token.
type accessClaims struct {
	Issuer    string       `json:"iss"`
	Audience  string       `json:"aud"`
	Type      string       `json:"typ"`
	Subject   string       `json:"sub"`
	Account   string       `json:"acc"`
	Session   string       `json:"sid"`
	Role      account.Role `json:"rol"`
	Version   int          `json:"ver"`
	IssuedAt  numericDate  `json:"iat"`
	ExpiresAt numericDate  `json:"exp"`
}

// Life returns how long an access token lives that is made at now: no longer than
// the setting, a third of the idle window, and the time to the nearer deadline.
// So a login session that ends by its own deadline leaves no good token behind.
func (a *AccessTokens) Life(s Session, now time.Time) time.Duration {
	_, end := s.Deadlines.Nearer()
	return max(0, min(a.longest, s.Idle/3, end.Sub(now)))
}

// Issue makes an access token for a user's login session and returns it with the
// moment at which it runs out, in whole milliseconds.
func (a *AccessTokens) Issue(u account.User, s Session, now time.Time) (Secret, time.Time, error) {
	now = now.Truncate(time.Millisecond)
	expires := now.Add(a.Life(s, now)).Truncate(time.Millisecond)
	token := jwt.Token{
		Method: jwt.SigningMethodHS256,
		Header: map[string]any{"alg": jwt.SigningMethodHS256.Alg(), "kid": a.ring.signing.id, "typ": "JWT"},
		Claims: accessClaims{
			Issuer: a.issuer, Audience: a.audience, Type: accessType,
			Subject: u.ID.String(), Account: u.AccountID.String(), Session: s.ID.String(),
			Role: u.Role, Version: u.TokenVersion,
			IssuedAt: numericDate(now.UnixMilli()), ExpiresAt: numericDate(expires.UnixMilli()),
		},
	}
	text, err := token.SignedString(a.ring.signing.access)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign access token: %w", err)
	}
	return Secret(text), expires, nil
}

var (
	tokenExpired = fault.New(fault.Unauthenticated, "This access token has run out. Refresh it and try again.").Because(fault.TokenExpired)
	tokenInvalid = fault.New(fault.Unauthenticated, "This access token is not valid. Sign in again.").Because(fault.TokenInvalid)
)

// longestToken bounds what is decoded; the longest real one has about 600 bytes.
const longestToken = 4096

// Verify returns what an access token says if it was made here and has not run
// out: else Unauthenticated, with the reason TokenExpired or TokenInvalid.
func (a *AccessTokens) Verify(text string) (Claims, error) {
	if len(text) > longestToken {
		return Claims{}, tokenInvalid
	}
	var raw accessClaims
	if _, err := a.parser.ParseWithClaims(text, &raw, a.key); err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	if raw.Issuer != a.issuer || raw.Audience != a.audience || raw.Type != accessType || !raw.Role.Valid() {
		return Claims{}, tokenInvalid
	}
	c := Claims{Role: raw.Role, Version: raw.Version, IssuedAt: raw.IssuedAt.time(), ExpiresAt: raw.ExpiresAt.time()}
	err := errors.Join(
		c.UserID.UnmarshalText([]byte(raw.Subject)),
		c.AccountID.UnmarshalText([]byte(raw.Account)),
		c.SessionID.UnmarshalText([]byte(raw.Session)),
	)
	if err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	if !a.now().Before(c.ExpiresAt) {
		return Claims{}, tokenExpired
	}
	return c, nil
}

var errUnknownKey = errors.New("no such kid, or another typ")

func (a *AccessTokens) key(t *jwt.Token) (any, error) {
	kid, _ := t.Header["kid"].(string)
	k := a.ring.byID[kid]
	if k == nil || t.Header["typ"] != "JWT" {
		return nil, errUnknownKey
	}
	return k.access, nil
}

// numericDate is a moment in ms since 1970. In JSON it is seconds, with three
// decimals where they are not zero: RFC 7519, section 2, allows that, and where
// deadlines are set in seconds, whole seconds are too coarse.
type numericDate int64

func (d numericDate) time() time.Time { return time.UnixMilli(int64(d)).UTC() }

// MarshalJSON implements json.Marshaler.
func (d numericDate) MarshalJSON() ([]byte, error) {
	text := strconv.AppendInt(nil, int64(d)/1000, 10)
	if ms := int64(d) % 1000; ms != 0 {
		text = fmt.Appendf(text, ".%03d", ms)
	}
	return text, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *numericDate) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || seconds < 0 || seconds > 1e11 {
		return errors.New("not a numeric date")
	}
	*d = numericDate(seconds*1000 + 0.5)
	return nil
}

// The methods of jwt.Claims, which the parser asks for and never calls: the claims
// are checked in Verify.

// GetExpirationTime implements jwt.Claims.
func (c accessClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(c.ExpiresAt.time()), nil
}

// GetIssuedAt implements jwt.Claims.
func (c accessClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(c.IssuedAt.time()), nil
}

// GetNotBefore implements jwt.Claims.
func (accessClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuer implements jwt.Claims.
func (c accessClaims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c accessClaims) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience implements jwt.Claims.
func (c accessClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}
