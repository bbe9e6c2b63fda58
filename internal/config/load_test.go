package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/login"
)

// enough is the least that serve needs.
var enough = []string{"DATABASE_URL=postgres://ann:secret@db/branchline", "BRANCHLINE_KEYS=k1:secret"}

func load(t *testing.T, command Command, environ ...string) (Loaded, error) {
	t.Helper()
	return Load(command, Source{Environ: environ})
}

func TestLoad_DefaultsAreTheProductsOwn(t *testing.T) {
	t.Parallel()
	l, err := load(t, Serve, enough...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(login.DefaultBounds(), l.Login.Bounds()); diff != "" {
		t.Errorf("bounds (-product +settings):\n%s", diff)
	}
	if diff := cmp.Diff(login.DefaultTryLimits(), l.SignIn.TryLimits()); diff != "" {
		t.Errorf("limits of tries (-product +settings):\n%s", diff)
	}
	if got := l.Database.Feed().Reveal(); got != "postgres://ann:secret@db/branchline" {
		t.Errorf("feed = %q, want the database's address", got)
	}
	want := Server{
		Address: ":8000", MetricsAddress: "127.0.0.1:9464", PublicURL: "http://localhost:8000",
		Keys: NewSecret("k1:secret"), Drain: 20 * time.Second,
	}
	if diff := cmp.Diff(want, l.Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

func TestLoad_DevNeedsNothingAndShowsEverything(t *testing.T) {
	t.Parallel()
	l, err := load(t, Dev, "BRANCHLINE_ADDRESS=127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	if !l.Server.Explorer || !l.Server.InsecureCookies || l.Log.Format != Text {
		t.Errorf("explorer %v, insecure cookies %v, log %q; want the dev command's defaults", l.Server.Explorer, l.Server.InsecureCookies, l.Log.Format)
	}
	if l.Server.PublicURL != "http://localhost:9000" {
		t.Errorf("public address = %q, want the port that is listened on", l.Server.PublicURL)
	}
	// Verify that what is given wins over the dev command's default.
	l, err = load(t, Dev, "BRANCHLINE_EXPLORER=off")
	if err != nil || l.Server.Explorer {
		t.Errorf("explorer = %v, %v; want it off", l.Server.Explorer, err)
	}
}

func TestLoad_SaysWhatIsWrongAndWhatIsRight(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		want    string
	}{
		"nothing is set": {
			[]string{"DATABASE_URL=", "BRANCHLINE_KEYS="},
			"BRANCHLINE_KEYS is not set. Make one: echo k1:$(openssl rand -base64 32 | tr +/ -_).\n" +
				"DATABASE_URL is not set. Write it like postgres://branchline:password@localhost:5432/branchline.",
		},
		"several values at once, in the order of the documentation": {
			[]string{"BRANCHLINE_LOG_LEVEL=loud", "BRANCHLINE_ADDRESS=8000", "BRANCHLINE_DATABASE_CONNECTIONS=many"},
			"BRANCHLINE_ADDRESS is \"8000\". Write it as host:port, or :port for all addresses.\n" +
				"BRANCHLINE_DATABASE_CONNECTIONS is \"many\". Write a whole number.\n" +
				"BRANCHLINE_LOG_LEVEL is \"loud\". Choose debug, info, warn or error.",
		},
		"a span without a unit": {
			[]string{"BRANCHLINE_ACCESS_TOKEN_LIFETIME=300"},
			"BRANCHLINE_ACCESS_TOKEN_LIFETIME is not a span of time. Write it like 30s, 15m, 1h30m or 3d.",
		},
		"an idle span longer than the absolute one": {
			[]string{"BRANCHLINE_LOGIN_STRICT_IDLE=25h"},
			"BRANCHLINE_LOGIN_STRICT_IDLE is 25h, which is longer than BRANCHLINE_LOGIN_STRICT_ABSOLUTE, which is 1d. Make it shorter or that longer.",
		},
		"a preset shorter than an owner may choose": {
			[]string{"BRANCHLINE_LOGIN_STRICT_IDLE=10m"},
			"BRANCHLINE_LOGIN_IDLE_MIN is 15m, which is longer than BRANCHLINE_LOGIN_STRICT_IDLE, which is 10m. Make it shorter or that longer.",
		},
		"a choice above the ceiling": {
			[]string{"BRANCHLINE_LOGIN_ABSOLUTE_MAX=100d"},
			"BRANCHLINE_LOGIN_ABSOLUTE_MAX is 100d, which is longer than BRANCHLINE_LOGIN_ABSOLUTE_CEILING, which is 90d. Make it shorter or that longer.",
		},
		"a grace that a short idle span does not allow": {
			[]string{"BRANCHLINE_LOGIN_IDLE_MIN=1m"},
			"BRANCHLINE_REFRESH_GRACE is 30s, which is more than a tenth of BRANCHLINE_LOGIN_IDLE_MIN, which is 1m. Make it 6s or less.",
		},
		"a span that could not be read is compared with nothing": {
			[]string{"BRANCHLINE_LOGIN_IDLE_MIN=soon"},
			"BRANCHLINE_LOGIN_IDLE_MIN is not a span of time. Write it like 30s, 15m, 1h30m or 3d.",
		},
		"a cap on login sessions that the database does not take": {
			[]string{"BRANCHLINE_LOGIN_MAX_SESSIONS=1001"},
			"BRANCHLINE_LOGIN_MAX_SESSIONS is 1001. It has to be from 1 to 1000.",
		},
		"pings that come after the end": {
			[]string{"BRANCHLINE_SOCKET_PING=2m"},
			"BRANCHLINE_SOCKET_PING is 2m. It has to be from 1s to 45s.",
		},
		"an unknown preset": {
			[]string{"BRANCHLINE_LOGIN_PRESET=custom"},
			`BRANCHLINE_LOGIN_PRESET is "custom". Choose STRICT or STANDARD.`,
		},
		"registration for some": {
			[]string{"BRANCHLINE_REGISTRATION=invited", "BRANCHLINE_INVITE_TRIES=0"},
			"BRANCHLINE_INVITE_TRIES is 0. It has to be from 1 to 100000.\n" +
				`BRANCHLINE_REGISTRATION is "invited". Choose open or closed.`,
		},
		"a public address with a path": {
			[]string{"BRANCHLINE_PUBLIC_URL=https://example.com/app"},
			`BRANCHLINE_PUBLIC_URL has "https://example.com/app", which goes on after the host. Write only https://example.com.`,
		},
		"a public address without TLS": {
			[]string{"BRANCHLINE_PUBLIC_URL=http://help.example.com"},
			"BRANCHLINE_PUBLIC_URL is http://help.example.com, but browsers return the sign-in cookie over https only. Serve the site by https, or set BRANCHLINE_INSECURE_COOKIES=true.",
		},
		"insecure cookies on a secure site": {
			[]string{"BRANCHLINE_PUBLIC_URL=https://help.example.com", "BRANCHLINE_INSECURE_COOKIES=true"},
			"BRANCHLINE_INSECURE_COOKIES is true, but the site is https://help.example.com. Set it to false, so that the sign-in cookie stays on https.",
		},
		"any site may call": {
			[]string{"BRANCHLINE_ALLOWED_ORIGINS=*"},
			`BRANCHLINE_ALLOWED_ORIGINS has "*", which is not the address of a site. Write it like https://branchline.example.com.`,
		},
		"a proxy by name": {
			[]string{"BRANCHLINE_TRUSTED_PROXIES=10.0.0.0/8, lb.internal"},
			`BRANCHLINE_TRUSTED_PROXIES has "lb.internal", which is no address and no network. Write it like 10.0.0.0/8 or 192.0.2.7.`,
		},
		"metrics where the server listens": {
			[]string{"BRANCHLINE_METRICS_ADDRESS=:8000"},
			"BRANCHLINE_METRICS_ADDRESS is the same as BRANCHLINE_ADDRESS. Give it a port of its own, or turn it off.",
		},
		"a switch that is neither": {
			[]string{"BRANCHLINE_EXPLORER=maybe"},
			`BRANCHLINE_EXPLORER is "maybe". Write true or false.`,
		},
		"hints by something that is not NATS": {
			[]string{"EVENTS_URL=redis://ann:hunter2@events", "BRANCHLINE_EVENTS_SUBJECT=hints.>"},
			"EVENTS_URL is not the address of a NATS server. Write it like nats://user:password@host:4222, special characters of the password as %XX.\n" +
				`BRANCHLINE_EVENTS_SUBJECT is "hints.>". Write words parted by dots, such as branchline.hints, without spaces, * and >.`,
		},
		"a secret is not repeated": {
			[]string{"DATABASE_URL=mysql://ann:hunter2@db/x"},
			"DATABASE_URL is not the address of a PostgreSQL database. Write it like postgres://user:password@host:5432/database, special characters of the password as %XX.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var environ []string
			environ = append(environ, enough...)
			if strings.HasSuffix(tt.environ[0], "=") {
				environ = nil
			}
			_, err := load(t, Serve, append(environ, tt.environ...)...)
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Fatalf("error = %v, want Problems", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_ChecksTheKeyRing(t *testing.T) {
	t.Parallel()
	_, err := Load(Serve, Source{Environ: enough, CheckKeys: func(ring string) error {
		if ring != "k1:secret" {
			t.Errorf("the check got %q", ring)
		}
		return errors.New("a key has 6 bytes, and 32 are needed")
	}})
	if want := "BRANCHLINE_KEYS cannot be used: a key has 6 bytes, and 32 are needed."; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestLoad_SecondsForATestDeployment(t *testing.T) {
	t.Parallel()
	l, err := load(t, Serve, append(enough,
		"BRANCHLINE_LOGIN_PRESET=strict", "BRANCHLINE_LOGIN_IDLE_MIN=3s", "BRANCHLINE_LOGIN_ABSOLUTE_MIN=5s",
		"BRANCHLINE_LOGIN_STRICT_IDLE=6s", "BRANCHLINE_LOGIN_STRICT_ABSOLUTE=20s",
		"BRANCHLINE_REFRESH_GRACE=300ms", "BRANCHLINE_ACCESS_TOKEN_LIFETIME=2s")...)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Login.Bounds(); got.Strict.Idle != 6*time.Second || got.Default != login.Strict {
		t.Errorf("strict idle %v, default %v", got.Strict.Idle, got.Default)
	}
}

func TestLoad_TheRealEnvironmentWinsOverTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), ".env")
	text := "DATABASE_URL='postgres://ann:pa$$word%231@db/branchline'\nBRANCHLINE_KEYS=k1:file\nBRANCHLINE_ADDRESS=:1\nBRANCHLINE_ADRESS=:2\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Load(Serve, Source{File: file, Environ: []string{"BRANCHLINE_ADDRESS=:3", "BRANCHLINE_KEYS="}})
	if err != nil {
		t.Fatal(err)
	}
	if l.Server.Address != ":3" || l.Server.Keys.Reveal() != "k1:file" || l.Database.URL.Reveal() != "postgres://ann:pa$$word%231@db/branchline" {
		t.Errorf("address %s, keys %s, database %s", l.Server.Address, l.Server.Keys.Reveal(), l.Database.URL.Reveal())
	}
	want := map[string]string{"DATABASE_URL": file, "BRANCHLINE_KEYS": file, "BRANCHLINE_ADDRESS": "environment"}
	if diff := cmp.Diff(want, l.From); diff != "" {
		t.Errorf("from (-want +got):\n%s", diff)
	}
	if want := []string{"BRANCHLINE_ADRESS (from: " + file + ") is no setting and is not read. Did you mean BRANCHLINE_ADDRESS?"}; !cmp.Equal(want, l.Warnings) {
		t.Errorf("warnings = %q", l.Warnings)
	}
}

func TestLoad_AFileThatCannotBeReadDoesNotShowItsSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("BRANCHLINE_KEYS=\"hunter2\nmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Serve, Source{File: file, Environ: enough})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), file) {
		t.Errorf("error = %v, want one that names the file and not its content", err)
	}
}

func TestLoad_UnknownNames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, want string }{
		"a slip":                        {"BRANCHLINE_REFRESH_GRASE", "BRANCHLINE_REFRESH_GRASE (from: environment) is no setting and is not read. Did you mean BRANCHLINE_REFRESH_GRACE?"},
		"nothing like it":               {"BRANCHLINE_XYZZY_PLUGH", "BRANCHLINE_XYZZY_PLUGH (from: environment) is no setting and is not read."},
		"put there by Kubernetes":       {"BRANCHLINE_PORT_8000_TCP_ADDR", ""},
		"of a Kubernetes service":       {"BRANCHLINE_SERVICE_HOST", ""},
		"another program's":             {"REFRESH_GRACE", ""},
		"the project's own, for a test": {"BRANCHLINE_HIDE_POSTGRES", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := load(t, Serve, append(enough, tt.name+"=1")...)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(l.Warnings, "\n"); got != tt.want {
				t.Errorf("warnings = %q, want %q", got, tt.want)
			}
		})
	}
}

