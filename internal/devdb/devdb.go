// Package devdb finds PostgreSQL's programs and runs a private cluster: one
// data directory and one server that nobody else can reach. `branchline dev`,
// the tests and the benchmarks use it; production brings its own database.
//
// The server is a child of the calling process and ends with it, also after
// kill -9. It listens on a Unix socket in a folder of mode 0700 and on no
// port, so that it never meets a PostgreSQL that is already there, and trusts
// whoever may enter that folder.
//
// PostgreSQL refuses to run as root. As root the server runs as the user
// postgres, or as nobody, and its folder lives where that user can reach it:
// see Locate.
package devdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser owns every cluster and is the only role in it.
const superuser = "branchline"

const (
	poll       = 5 * time.Millisecond // between looks at postmaster.pid; a warm start takes about 30 ms
	fastStop   = 10 * time.Second     // for a fast shutdown, which writes a checkpoint
	urgentStop = 5 * time.Second      // for an immediate one, which writes nothing
)

// ErrInUse says that another process runs the cluster of that folder.
var ErrInUse = errors.New("another process runs this PostgreSQL cluster")

// Options says which cluster to run, and how.
type Options struct {
	// Dir is the folder of the cluster. It is made when it is missing. Locate
	// says where it really lives.
	Dir string
	// Binaries are PostgreSQL's programs. The zero value means: those that
	// Find returns, of the major version that made the data.
	Binaries Binaries
	// Durable makes commits survive a loss of power. Without it fsync is off:
	// right for tests, and for benchmarks that do not measure commits. When
	// PostgreSQL alone crashes, no commit is lost either way.
	Durable bool
	// Adopt uses the server of another process that runs the same cluster.
	// Without it Start returns ErrInUse.
	Adopt bool
	// Settings are further settings of the server, such as max_connections.
	Settings map[string]string
	// Out hears what a person should know, in full sentences. It may be nil.
	Out io.Writer
}

// Cluster is a running PostgreSQL server.
type Cluster struct {
	place place
	opts  Options // with the binaries that were found
	pid   int
	lock  *os.File      // held for as long as the server is ours; nil when adopted
	ended chan struct{} // closed when the server has ended; nil when adopted
}

// Start runs the cluster of a folder and returns when it accepts connections.
// An empty folder gets a new cluster, which takes about a second; one that is
// there starts in a tenth of that. Stop ends it. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	say := func(format string, args ...any) {
		if opts.Out != nil {
			fmt.Fprintf(opts.Out, format+"\n", args...)
		}
	}
	at, err := settle(opts.Dir)
	if err != nil {
		return nil, err
	}
	if at.moved() {
		say("PostgreSQL does not run as root, and its user cannot reach %s: the database lives in %s.", at.wanted, at.dir)
	}
	if err := os.MkdirAll(at.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}

	lock, err := at.tryLock()
	if errors.Is(err, ErrInUse) && opts.Adopt {
		var adopted *Cluster
		if adopted, lock, err = at.adopt(ctx); adopted != nil {
			say("Another process (%d) already runs the database in %s. This one uses it too; it ends when that process ends.", adopted.pid, at.dir)
			return adopted, nil
		}
	}
	if err != nil {
		return nil, err
	}

	c := &Cluster{place: at, opts: opts, lock: lock}
	if err := c.start(ctx, say); err != nil {
		lock.Close()
		return nil, err
	}
	return c, nil
}

// start brings up the server. The caller holds the lock.
func (c *Cluster) start(ctx context.Context, say func(string, ...any)) error {
	at := c.place
	if err := at.endOrphan(ctx, say); err != nil {
		return err
	}
	if err := at.mkdir(at.sockets); err != nil {
		return err
	}
	major, err := at.major()
	if err != nil {
		return err
	}
	bin := c.opts.Binaries
	if bin.Dir == "" {
		if bin, err = Find(ctx, FindOptions{Major: major}); errors.Is(err, ErrNotFound) && major != 0 {
			if other, err := Find(ctx, FindOptions{}); err == nil {
				return at.wrongMajor(major, other.Major)
			}
		}
		if err != nil {
			return err
		}
	}
	if major != 0 && major != bin.Major {
		return at.wrongMajor(major, bin.Major)
	}
	c.opts.Binaries = bin

	if major == 0 {
		say("PostgreSQL %s: making a new cluster in %s.", bin.Version, at.dir)
		if err := at.initdb(ctx, bin, c.opts.Durable); err != nil {
			return err
		}
	}
	return c.Restart(ctx)
}

