package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientIP(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"without a proxy the peer counts":              {"203.0.113.9:4711", nil, "203.0.113.9"},
		"a stranger cannot choose an address":          {"203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		"a trusted proxy is believed":                  {"10.0.0.2:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		"what the client sent before the proxy is not": {"10.0.0.2:4711", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		"two proxies in a row":                         {"10.0.0.2:4711", []string{"1.2.3.4, 198.51.100.1, 10.0.0.3"}, "198.51.100.1"},
		"two headers are one list":                     {"10.0.0.2:4711", []string{"198.51.100.1", "10.0.0.3"}, "198.51.100.1"},
		"a proxy without the header is the client":     {"10.0.0.2:4711", nil, "10.0.0.2"},
		"what is no address ends the list":             {"10.0.0.2:4711", []string{"198.51.100.1, unknown, 10.0.0.3"}, "10.0.0.3"},
		"IPv6 in brackets":                             {"[fd00::2]:4711", []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		"IPv4 within IPv6":                             {"[::ffff:10.0.0.2]:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		"a unix socket has none":                       {"@", []string{"198.51.100.1"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
			if got := clientIP(r, proxies); got != tt.want {
				t.Errorf("clientIP = %q, want %q", got, tt.want)
			}
		})
	}
}