// What Load accepts, the login package accepts.
func TestLoad_BoundsAreValid(t *testing.T) {
	t.Parallel()
	names := []string{"STRICT_IDLE", "STRICT_ABSOLUTE", "STANDARD_IDLE", "STANDARD_ABSOLUTE", "IDLE_MIN", "IDLE_MAX", "IDLE_CEILING", "ABSOLUTE_MIN", "ABSOLUTE_MAX", "ABSOLUTE_CEILING"}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		environ := append([]string{"BRANCHLINE_REFRESH_GRACE=0"}, enough...)
		for range rapid.IntRange(0, 4).Draw(t, "how many") { // few, so that some are accepted
			environ = append(environ, "BRANCHLINE_LOGIN_"+rapid.SampledFrom(names).Draw(t, "name")+"="+
				rapid.SampledFrom([]string{"0", "1s", "20m", "2h", "1d", "10d", "60d", "100d"}).Draw(t, "value"))
		}
		l, err := Load(Serve, Source{Environ: environ})
		if err != nil {
			return
		}
		accepted++
		if err := l.Login.Bounds().Validate(); err != nil {
			t.Errorf("login refuses what config accepts: %v", err)
		}
	})
	if accepted == 0 {
		t.Error("no combination was accepted: the property was not tried")
	}
}
