package login

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newRing(t testing.TB, keys ...Secret) *Ring {
	t.Helper()
	setting := NewKey()
	for i, k := range keys {
		if i == 0 {
			setting = k
		} else {
			setting += "," + k
		}
	}
	ring, err := ParseRing(setting)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// someone returns a user with a login session that began at noon.
func someone() (account.User, Session) {
	u := account.User{AccountID: account.NewID(), ID: account.NewUserID(), Role: account.Engineer, TokenVersion: 3}
	return u, Session{
		AccountID: u.AccountID, ID: NewSessionID(), UserID: u.ID,
		SignedInAt: noon, LastActiveAt: noon, Idle: time.Hour,
		Deadlines:  Deadlines{Idle: noon.Add(time.Hour), Absolute: noon.Add(24 * time.Hour)},
		Generation: 1, GenerationAt: noon, Salt: make([]byte, saltBytes),
	}
}

func TestAccessToken_SaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	u, s := someone()
	now := noon
	tokens := NewAccessTokens(newRing(t), "branchline", "branchline", 5*time.Minute, func() time.Time { return now })
	text, expires, err := tokens.Issue(u, s, now)
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{SessionID: s.ID, UserID: u.ID, AccountID: u.AccountID, Role: u.Role, Version: 3, IssuedAt: noon, ExpiresAt: noon.Add(5 * time.Minute)}
	got, err := tokens.Verify(string(text))
	if err != nil || got != want || !expires.Equal(want.ExpiresAt) {
		t.Errorf("claims %+v, expires %v, %v; want %+v", got, expires, err, want)
	}

	// Verify the names of the claims.
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(string(text), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iss", "aud", "sub", "acc", "sid", "rol", "ver", "iat", "exp", "typ"} {
		if _, ok := claims[name]; !ok {
			t.Errorf("there is no claim %q", name)
		}
		delete(claims, name)
	}
	if len(claims) > 0 {
		t.Errorf("there are more claims: %v", claims)
	}

	// Verify the last instant.
	now = expires.Add(-time.Millisecond)
	if _, err := tokens.Verify(string(text)); err != nil {
		t.Errorf("a ms before its end: %v", err)
	}
	now = expires
	if _, err := tokens.Verify(string(text)); fault.ReasonOf(err) != fault.TokenExpired {
		t.Errorf("at its end: %v", err)
	}
}

func TestAccessToken_Life(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u, s := someone()
		s.Idle = time.Duration(rapid.Int64Range(int64(time.Second), int64(30*24*time.Hour)).Draw(t, "idle"))
		absolute := s.Idle + time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "longer"))
		s.Deadlines = Deadlines{Idle: noon.Add(s.Idle), Absolute: noon.Add(absolute)}
		now := noon.Add(time.Duration(rapid.Int64Range(0, int64(s.Idle)-1).Draw(t, "now")))
		tokens := NewAccessTokens(newRingOf(t), "i", "a", 5*time.Minute, func() time.Time { return now })
		_, expires, err := tokens.Issue(u, s, now)
		if err != nil {
			t.Fatal(err)
		}
		if life := expires.Sub(now); life > 5*time.Minute || life > s.Idle/3 {
			t.Errorf("it lives for %v of an idle window of %v", life, s.Idle)
		}
		if _, end := s.Deadlines.Nearer(); expires.After(end) {
			t.Errorf("it outlives the session by %v", expires.Sub(end))
		}
	})
}

