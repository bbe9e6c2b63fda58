package login

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret is a text that nobody may see in a log: a password, a token, a key. Every
// way of printing it shows "[hidden]"; string(s) is the text.
type Secret string

const hidden = "[hidden]"

// String implements fmt.Stringer.
func (Secret) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return hidden }

// Format implements fmt.Formatter, for verbs such as %x that pass String by.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// shortestKey is the length of HMAC-SHA-256's output: RFC 2104, section 3, and RFC
// 7518, section 3.2, ask for no less.
const shortestKey = 32

// Ring holds the keys that tokens are made with. The first one signs, all of them
// verify, so that a new key can be put in front and an old one dropped when its
// tokens are gone, without anybody being logged out.
//
// Each key has three sub-keys, derived by HKDF (RFC 5869), so that what one use gives
// away is worth nothing for the others.
type Ring struct {
	signing *key
	byID    map[string]*key
}

type key struct {
	id      string
	access  material // of access tokens
	refresh material // of refresh tokens
	limits  material // of what tries are counted for
}

// material is a key behind a function, where no way of printing reaches it, not
// even one that walks through unexported fields.
type material func() []byte

// ParseRing reads a key ring from its setting: `kid:key[,kid:key…]`, where kid is
// 1 to 32 letters, digits, - and _, and key is at least 32 random bytes in
// base64url. The error is for the operator and repeats no key.
func ParseRing(setting Secret) (*Ring, error) {
	ring := &Ring{byID: map[string]*key{}}
	if strings.TrimSpace(string(setting)) == "" {
		return nil, errors.New("no key: give at least one as kid:key, the key being 32 random bytes or more in base64url")
	}
	material := map[string]bool{}
	for i, entry := range strings.Split(string(setting), ",") {
		kid, text, found := strings.Cut(strings.TrimSpace(entry), ":")
		if !found || !urlSafe(kid, 1, 32) {
			return nil, fmt.Errorf("key %d has no id: write it as kid:key, the kid being 1 to 32 letters, digits, - or _", i+1)
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
		switch {
		case err != nil:
			return nil, fmt.Errorf("key %q is not base64url", kid) // err would tell of the key
		case len(raw) < shortestKey:
			return nil, fmt.Errorf("key %q has %d bytes; it needs %d or more", kid, len(raw), shortestKey)
		case ring.byID[kid] != nil:
			return nil, fmt.Errorf("key %q stands there twice; every kid has to be another", kid)
		case material[string(raw)]:
			return nil, fmt.Errorf("key %q is the same as another one", kid)
		}
		material[string(raw)] = true
		k, err := derive(kid, raw)
		if err != nil {
			return nil, fmt.Errorf("derive sub-keys of key %q: %w", kid, err)
		}
		ring.byID[kid] = k
		if ring.signing == nil {
			ring.signing = k
		}
	}
	return ring, nil
}

// NewKey returns the setting of a ring with one new key.
func NewKey() Secret {
	raw := make([]byte, shortestKey)
	rand.Read(raw)
	return Secret("k" + strings.ToLower(rand.Text()[:6]) + ":" + base64.RawURLEncoding.EncodeToString(raw))
}

func derive(kid string, raw []byte) (*key, error) {
	k := &key{id: kid}
	for purpose, sub := range map[string]*material{
		"branchline access token v1": &k.access, "branchline refresh token v1": &k.refresh, "branchline limit v1": &k.limits,
	} {
		derived, err := hkdf.Key(sha256.New, raw, nil, purpose, shortestKey)
		if err != nil {
			return nil, err
		}
		*sub = func() []byte { return derived }
	}
	return k, nil
}

// String names the keys without telling them.
func (r Ring) String() string {
	return fmt.Sprintf("ring of %d keys, %q signs", len(r.byID), r.signing.id)
}

// GoString implements fmt.GoStringer.
func (r Ring) GoString() string { return r.String() }

// Format implements fmt.Formatter: no verb reaches the keys.
func (r Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements slog.LogValuer.
func (r Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON implements json.Marshaler.
func (Ring) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// urlSafe says whether s has from low to high characters, all of them letters,
// digits, - and _.
func urlSafe(s string, low, high int) bool {
	if len(s) < low || len(s) > high {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
