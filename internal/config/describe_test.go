package config

import (
	"io"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestGeneratedFiles_AreUpToDate(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(io.Writer) error{
		"../../.env.example":          WriteEnv,
		"../../docs/configuration.md": WriteMarkdown,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var want strings.Builder
			if err := write(&want); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(got)); diff != "" {
				t.Errorf("it is stale; run go generate ./cmd/branchline (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettings_AreDocumented(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^(DATABASE_URL|EVENTS_URL|BRANCHLINE_[A-Z]+(_[A-Z]+)*)$`)
	names, fields := map[string]bool{}, map[string]bool{}
	each(reflect.ValueOf(Settings{}), func(row Row, _ reflect.Value, field string) {
		_, field, _ = strings.Cut(field, ".")
		if !name.MatchString(row.Name) || names[row.Name] || fields[field] {
			t.Errorf("%s, field %s: a name or field is malformed or there twice", row.Name, field)
		}
		names[row.Name], fields[field] = true, true
		if !strings.HasSuffix(row.Doc, ".") || row.Section == "" {
			t.Errorf("%s: its documentation does not end with a full stop, or it has no section", row.Name)
		}
		if row.Secret && row.Default != "" {
			t.Errorf("%s: a secret has no default", row.Name)
		}
		if row.Default == "" && row.Example == "" && row.HowTo == "" {
			t.Errorf("%s: without a default it needs an example, or words on how to come by a value", row.Name)
		}
	})
}

// Every line of .env.example is a value that Load takes.
func TestEnvExample_CanBeUsedAsItIs(t *testing.T) {
	t.Parallel()
	var environ []string
	for _, row := range Describe() {
		value := row.Default
		if value == "" {
			value = row.Example
		}
		if row.Name == "BRANCHLINE_KEYS" {
			value = "k1:anything"
		}
		environ = append(environ, row.Name+"="+value)
	}
	l, err := Load(Serve, Source{Environ: environ})
	if err != nil || len(l.Warnings) > 0 {
		t.Errorf("%v %v", err, l.Warnings)
	}
}

func TestValues_ReadBackAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	given := append([]string{
		"BRANCHLINE_TRUSTED_PROXIES=10.1.2.3/8, ::1", "BRANCHLINE_ALLOWED_ORIGINS=https://a.example, https://B.example",
		"BRANCHLINE_DRAIN=90s", "BRANCHLINE_LOG_LEVEL=warn", "BRANCHLINE_METRICS_ADDRESS=off",
	}, enough...)
	first, err := load(t, Serve, given...)
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	for _, value := range first.Values() {
		if value.Secret {
			if strings.Contains(value.Text, "secret") {
				t.Errorf("%s shows its secret", value.Name)
			}
			continue
		}
		environ = append(environ, value.Name+"="+value.Text)
	}
	second, err := load(t, Serve, append(environ, enough...)...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Settings, second.Settings, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("settings (-first +second):\n%s", diff)
	}
}
