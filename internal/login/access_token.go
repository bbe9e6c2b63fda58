package login

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	headers  map[string]*key // by the first part of the tokens that the key signs
}

// NewAccessTokens returns the tokens of one installation. They live for longest
// at most; now is the database's clock.
func NewAccessTokens(ring *Ring, issuer, audience string, longest time.Duration, now func() time.Time) *AccessTokens {
	a := &AccessTokens{ring: ring, issuer: issuer, audience: audience, longest: longest, now: now, headers: map[string]*key{}}
	for _, k := range ring.byID {
		// The header of all tokens of a key is one text, so it is compared rather
		// than parsed: that pins alg (RFC 8725, section 3.1), typ and kid, and halves
		// the cost of a verification.
		text, err := a.token(k, accessClaims{}).SigningString()
		if err != nil {
			panic(err) // three constant strings are JSON
		}
		header, _, _ := strings.Cut(text, ".")
		a.headers[header] = k
	}
	return a
}

// token returns an access token that k signs.
func (a *AccessTokens) token(k *key, claims accessClaims) *jwt.Token {
	return &jwt.Token{
		Method: jwt.SigningMethodHS256,
		Header: map[string]any{"alg": jwt.SigningMethodHS256.Alg(), "kid": k.id, "typ": "JWT"},
		Claims: claims,
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
	IssuedAt  float64      `json:"iat"`
	ExpiresAt float64      `json:"exp"`
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
	token := a.token(a.ring.signing, accessClaims{
		Issuer: a.issuer, Audience: a.audience, Type: accessType,
		Subject: u.ID.String(), Account: u.AccountID.String(), Session: s.ID.String(),
		Role: u.Role, Version: u.TokenVersion,
		IssuedAt: numericDate(now), ExpiresAt: numericDate(expires),
	})
	text, err := token.SignedString(a.ring.signing.access())
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign access token: %w", err)
	}
	return Secret(text), expires, nil
}

var (
	tokenExpired = fault.New(fault.Unauthenticated, "This access token has run out. Refresh it and try again.").Because(fault.TokenExpired)
	tokenInvalid = fault.New(fault.Unauthenticated, "This access token is not valid. Sign in again.").Because(fault.TokenInvalid)
)

// longestToken bounds what is decoded; a real one has about 420 bytes.
const longestToken = 4096

// Verify returns what an access token says if it was made here and has not run
// out: else Unauthenticated, with the reason TokenExpired or TokenInvalid.
func (a *AccessTokens) Verify(text string) (Claims, error) {
	if len(text) > longestToken {
		return Claims{}, tokenInvalid
	}
	header, rest, _ := strings.Cut(text, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	k := a.headers[header]
	if k == nil {
		return Claims{}, tokenInvalid
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	if err := jwt.SigningMethodHS256.Verify(text[:len(header)+1+len(payload)], mac, k.access()); err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	c, ok := a.scan(decoded)
	if !ok { // another version of the program may have made it
		if c, err = a.decode(decoded); err != nil {
			return Claims{}, err
		}
	}
	if !a.now().Before(c.ExpiresAt) {
		return Claims{}, tokenExpired
	}
	return c, nil
}

// decode reads the JSON of an access token.
func (a *AccessTokens) decode(text []byte) (Claims, error) {
	var raw accessClaims
	if err := json.Unmarshal(text, &raw); err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	if raw.Issuer != a.issuer || raw.Audience != a.audience || raw.Type != accessType || !raw.Role.Valid() {
		return Claims{}, tokenInvalid
	}
	c := Claims{Role: raw.Role, Version: raw.Version, IssuedAt: fromNumericDate(raw.IssuedAt), ExpiresAt: fromNumericDate(raw.ExpiresAt)}
	err := errors.Join(
		c.UserID.UnmarshalText([]byte(raw.Subject)),
		c.AccountID.UnmarshalText([]byte(raw.Account)),
		c.SessionID.UnmarshalText([]byte(raw.Session)),
	)
	if err != nil {
		return Claims{}, tokenInvalid.Wrap(err)
	}
	return c, nil
}

// scan is decode for the text that Issue writes, at a fraction of what encoding/json
// takes. It says whether it is such a text; nothing counts if not.
func (a *AccessTokens) scan(text []byte) (c Claims, ok bool) {
	s := claimScanner{text}
	ok = s.is(`{"iss":`) && string(s.quoted()) == a.issuer && s.is(`,"aud":`) && string(s.quoted()) == a.audience &&
		s.is(`,"typ":`) && string(s.quoted()) == accessType &&
		s.is(`,"sub":`) && c.UserID.UnmarshalText(s.quoted()) == nil &&
		s.is(`,"acc":`) && c.AccountID.UnmarshalText(s.quoted()) == nil &&
		s.is(`,"sid":`) && c.SessionID.UnmarshalText(s.quoted()) == nil &&
		s.is(`,"rol":`)
	if !ok {
		return Claims{}, false
	}
	c.Role = account.Role(s.quoted())
	version, hasVersion := s.number(`,"ver":`, "0123456789")
	issued, hasIssued := s.number(`,"iat":`, "0123456789.")
	expires, hasExpires := s.number(`,"exp":`, "0123456789.")
	if !hasVersion || !hasIssued || !hasExpires || !s.is(`}`) || len(s.rest) > 0 || !c.Role.Valid() {
		return Claims{}, false
	}
	c.Version, c.IssuedAt, c.ExpiresAt = int(version), fromNumericDate(issued), fromNumericDate(expires)
	return c, true
}

// claimScanner goes through the JSON of a token.
type claimScanner struct{ rest []byte }

// is passes this text. It says whether it is there.
func (s *claimScanner) is(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// quoted returns a string of plain ASCII, or nil if there is none.
func (s *claimScanner) quoted() []byte {
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return nil
	}
	for i, c := range s.rest[1:] {
		switch {
		case c == '"':
			text := s.rest[1 : 1+i]
			s.rest = s.rest[2+i:]
			return text
		case c < ' ' || c == '\\' || c >= utf8.RuneSelf:
			return nil
		}
	}
	return nil
}

// number returns the number of a member, of these characters and at most 16: so much
// a float holds.
func (s *claimScanner) number(name, of string) (n float64, ok bool) {
	if !s.is(name) {
		return 0, false
	}
	digits := s.rest[:len(s.rest)-len(bytes.TrimLeft(s.rest, of))]
	end := len(digits)
	if end < 1 || end > 16 || digits[0] == '.' || digits[end-1] == '.' || digits[0] == '0' && end > 1 && digits[1] != '.' {
		return 0, false
	}
	s.rest = s.rest[end:]
	n, err := strconv.ParseFloat(string(digits), 64)
	return n, err == nil
}

// numericDate returns a moment in seconds since 1970, in whole milliseconds. RFC
// 7519, section 2, allows fractions; where deadlines are set in seconds, whole
// seconds are too coarse.
func numericDate(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func fromNumericDate(seconds float64) time.Time {
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
}

// The methods of jwt.Claims, which a jwt.Token asks for and never calls: the
// claims are checked in Verify.

// GetExpirationTime implements jwt.Claims.
func (c accessClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(fromNumericDate(c.ExpiresAt)), nil
}

// GetIssuedAt implements jwt.Claims.
func (c accessClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(fromNumericDate(c.IssuedAt)), nil
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
