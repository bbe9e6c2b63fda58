package devdb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// longestSocket is the longest path of a Unix socket that every system takes:
// 107 bytes on Linux, 103 on macOS.
const longestSocket = 103

// place is where a cluster lives and as whom its server runs.
type place struct {
	wanted  string // the folder that was asked for, absolute
	dir     string // the folder that it is
	sockets string // the folder of the Unix socket
	runAs   *owner // nil: as whoever calls
}

// owner is a user that PostgreSQL runs as in place of root.
type owner struct{ uid, gid uint32 }

func (p place) moved() bool  { return p.dir != p.wanted }
func (p place) data() string { return filepath.Join(p.dir, "data") }
func (p place) log() string  { return filepath.Join(p.dir, "postgres.log") }

// Locate returns the folder in which a cluster that is asked for in dir really
// lives. That is dir itself, except as root when PostgreSQL's user cannot
// enter it, such as below a home of mode 0700: then it is a folder below
// /var/lib/branchline that belongs to this dir alone.
func Locate(dir string) (string, error) {
	at, err := settle(dir)
	return at.dir, err
}

func settle(dir string) (place, error) {
	if !supported {
		return place{}, errors.New("branchline runs a PostgreSQL of its own on Linux and macOS only: set DATABASE_URL to the address of one")
	}
	if dir == "" {
		return place{}, errors.New("run PostgreSQL: no folder given")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("find the folder of the database: %w", err)
	}
	p := place{wanted: abs, dir: abs}
	if os.Geteuid() == 0 {
		if p.runAs, err = ownerOf(p.data()); err != nil {
			return place{}, err
		}
		if !p.runAs.reaches(abs) {
			state, err := stateDir()
			if err != nil {
				return place{}, err
			}
			p.dir = filepath.Join(state, filepath.Base(abs)+"-"+digest(abs))
			if p.runAs, err = ownerOf(p.data()); err != nil {
				return place{}, err
			}
		}
	}
	p.sockets = filepath.Join(p.dir, "run")
	// PostgreSQL reads a list of folders, separated by commas.
	if len(p.sockets)+len("/.s.PGSQL.5432") > longestSocket || strings.ContainsAny(p.sockets, `,"`) {
		p.sockets = filepath.Join("/tmp", "branchline-"+digest(p.dir))
	}
	return p, nil
}

// ownerOf returns as whom root runs PostgreSQL: as the owner of the data if
// there are any, else as the user postgres, else as nobody.
func ownerOf(data string) (*owner, error) {
	if about, err := os.Stat(data); err == nil {
		if o := ownerOfFile(about); o != nil && o.uid != 0 {
			return o, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &owner{uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and this system has neither a user postgres nor a user nobody: run as another user, or set DATABASE_URL")
}

// reaches reports whether the owner may enter a folder, or the part of its
// path that is there. It reads mode bits only.
func (o *owner) reaches(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != "/" {
		dir = filepath.Dir(dir)
		real, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return false
	}
	for {
		about, err := os.Stat(real)
		if err != nil {
			return false
		}
		has := ownerOfFile(about)
		if has == nil {
			return false
		}
		enter := about.Mode().Perm() & 0o001
		switch {
		case has.uid == o.uid:
			enter = about.Mode().Perm() & 0o100
		case has.gid == o.gid:
			enter = about.Mode().Perm() & 0o010
		}
		if enter == 0 {
			return false
		}
		if real == "/" {
			return true
		}
		real = filepath.Dir(real)
	}
}

// stateDir returns the folder for what is kept between runs but belongs to no
// project folder: below /var/lib for root, so that PostgreSQL's user can reach
// it, else below the user's cache, else in the temporary folder.
func stateDir() (string, error) {
	var wanted []string
	if os.Geteuid() == 0 {
		wanted = append(wanted, "/var/lib/branchline")
	} else if cache, err := os.UserCacheDir(); err == nil {
		wanted = append(wanted, filepath.Join(cache, "branchline"))
	}
	var errs []error
	for _, dir := range wanted {
		if err := makeOwn(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		return dir, nil
	}
	dir, err := TempDir()
	if err != nil {
		return "", errors.Join(append(errs, err)...)
	}
	return dir, nil
}

// TempDir makes and returns a folder of this user in the temporary folder, for
// clusters that nobody misses after the next boot.
func TempDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "branchline-"+strconv.Itoa(os.Geteuid()))
	if err := makeOwn(dir); err != nil {
		return "", fmt.Errorf("find a folder to keep PostgreSQL in: %w", err)
	}
	return dir, nil
}

// makeOwn makes a folder that others may enter and only this user may change.
// It refuses one that somebody else made: the name is known to everybody.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	about, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	has := ownerOfFile(about)
	if has == nil || !about.IsDir() || int(has.uid) != os.Geteuid() || about.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return nil
}

// mkdir makes a folder that only PostgreSQL's user may enter.
func (p place) mkdir(dir string) error {
	uid, gid := os.Geteuid(), os.Getegid()
	if p.runAs != nil {
		uid, gid = int(p.runAs.uid), int(p.runAs.gid)
	}
	if err := os.Mkdir(dir, 0o700); err == nil && p.runAs != nil {
		if err := os.Lchown(dir, uid, gid); err != nil {
			return fmt.Errorf("hand %s to PostgreSQL's user: %w", dir, err)
		}
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	about, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	has := ownerOfFile(about)
	if has == nil || !about.IsDir() || int(has.uid) != uid || about.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s must be a folder of mode 0700 that belongs to user id %d: remove it and start again", dir, uid)
	}
	return nil
}

// prepare makes a program of PostgreSQL run as its user, in a folder that it
// may enter, with none of the caller's settings for PostgreSQL's clients.
func (p place) prepare(cmd *exec.Cmd) {
	cmd.Dir = p.sockets
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "LC_") || strings.HasPrefix(v, "LANG")
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C") // messages in one language, and no thread at start on macOS
	cmd.SysProcAttr = attributes(p.runAs)
}

// tryLock takes the cluster for this process. It is held until the file is
// closed, and so at the latest until the process ends.
func (p place) tryLock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("the database in %s belongs to another user: run as that user, or remove that folder to begin with an empty database", p.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("take the database for this process: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		if errors.Is(err, ErrInUse) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, p.dir)
		}
		return nil, fmt.Errorf("take the database for this process: %w", err)
	}
	return f, nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
