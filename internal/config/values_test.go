package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSecret_NeverPrints(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	secret := NewSecret(text)
	type holder struct{ inside Secret } // unexported: fmt does not ask methods here
	encoded, err := json.Marshal(map[string]any{"secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "secret", secret, "in", holder{secret})
	var shown strings.Builder
	shown.WriteString(string(encoded) + log.String() + fmt.Errorf("use %v", secret).Error())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		shown.WriteString(fmt.Sprintf(verb, secret) + fmt.Sprintf(verb, holder{secret}) + fmt.Sprintf(verb, &secret))
	}
	if strings.Contains(shown.String(), text) || strings.Contains(strings.ToLower(shown.String()), fmt.Sprintf("%x", text)) {
		t.Errorf("the secret shows: %s", shown.String())
	}
	if secret.Reveal() != text || !secret.Equal(NewSecret(text)) || secret.Equal(NewSecret("hunter3")) {
		t.Error("the secret lost its text, or compares wrongly")
	}
	if fmt.Sprint(Secret{}) != "" || !NewSecret("").IsZero() {
		t.Error("an empty secret looks like one")
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Duration{
		"0": 0, "0s": 0, "250ms": 250 * time.Millisecond, "90s": 90 * time.Second, "1h30m": 90 * time.Minute,
		"3d": 72 * time.Hour, "1d12h": 36 * time.Hour, "0d5m": 5 * time.Minute,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseDuration(text); err != nil || got != want {
				t.Errorf("= %v, %v; want %v", got, err, want)
			}
		})
	}
	for _, text := range []string{"", "5", "d", "-1h", "-3d", "3d-1h", "1.5d", "1h3d", "3 d", "3days", "200000d", "106751d24h", "9999999999h"} {
		t.Run("refuses "+text, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseDuration(text); err == nil {
				t.Errorf("= %v, want an error", got)
			}
		})
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"3d", "1d12h30m", "0", "1.5h", "106751d23h47m16.854775807s", "-1s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q is the negative span %v", text, d)
		}
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
			t.Errorf("%q is %v, written as %q and read as %v, %v", text, d, FormatDuration(d), again, err)
		}
	})
}

func TestOrigin_IsWrittenAsBrowsersWriteIt(t *testing.T) {
	t.Parallel()
	tests := map[string]Origin{
		"https://Help.Example.com/":    "https://help.example.com",
		"https://help.example.com:443": "https://help.example.com",
		"http://localhost:8000":        "http://localhost:8000",
		"http://[::1]:80":              "http://[::1]",
		"HTTPS://a.example:8443":       "https://a.example:8443",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got Origin
			if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
				t.Errorf("= %q, %v; want %q", got, err, want)
			}
		})
	}
	for _, text := range []string{"help.example.com", "ftp://a.example", "https://", "https://a:b@c.example", "https://a.example/?q", "https://a.example#x", "https://*.example.com", "https://a.example:0", "https://a.example:99999"} {
		t.Run("refuses "+text, func(t *testing.T) {
			t.Parallel()
			var got Origin
			if err := got.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("= %q, want an error", got)
			} else if strings.Contains(err.Error(), "a:b@") {
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
}
