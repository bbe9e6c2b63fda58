package login

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func keyText(kid string, fill byte) string {
	return kid + ":" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func TestParseRing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		setting string
		problem string // part of the error; empty for none
	}{
		"one key":                     {keyText("a", 1), ""},
		"several keys with spaces":    {keyText("a", 1) + ", " + keyText("b", 2), ""},
		"a padded key":                {keyText("a", 1) + "=", ""},
		"nothing":                     {" ", "no key"},
		"a key without an id":         {strings.Repeat("A", 43), "has no id"},
		"an empty id":                 {keyText("", 1), "has no id"},
		"an id with a dot":            {keyText("a.b", 1), "has no id"},
		"a short key":                 {"a:" + strings.Repeat("A", 40), "has 30 bytes"},
		"a key that is not base64url": {"a:" + strings.Repeat("*", 43), "not base64url"},
		"an id twice":                 {keyText("a", 1) + "," + keyText("a", 2), "stands there twice"},
		"a key twice":                 {keyText("a", 1) + "," + keyText("b", 1), "the same as another"},
		"a comma at the end":          {keyText("a", 1) + ",", "has no id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, err := ParseRing(Secret(tt.setting))
			switch {
			case tt.problem == "" && (err != nil || ring.signing.id != "a"):
				t.Errorf("got %v, %v", ring, err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("the error is %v, want one with %q", err, tt.problem)
			case tt.problem != "" && strings.Contains(err.Error(), "AAAAA"):
				t.Errorf("the error tells of the key: %v", err)
			}
		})
	}
}

func TestNewKey_IsARing(t *testing.T) {
	t.Parallel()
	a, b := NewKey(), NewKey()
	if a == b {
		t.Error("two keys are the same")
	}
	ring, err := ParseRing(a + "," + b)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(ring.signing.access(), ring.signing.refresh()) {
		t.Error("the two kinds of token have the same sub-key")
	}
}

func TestSecrets_NeverPrint(t *testing.T) {
	t.Parallel()
	setting := Secret(keyText("a", 'x'))
	ring, err := ParseRing(setting)
	if err != nil {
		t.Fatal(err)
	}
	in := LoginInput{Email: "ann@acme.example", Password: "open sesame, please"}
	tokens := Tokens{Access: "open sesame, please", Refresh: "open sesame, please"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "password", in.Password, "in", in, "ring", ring, "tokens", tokens)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "password", in.Password, "in", in, "ring", ring, "tokens", tokens)
	for _, v := range []any{in, &in, tokens, ring, *ring, setting, in.Password, struct{ R *Ring }{ring}, struct{ r *Ring }{ring}, *ring.signing} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(text)
	}
	material := strings.Repeat("x", 32)
	for _, secret := range []string{
		"sesame", fmt.Sprintf("%x", "sesame"), string(setting)[2:], material, fmt.Sprintf("%x", material),
		string(ring.signing.access()), fmt.Sprintf("%x", ring.signing.access()), fmt.Sprint(ring.signing.access()), fmt.Sprint([]byte(material)),
	} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the output shows %q", secret)
		}
	}
}

func TestLimitKey_NeedsTheKeyRing(t *testing.T) {
	t.Parallel()
	one, two := NewKey(), NewKey()
	ring := func(setting Secret) *Ring {
		r, err := ParseRing(setting)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	key := ring(one).limitKey("name", "ann@acme.example", "192.0.2.1")
	if ring(one+","+two).limitKey("name", "ann@acme.example", "192.0.2.1") != key {
		t.Error("two processes with the same key in front count apart")
	}
	for name, other := range map[string]LimitKey{
		"another ring":  ring(two).limitKey("name", "ann@acme.example", "192.0.2.1"),
		"another kind":  ring(one).limitKey("names", "ann@acme.example", "192.0.2.1"),
		"another split": ring(one).limitKey("name", "ann@acme.example1", "92.0.2.1"),
	} {
		if other == key {
			t.Errorf("%s has the same key", name)
		}
	}
}