func (p place) wrongMajor(have, found int) error {
	return fmt.Errorf("the database in %s was made by PostgreSQL %d, and the one found here is %d: install PostgreSQL %d, or remove that folder to begin with an empty database",
		p.dir, have, found, have)
}

// initdb makes the cluster beside its place and moves it there, so that a
// start that is cut short leaves nothing half made.
func (p place) initdb(ctx context.Context, bin Binaries, durable bool) error {
	half := p.data() + ".new"
	if err := os.RemoveAll(half); err != nil {
		return fmt.Errorf("clear an unfinished cluster: %w", err)
	}
	if err := p.mkdir(half); err != nil {
		return err
	}
	args := []string{
		"-D", half, "-U", superuser, "-E", "UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=reject",
	}
	if !durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, bin.path("initdb"), args...)
	p.prepare(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a PostgreSQL cluster in %s: %w\n%s", p.dir, err, bytes.TrimSpace(out))
	}
	if err := os.Rename(half, p.data()); err != nil {
		return fmt.Errorf("make a PostgreSQL cluster: %w", err)
	}
	return nil
}

// Restart runs the server again after Halt or after it was killed. Nobody else
// can take the cluster in between. ctx bounds the start only.
func (c *Cluster) Restart(ctx context.Context) error {
	if c.Adopted() {
		return ErrInUse
	}
	tick := time.NewTicker(20 * poll)
	defer tick.Stop()
	for {
		err := c.spawn(ctx)
		if !errors.Is(err, errLingers) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// errLingers says that processes of a server that was killed are still there.
// They notice its death and end by themselves.
var errLingers = errors.New("processes of the last server are still ending")

func (c *Cluster) spawn(ctx context.Context) error {
	at, bin := c.place, c.opts.Binaries
	log, err := os.Create(at.log())
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer log.Close() // the server has its own copy
	cmd := exec.Command(bin.path("postgres"), c.arguments()...)
	cmd.Stdout, cmd.Stderr = log, log
	at.prepare(cmd)

	ended := make(chan struct{})
	if err := launch(cmd, c.deathSignal(), ended); err != nil {
		return fmt.Errorf("run PostgreSQL: %w", err)
	}
	c.pid, c.ended = cmd.Process.Pid, ended

	if err := c.awaitReady(ctx); err != nil {
		return errors.Join(err, c.Halt())
	}
	return nil
}

func (c *Cluster) arguments() []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": c.place.sockets,
		"unix_socket_permissions": "0700",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
	}
	if !c.opts.Durable {
		// synchronous_commit stays on: off would lose commits when PostgreSQL
		// alone is killed, and a write without fsync costs next to nothing.
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, c.opts.Settings)
	args := []string{"-D", c.place.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// deathSignal is what the server gets when this process dies: a fast shutdown
// where data matter, an immediate one where the next start may recover.
func (c *Cluster) deathSignal() syscall.Signal {
	if c.opts.Durable {
		return syscall.SIGINT
	}
	return syscall.SIGQUIT
}

func (c *Cluster) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if pm, err := c.place.postmaster(); err == nil && pm.pid == c.pid && pm.ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			said := tail(c.place.log(), 12)
			if strings.Contains(said, "shared memory block") {
				return fmt.Errorf("run PostgreSQL in %s: %w", c.place.dir, errLingers)
			}
			return fmt.Errorf("PostgreSQL ended while it started; %s says:\n%s", c.place.log(), said)
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL to start in %s: %w", c.place.dir, ctx.Err())
		}
	}
}

// URL returns the address of a database of the cluster, for pgx and psql. An
// empty name means the database "postgres", which is always there.
func (c *Cluster) URL(database string) string {
	if database == "" {
		database = "postgres"
	}
	query := url.Values{"host": {c.place.sockets}, "port": {"5432"}, "sslmode": {"disable"}}
	address := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: query.Encode()}
	return address.String()
}

