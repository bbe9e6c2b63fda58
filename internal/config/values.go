package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/login"
)

const day = 24 * time.Hour

// ParseDuration reads a span such as "90s", "1h30m" or "3d". A day is 24 hours
// and comes first, as in "1d12h". Spans are not negative.
func ParseDuration(text string) (time.Duration, error) {
	wrong := errors.New("is not a span of time. Write it like 30s, 15m, 1h30m or 3d")
	var days time.Duration
	rest := text
	if number, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || n > uint64(math.MaxInt64/day) {
			return 0, wrong
		}
		days, rest = time.Duration(n)*day, after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days+d < 0 || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, wrong
	}
	return days + d, nil
}

// FormatDuration writes a span as ParseDuration reads it, without units that are
// zero: "15m" rather than "15m0s".
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Origin is the scheme, host and port of a site, in lower case and without the
// scheme's own port, as browsers send it in the Origin header.
type Origin string

// UnmarshalText reads an address such as https://branchline.example.com. It
// refuses a path, a query and a user name: they are no part of an origin.
func (o *Origin) UnmarshalText(text []byte) error {
	raw := strings.TrimSpace(string(text))
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.Contains(u.Host, "*"):
		return fmt.Errorf("has %q, which is not the address of a site. Write it like https://branchline.example.com", raw)
	case u.User != nil:
		return errors.New("has a user name in it. Leave that out")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return fmt.Errorf("has %q, which goes on after the host. Write only %s://%s", raw, u.Scheme, u.Host)
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("has %q, whose port is not from 1 to 65535", raw)
		}
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host += ":" + port
	}
	*o = Origin(u.Scheme + "://" + host)
	return nil
}

// Secure says whether the site is reached by https.
func (o Origin) Secure() bool { return strings.HasPrefix(string(o), "https://") }

// LogFormat is how log lines are written.
type LogFormat string

// The formats of log lines.
const (
	JSON LogFormat = "json" // one JSON object a line, for machines
	Text LogFormat = "text" // key=value, for people
)

// UnmarshalText reads a format in any case.
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch *f = LogFormat(strings.ToLower(string(text))); *f {
	case JSON, Text:
		return nil
	}
	return fmt.Errorf("is %q. Choose %s or %s", text, JSON, Text)
}

// Registration says who may open an account.
type Registration string

// Who may open an account.
const (
	Open   Registration = "open"   // whoever reaches the site
	Closed Registration = "closed" // nobody
)

// UnmarshalText reads it in any case.
func (r *Registration) UnmarshalText(text []byte) error {
	switch *r = Registration(strings.ToLower(string(text))); *r {
	case Open, Closed:
		return nil
	}
	return fmt.Errorf("is %q. Choose %s or %s", text, Open, Closed)
}

func parsePreset(text string) (any, error) {
	switch p := login.Preset(strings.ToUpper(text)); p {
	case login.Strict, login.Standard:
		return p, nil
	}
	return nil, fmt.Errorf("is %q. Choose %s or %s", text, login.Strict, login.Standard)
}

func parseSwitch(text string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return nil, fmt.Errorf("is %q. Write true or false", text)
}

// parsePrefixes reads addresses and networks. A single address is the network
// that holds nothing else.
func parsePrefixes(text string) (any, error) {
	var list []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if prefix, err := netip.ParsePrefix(part); err == nil {
			list = append(list, prefix.Masked())
			continue
		}
		address, err := netip.ParseAddr(part)
		if err != nil || address.Zone() != "" {
			return nil, fmt.Errorf("has %q, which is no address and no network. Write it like 10.0.0.0/8 or 192.0.2.7", part)
		}
		list = append(list, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
	}
	return list, nil
}

func parseOrigins(text string) (any, error) {
	var list []Origin
	for part := range strings.SplitSeq(text, ",") {
		var origin Origin
		if err := origin.UnmarshalText([]byte(part)); err != nil {
			return nil, err
		}
		list = append(list, origin)
	}
	return list, nil
}

// port returns the port of an address to listen on, and whether it is one.
func port(address string) (string, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " /") {
		return "", false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", false
	}
	return port, true
}
