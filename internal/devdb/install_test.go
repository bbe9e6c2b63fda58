//go:build unix

package devdb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	b, err := Find(t.Context(), FindOptions{})
	if errors.Is(err, ErrNotFound) {
		b, err = Ensure(t.Context(), t.Output(), FindOptions{}, InstallOptions{UserOnly: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	if b.Major < oldest || !strings.HasPrefix(b.Version, fmt.Sprint(b.Major)) {
		t.Errorf("found %+v", b)
	}
	same, err := Find(t.Context(), FindOptions{Major: b.Major})
	if err != nil || same.Major != b.Major {
		t.Errorf("asked for %d, found %+v, %v", b.Major, same, err)
	}
	if other, err := Find(t.Context(), FindOptions{Major: 99}); !errors.Is(err, ErrNotFound) {
		t.Errorf("asked for 99, found %+v, %v", other, err)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		says string // by postgres --version
		want string // the version; empty: refused
	}{
		"Debian's":         {"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"},
		"one from source":  {"postgres (PostgreSQL) 18.4", "18.4"},
		"a beta":           {"postgres (PostgreSQL) 19beta1", "19beta1"},
		"something else's": {"mysqld  Ver 8.0.36", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			program(t, filepath.Join(dir, "initdb"), "exit 1")
			program(t, filepath.Join(dir, "postgres"), "echo '"+tt.says+"'")
			b, err := inspect(t.Context(), dir)
			if b.Version != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %+v, %v", b, err)
			}
		})
	}

	t.Run("a client without a server", func(t *testing.T) {
		t.Parallel()
		if b, err := inspect(t.Context(), folder(t)); err == nil {
			t.Errorf("got %+v", b)
		}
	})
}

// TestAptInstall replaces apt-get by a script that writes down how it was
// called and what the setting said at that moment.
func TestAptInstall(t *testing.T) {
	tests := map[string]struct {
		script string
		calls  string
		fails  bool
	}{
		"with package lists": {
			script: "exit 0",
			calls:  "install",
		},
		"in a fresh container": {
			script: `[ "$1" = update ] && touch "$LISTS"; [ -e "$LISTS" ]`,
			calls:  "install update install",
		},
		"without a network": {
			script: "exit 1",
			calls:  "install update",
			fails:  true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			t.Setenv("LISTS", filepath.Join(dir, "lists"))
			t.Setenv("CALLS", filepath.Join(dir, "calls"))
			setting := filepath.Join(dir, "etc", "createcluster.d", "branchline.conf")
			program(t, filepath.Join(dir, "apt-get"), `echo "$1 $(cat '`+setting+`')" >> "$CALLS"`+"\n"+tt.script)

			var out bytes.Buffer
			err := aptInstall(t.Context(), filepath.Join(dir, "etc"), &out, func(format string, args ...any) {
				fmt.Fprintf(&out, format+"\n", args...)
			})
			if (err != nil) != tt.fails {
				t.Errorf("aptInstall returns %v", err)
			}
			calls, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			for call := range strings.FieldsSeq(tt.calls) {
				want.WriteString(call + " create_main_cluster = false\n")
			}
			if string(calls) != want.String() {
				t.Errorf("apt-get was called:\n%swant:\n%s", calls, want.String())
			}
			if _, err := os.Stat(setting); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the setting stays behind: %v", err)
			}
			if !strings.Contains(out.String(), "starts no server of its own") {
				t.Errorf("it said %q", &out)
			}
		})
	}
}

// TestNpmInstall goes the way of a machine without PostgreSQL: it needs npm
// and its registry.
func TestNpmInstall(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("This machine has no npm, so that nobody can install from it.")
	}
	dir := folder(t)
	final := filepath.Join(dir, "npm")
	for range 2 { // the second finds the first one's and leaves it alone
		if err := npmInstallInto(t.Context(), final, t.Output(), t.Logf); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".npm-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	b, err := inspect(t.Context(), npmBinaries(final))
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, Options{Dir: filepath.Join(dir, "db"), Binaries: b})
	if got := query(t, c.URL(""), "SHOW server_version"); got != b.Version {
		t.Errorf("the server is %s, the programs are %s", got, b.Version)
	}
	// The links matter to ICU's libraries, which a collation loads.
	if got := query(t, c.URL(""), `SELECT upper('é' COLLATE "und-x-icu")`); got != "É" {
		t.Errorf("upper case of é is %s", got)
	}
}

func TestFind_HiddenFromTheSystem(t *testing.T) {
	t.Setenv(HideVariable, "1")
	b, err := Find(t.Context(), FindOptions{})
	if err == nil && !strings.Contains(b.Dir, "@embedded-postgres") {
		t.Errorf("found the system's: %+v", b)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestLinkLibraries(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		links string
		fails bool
	}{
		"beside each other":       {links: `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]`},
		"a link out of the place": {links: `[{"source":"native/lib/libx.so.1.2","target":"../libx.so.1"}]`, fails: true},
		"not JSON":                {links: `libx`, fails: true},
		"no list at all":          {fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pkg := filepath.Join(folder(t), "pkg")
			write(t, filepath.Join(pkg, "native", "lib", "libx.so.1.2"), "library")
			if tt.links != "" {
				write(t, filepath.Join(pkg, "native", "pg-symlinks.json"), tt.links)
			}
			err := linkLibraries(pkg)
			if (err != nil) != tt.fails {
				t.Fatalf("linkLibraries returns %v", err)
			}
			if tt.fails {
				return
			}
			text, err := os.ReadFile(filepath.Join(pkg, "native", "lib", "libx.so.1"))
			if err != nil || string(text) != "library" {
				t.Errorf("the link leads to %q, %v", text, err)
			}
		})
	}
}

func program(t *testing.T, path, script string) {
	t.Helper()
	write(t, path, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