// EnsureDatabase creates a database unless it is there and returns its URL.
func (c *Cluster) EnsureDatabase(ctx context.Context, name string) (string, error) {
	conn, err := pgx.Connect(ctx, c.URL(""))
	if err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close(ctx)
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return "", fmt.Errorf("create database %s: %w", name, err)
		}
	}
	return c.URL(name), nil
}

// Dir returns the folder in which the cluster really lives.
func (c *Cluster) Dir() string { return c.place.dir }

// Version returns the server's version, such as "15.18"; it is empty for an
// adopted cluster.
func (c *Cluster) Version() string { return c.opts.Binaries.Version }

// Adopted reports whether another process runs the server. Stop leaves it
// running then.
func (c *Cluster) Adopted() bool { return c.lock == nil }

// PID returns the process id of the server.
func (c *Cluster) PID() int { return c.pid }

// Done is closed when the server has ended, for whichever reason. It is nil
// for an adopted cluster.
func (c *Cluster) Done() <-chan struct{} { return c.ended }

// Signal sends a signal to the server and to each of its processes: SIGSTOP
// and SIGCONT pause and resume all of it, as a stalled disk would.
func (c *Cluster) Signal(sig syscall.Signal) error {
	if c.Adopted() {
		return ErrInUse
	}
	select {
	case <-c.ended:
		return os.ErrProcessDone
	default:
	}
	// The server's processes leave its group (each calls setsid), so every one is
	// signalled by its own id. The server comes first, so that it starts no new
	// ones; those that it started meanwhile are in the second list.
	pids := append([]int{c.pid}, children(c.pid)...)
	for i := 0; i < len(pids); i++ {
		if err := send(pids[i], sig); err != nil {
			return fmt.Errorf("signal PostgreSQL: %w", err)
		}
		if i == 0 {
			for _, late := range children(c.pid) {
				if !slices.Contains(pids, late) {
					pids = append(pids, late)
				}
			}
		}
	}
	return nil
}

// Stop ends the server as Halt does and lets go of the cluster. It may be
// called twice. An adopted cluster is left alone.
func (c *Cluster) Stop() error {
	if c.Adopted() {
		return nil
	}
	defer c.lock.Close()
	return c.Halt()
}

// Halt ends the server and keeps the cluster for Restart: connections are cut
// and a checkpoint is written. A paused server is woken for it, and one that
// does not end within 15 s is killed.
func (c *Cluster) Halt() error {
	if c.Adopted() {
		return ErrInUse
	}
	for _, step := range []struct {
		signal  syscall.Signal
		patient time.Duration
	}{
		{syscall.SIGINT, fastStop},
		{syscall.SIGQUIT, urgentStop},
		{syscall.SIGKILL, urgentStop},
	} {
		select {
		case <-c.ended:
			return nil
		default:
		}
		if err := send(c.pid, step.signal); err != nil {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
		_ = c.Signal(wake) // it may be paused; one that ended needs no waking
		timer := time.NewTimer(step.patient)
		select {
		case <-c.ended:
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	return fmt.Errorf("stop PostgreSQL: process %d does not end", c.pid)
}

// Remove deletes the cluster of a folder with everything in it. It returns
// ErrInUse while a process runs it. An empty file named lock stays: without it,
// a process that waits for the old one and a process that makes a new one
// would both have the cluster.
func Remove(ctx context.Context, dir string) error {
	at, err := settle(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(at.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := at.tryLock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := at.endOrphan(ctx, func(string, ...any) {}); err != nil {
		return err
	}
	for _, path := range []string{at.data(), at.data() + ".new", at.sockets, at.log()} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the database: %w", err)
		}
	}
	return nil
}

// major returns the major version that made the data, or 0 when there are
// none yet.
func (p place) major() (int, error) {
	path := filepath.Join(p.data(), "PG_VERSION")
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if entries, err := os.ReadDir(p.data()); err == nil && len(entries) > 0 {
			return 0, fmt.Errorf("%s holds something that is not a PostgreSQL cluster: choose another folder", p.data())
		}
		return 0, nil
	case errors.Is(err, fs.ErrPermission):
		return 0, fmt.Errorf("the database in %s belongs to another user: run as that user, or remove that folder to begin with an empty database", p.dir)
	case err != nil:
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the database in %s: %w", path, err)
	}
	return major, nil
}

// tail returns the last lines of a file, or why it cannot be read.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
