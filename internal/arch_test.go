// Package internal_test holds the rules of the house: who may import whom, and
// which words stay out of which places. Each rule carries its reason.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/branchline/branchline/"

// mayImport lists, for each package of the program, the packages of the program
// that its code outside tests may import. Arrows only point down.
var mayImport = map[string][]string{
	"internal/fault":   {},
	"internal/id":      {"internal/fault"},
	"internal/event":   {},
	"internal/account": {"internal/fault", "internal/id"},
	"internal/heap":    {},
	"internal/pdf":     {},
	"internal/tree":    {"internal/account", "internal/fault", "internal/event", "internal/id", "internal/pdf"},
	"internal/login":   {"internal/account", "internal/fault", "internal/event", "internal/id"},
	"internal/live":    {"internal/fault"},
	// A schema with resolvers, for the transport's tests.
	"internal/live/internal/testschema": {"internal/event", "internal/fault", "internal/live"},
	"internal/config":                   {"internal/login"},
	"internal/devdb":                    {},
	"migrations":                        {},
	"web":                               {},
	"internal/store": {
		"internal/account", "internal/fault", "internal/event", "internal/id", "internal/login", "internal/tree", "migrations",
	},
	"internal/natsfeed": {"internal/event"},
	"internal/pgtest":   {"internal/devdb", "internal/store", "migrations"},
	"graph/model":       {"internal/fault", "internal/login", "internal/tree"},
	"graph": {
		"graph/model", "internal/account", "internal/fault", "internal/event", "internal/id", "internal/live", "internal/login", "internal/tree",
	},
	"internal/server": {
		"graph", "internal/account", "internal/config", "internal/event", "internal/fault", "internal/id", "internal/live",
		"internal/login", "internal/store", "internal/tree", "web",
	},
}

// onlyIn lists modules that stay in one part of the program.
var onlyIn = []struct {
	module string
	in     []string // path prefixes
	reason string
}{
	{"github.com/uptrace/bun", []string{"internal/store"}, "the database's library stays behind the stores"},
	{"github.com/jackc/pgx", []string{"internal/store", "internal/pgtest", "internal/devdb", "cmd"}, "the database's driver stays behind the stores"},
	{"github.com/99designs/gqlgen", []string{"graph", "internal/live", "internal/server", "cmd/branchline-bench"}, "the domain does not know GraphQL"},
	{"github.com/vektah/gqlparser/v2/gqlerror", []string{"graph", "internal/live"}, "a gqlerror made elsewhere would pass the presenter unexamined"},
	{"github.com/gorilla/websocket", []string{"internal/live", "cmd/branchline-bench"}, "sockets belong to the live transport"},
	{"github.com/nats-io", []string{"internal/natsfeed"}, "NATS carries hints and nothing else"},
	{"github.com/golang-jwt/jwt", []string{"internal/login"}, "tokens belong to login"},
	{"codeberg.org/go-pdf/fpdf", []string{"internal/pdf"}, "it panics on letters that it does not know: package pdf keeps them from it"},
	{"github.com/spf13/cobra", []string{"cmd"}, "the command line belongs to cmd"},
}

type goPackage struct {
	ImportPath   string
	Dir          string
	Imports      []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var list []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImports_PointDown(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for _, rule := range onlyIn {
				inside := slices.ContainsFunc(rule.in, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
				if strings.HasPrefix(imported, rule.module) && !inside {
					t.Errorf("%s imports %s: %s", name, imported, rule.reason)
				}
			}
			target, ours := strings.CutPrefix(imported, module)
			if !ours || strings.HasPrefix(name, "cmd/") || isNested(name, target) {
				continue
			}
			allowed, known := mayImport[top(name)]
			if !known {
				t.Errorf("%s is in no rule: say in mayImport what it may import", name)
			} else if !slices.Contains(allowed, target) {
				t.Errorf("%s imports %s: that arrow does not point down", name, target)
			}
		}
	}
}

// top returns the package whose rule holds for name: its own, or its parent's
// where it is a package inside another.
func top(name string) string {
	if _, ok := mayImport[name]; ok {
		return name
	}
	for parent := filepath.Dir(name); parent != "."; parent = filepath.Dir(parent) {
		if _, ok := mayImport[parent]; ok {
			return parent
		}
	}
	return name
}

// isNested says whether the packages live inside the same package of mayImport.
func isNested(name, target string) bool {
	return top(name) == top(target)
}

// words lists what stays out of the code, and why.
var words = []struct {
	pattern *regexp.Regexp
	applies func(path string) bool
	reason  string
}{
	{
		regexp.MustCompile(`\btime\.Now\b`),
		func(path string) bool {
			return !isTest(path) && !within(path, "cmd/", "internal/server/", "internal/devdb/", "internal/pgtest/") &&
				!within(path, "internal/login/clock.go", "internal/live/wheel.go")
		},
		"time is passed in: only main programs, the server and the clock read it",
	},
	{
		regexp.MustCompile(`\btime\.Sleep\(`),
		func(path string) bool { return isTest(path) },
		"a test waits for a signal, or runs in a synctest bubble",
	},
	{
		regexp.MustCompile(`\bhttp\.(DefaultClient|Get|Post|Head)\b\(?`),
		func(path string) bool { return !isTest(path) },
		"the default client has no time limit",
	},
	{
		regexp.MustCompile(`\bfmt\.Print(ln|f)?\(`),
		func(path string) bool { return !isTest(path) && !within(path, "cmd/") },
		"a library writes to the writer or logger that it was given",
	},
	{
		regexp.MustCompile(`\bcontext\.(Background|TODO)\(\)`),
		func(path string) bool { return !isTest(path) && !within(path, "cmd/") },
		"work belongs to somebody who can end it; detach with context.WithoutCancel",
	},
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

func within(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

func TestWords_StayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			full := filepath.Join(p.Dir, name)
			path, err := filepath.Rel(root, full)
			if err != nil {
				t.Fatal(err)
			}
			if name == "generated.go" || path == "internal/arch_test.go" {
				continue
			}
			text, err := os.ReadFile(full)
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range words {
				if !rule.applies(filepath.ToSlash(path)) {
					continue
				}
				for i, line := range strings.Split(string(text), "\n") {
					code, _, _ := strings.Cut(line, "//")
					if rule.pattern.MatchString(code) {
						t.Errorf("%s:%d: %s: %s", path, i+1, strings.TrimSpace(code), rule.reason)
					}
				}
			}
		}
	}
}