// newRingOf is newRing for a property.
func newRingOf(t *rapid.T) *Ring {
	ring, err := ParseRing(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestAccessToken_RefusesWhatWasNotMadeHere(t *testing.T) {
	t.Parallel()
	u, s := someone()
	clock := func() time.Time { return noon }
	key := NewKey()
	ring := newRing(t, key)
	tokens := NewAccessTokens(ring, "branchline", "branchline", 5*time.Minute, clock)
	issue := func(a *AccessTokens) string {
		text, _, err := a.Issue(u, s, noon)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := issue(tokens)
	part := strings.Split(good, ".")
	// sign makes a token with the right key but other contents.
	sign := func(method jwt.SigningMethod, header, claims map[string]any, with any) string {
		raw := map[string]any{}
		payload, err := base64.RawURLEncoding.DecodeString(part[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &raw); err != nil {
			t.Fatal(err)
		}
		maps.Copy(raw, claims)
		h := map[string]any{"alg": method.Alg(), "kid": ring.signing.id, "typ": "JWT"}
		maps.Copy(h, header)
		text, err := (&jwt.Token{Method: method, Header: h, Claims: jwt.MapClaims(raw)}).SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	hs, own := jwt.SigningMethodHS256, ring.signing.access()
	if _, err := tokens.Verify(sign(hs, nil, nil, own)); err != nil {
		t.Fatalf("the forger's own work is refused: %v", err)
	}
	for name, text := range map[string]string{
		"nothing":                   "",
		"another ring":              issue(NewAccessTokens(newRing(t), "branchline", "branchline", time.Minute, clock)),
		"another issuer":            issue(NewAccessTokens(ring, "other", "branchline", time.Minute, clock)),
		"another audience":          issue(NewAccessTokens(ring, "branchline", "other", time.Minute, clock)),
		"no signature":              part[0] + "." + part[1] + ".",
		"another payload":           part[0] + "." + part[0] + "." + part[2],
		"alg none":                  sign(jwt.SigningMethodNone, nil, nil, jwt.UnsafeAllowNoneSignatureType),
		"alg HS384":                 sign(jwt.SigningMethodHS384, nil, nil, own),
		"alg of the header swapped": sign(hs, map[string]any{"alg": "HS512"}, nil, own),
		"another typ header":        sign(hs, map[string]any{"typ": "at+jwt"}, nil, own),
		"another typ claim":         sign(hs, nil, map[string]any{"typ": "share"}, own),
		"no kid":                    sign(hs, map[string]any{"kid": 7}, nil, own),
		"the refresh tokens' key":   sign(hs, nil, nil, ring.signing.refresh()),
		"an unknown role":           sign(hs, nil, map[string]any{"rol": "ROOT"}, own),
		"an account's id as user's": sign(hs, nil, map[string]any{"sub": u.AccountID.String()}, own),
		"a list of audiences":       sign(hs, nil, map[string]any{"aud": []string{"branchline"}}, own),
		"padding":                   good + "=",
		"very long":                 strings.Repeat("a", longestToken) + good,
	} {
		if _, err := tokens.Verify(text); fault.ReasonOf(err) != fault.TokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Verify that a new key in front refuses nobody, and that a dropped one does.
	next := NewKey()
	rotated := NewAccessTokens(newRing(t, next, key), "branchline", "branchline", time.Minute, clock)
	if _, err := rotated.Verify(good); err != nil {
		t.Errorf("after the rotation of keys: %v", err)
	}
	if _, err := tokens.Verify(issue(rotated)); fault.ReasonOf(err) != fault.TokenInvalid {
		t.Errorf("a key that is not known yet: %v", err)
	}
}

func FuzzAccessToken(f *testing.F) {
	u, s := someone()
	tokens := NewAccessTokens(newRing(f), "branchline", "branchline", time.Minute, func() time.Time { return noon })
	text, _, err := tokens.Issue(u, s, noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := tokens.Verify(text); err == nil && c.UserID != u.ID {
			t.Errorf("%q passes as %+v", text, c)
		}
	})
}

// FuzzAccessToken_ScanReadsWhatDecodeReads holds the scanner to encoding/json.
func FuzzAccessToken_ScanReadsWhatDecodeReads(f *testing.F) {
	tokens := NewAccessTokens(newRing(f), "branchline", "branchline", time.Hour, func() time.Time { return noon })
	u, s := someone()
	token, _, err := tokens.Issue(u, s, noon.Add(123*time.Millisecond))
	if err != nil {
		f.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(string(token), ".")[1])
	if err != nil {
		f.Fatal(err)
	}
	if _, ok := tokens.scan(payload); !ok {
		f.Errorf("the scanner does not know what Issue writes: %s", payload)
	}
	good := string(payload)
	for _, seed := range []string{
		good, strings.Replace(good, `"ver":3`, `"ver":3.5`, 1), strings.Replace(good, `"ver":3`, `"ver":03`, 1), strings.Replace(good, `"ver":3`, `"ver":`, 1),
		strings.Replace(good, "branchline", `branch\u006cine`, 1), strings.Replace(good, "ENGINEER", "KING", 1), good + " ", good[:len(good)-1], good + "}", `{}`, ``,
		strings.Replace(good, `"iat":`, `"iat":1.`, 1), strings.Replace(good, `"iat":`, `"iat":-`, 1), strings.Replace(good, `"typ":"access"`, `"typ":""`, 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := tokens.scan(text)
		if !ok {
			return
		}
		if want, err := tokens.decode(text); err != nil || got != want {
			t.Errorf("%q is %+v; encoding/json says %+v, %v", text, got, want, err)
		}
	})
}

func BenchmarkAccessToken_Verify(b *testing.B) {
	u, s := someone()
	tokens := NewAccessTokens(newRing(b), "branchline", "branchline", time.Minute, func() time.Time { return noon })
	text, _, err := tokens.Issue(u, s, noon)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Verify(string(text)); err != nil {
			b.Fatal(err)
		}
	}
}
