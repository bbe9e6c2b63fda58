// Package pgtest gives tests a real PostgreSQL.
//
// URL and Open give a test a database of its own, with all migrations applied
// and nothing in it. It is a copy of a template, so that tests run in parallel,
// commit, and notify without seeing each other (NOTIFY stays in its database).
// A copy and its removal take about 10 ms of the server. A transaction that is
// rolled back would take less, but the code under test could then neither use
// two connections nor learn what a commit does.
//
// Each test process runs a cluster of its own, on the first use, in a slot:
// a folder below the temporary one that is kept from run to run, so that only
// the first run on a machine pays for making a cluster and migrating. The
// server ends with the process. There are as many slots as processes ran at
// once. Nothing in them is worth keeping: remove the folder at will.
//
// Where TEST_DATABASE_URL is set, databases are made on that server instead,
// as a role that may create some. Its form is postgres://user@host:port/database.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/devdb"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/migrations"
)

// Variable names the environment variable with the address of a server to use
// in place of one that pgtest starts.
const Variable = "TEST_DATABASE_URL"

// databasePrefix begins the name of every test's database. In a slot, those
// that a killed run left behind are dropped.
const databasePrefix = "branchline_test_"

// templateLock is the key of the advisory lock of those who make the template:
// the bytes of "pgtest".
const templateLock = 0x706774657374

// URL returns the address of a new database with all migrations applied. It is
// dropped when the test ends, with whoever is still connected to it.
func URL(t testing.TB) string {
	t.Helper()
	return shared(t).database(t, true)
}

// EmptyURL returns the address of a new database without anything in it.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return shared(t).database(t, false)
}

// Open returns a store on a new database with all migrations applied. Both end
// with the test.
func Open(t testing.TB) *store.DB {
	t.Helper()
	return open(t, URL(t), nil)
}

// OpenTraced is Open with a tracer that sees every statement.
func OpenTraced(t testing.TB, tracer pgx.QueryTracer) *store.DB {
	t.Helper()
	return open(t, URL(t), tracer)
}

func open(t testing.TB, address string, tracer pgx.QueryTracer) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{Tracer: tracer})
	if err != nil {
		t.Fatalf("open a test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close a test's database: %v", err)
		}
	})
	return db
}

// one is the server that the tests of this process share.
var one struct {
	sync.Mutex // guards what follows
	server     *server
	err        error // why there is none; every test says it
}

func shared(t testing.TB) *server {
	t.Helper()
	one.Lock()
	defer one.Unlock()
	if one.server == nil && one.err == nil {
		one.server, one.err = begin(t.Context())
	}
	if one.err != nil {
		t.Fatalf("start a PostgreSQL for the tests: %v", one.err)
	}
	return one.server
}

func begin(ctx context.Context) (*server, error) {
	if address := os.Getenv(Variable); address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return nil, fmt.Errorf("%s is not an address of the form postgres://user@host:port/database", Variable)
		}
		return &server{address: u}, nil
	}
	return startSlot(ctx)
}

// StopAfter returns tests that end the shared server when they are through.
// A TestMain that looks for leaked goroutines wants that:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.StopAfter(m)) }
//
// Without a TestMain the server ends with the process.
func StopAfter(m interface{ Run() int }) interface{ Run() int } { return stopAfter{m} }

type stopAfter struct{ tests interface{ Run() int } }

func (s stopAfter) Run() int {
	code := s.tests.Run()
	one.Lock()
	defer one.Unlock()
	if one.server != nil && one.server.cluster != nil {
		if err := one.server.cluster.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "stop the PostgreSQL of the tests: %v\n", err)
			return max(code, 1)
		}
	}
	one.server, one.err = nil, errors.New("the tests are through")
	return code
}

// server is where databases are made.
type server struct {
	address *url.URL       // of a database to connect to for making others
	cluster *devdb.Cluster // nil when it is somebody else's server

	mu       sync.Mutex // guards template
	template string     // the migrated database, once it is known to be there
}

// startSlot starts a cluster in the first free slot.
func startSlot(ctx context.Context) (*server, error) {
	temp, err := devdb.TempDir()
	if err != nil {
		return nil, err
	}
	binaries, err := devdb.Ensure(ctx, os.Stderr, devdb.FindOptions{}, devdb.InstallOptions{UserOnly: true})
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		dir := filepath.Join(temp, "test-"+strconv.Itoa(n))
		cluster, err := startIn(ctx, dir, binaries)
		if errors.Is(err, devdb.ErrInUse) {
			continue
		}
		if err != nil {
			return nil, err
		}
		address, err := url.Parse(cluster.URL(""))
		if err != nil {
			return nil, err
		}
		s := &server{address: address, cluster: cluster}
		if err := s.sweep(ctx); err != nil {
			return nil, errors.Join(err, cluster.Stop())
		}
		return s, nil
	}
}

// startIn starts the cluster of a slot, and makes a new one when the old one
// does not start: it may be another version's, or the machine lost power.
func startIn(ctx context.Context, dir string, binaries devdb.Binaries) (*devdb.Cluster, error) {
	opts := devdb.Options{
		Dir:      dir,
		Binaries: binaries,
		Settings: map[string]string{
			"max_connections": "200",  // tests in parallel, each with its own pool
			"shared_buffers":  "32MB", // the default of 128 is for one server a machine
			"autovacuum":      "off",  // no database lives long enough
			"wal_level":       "minimal",
			"max_wal_senders": "0", // minimal demands it
		},
	}
	cluster, err := devdb.Start(ctx, opts)
	if err == nil || errors.Is(err, devdb.ErrInUse) || ctx.Err() != nil {
		return cluster, err
	}
	if again := devdb.Remove(ctx, dir); again != nil {
		return nil, errors.Join(err, again)
	}
	return devdb.Start(ctx, opts)
}

// sweep drops what a killed run left in a slot, and the templates of other
// migrations.
func (s *server) sweep(ctx context.Context) error {
	return s.admin(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, 'branchline_') AND datname <> $1`, templateName())
		if err != nil {
			return fmt.Errorf("list the databases of old tests: %w", err)
		}
		old, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("list the databases of old tests: %w", err)
		}
		for _, name := range old {
			if err := drop(ctx, conn, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *server) url(database string) string {
	u := *s.address
	u.Path = "/" + database
	return u.String()
}

// admin connects to the server for one errand.
func (s *server) admin(ctx context.Context, errand func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.address.String())
	if err != nil {
		return fmt.Errorf("connect to the PostgreSQL of the tests: %w", err)
	}
	defer conn.Close(ctx)
	return errand(conn)
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the database of a test: %w", err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// database makes a test's database and drops it at the test's end.
func (s *server) database(t testing.TB, migrated bool) string {
	t.Helper()
	template := "template0"
	if migrated {
		var err error
		if template, err = s.migrated(t.Context()); err != nil {
			t.Fatalf("prepare the database of the tests: %v", err)
		}
	}
	name := databasePrefix + strings.ToLower(rand.Text())
	if err := s.copy(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context()) // the test's is cancelled by now
		err := s.admin(ctx, func(conn *pgx.Conn) error { return drop(ctx, conn, name) })
		if err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

func (s *server) copy(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(template)
	if s.cluster != nil {
		// Without fsync a checkpoint is cheap, and a copy of files takes a
		// quarter of the time of one through the log (10 ms against 40).
		statement += " STRATEGY file_copy"
	}
	return s.admin(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the database of a test: %w", err)
		}
		return nil
	})
}

// migrated returns the name of a database with all migrations applied, which
// it makes if it is not there.
func (s *server) migrated(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.template != "" {
		return s.template, nil
	}
	name := templateName()
	err := s.admin(ctx, func(conn *pgx.Conn) error {
		// Other processes may use the same server; the lock goes with the connection.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil {
			return fmt.Errorf("wait for the template's lock: %w", err)
		}
		var there bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
			return fmt.Errorf("look for the template: %w", err)
		}
		if there {
			return nil
		}
		return s.makeTemplate(ctx, conn, name)
	})
	if err != nil {
		return "", err
	}
	s.template = name
	return name, nil
}

// makeTemplate migrates under another name, so that what has the template's
// name is complete.
func (s *server) makeTemplate(ctx context.Context, conn *pgx.Conn, name string) error {
	draft := name + "_draft"
	if err := drop(ctx, conn, draft); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(draft)+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	if err := migrate(ctx, s.url(draft)); err != nil {
		return err
	}
	for _, statement := range []string{
		"ALTER DATABASE " + quote(draft) + " ALLOW_CONNECTIONS false", // a connection to a template blocks its copying
		"ALTER DATABASE " + quote(draft) + " RENAME TO " + quote(name),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the template: %w", err)
		}
	}
	return nil
}

func migrate(ctx context.Context, address string) error {
	db, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return err
	}
	_, err = db.Migrate(ctx)
	return errors.Join(err, db.Close())
}

// templateName changes with every byte of the migrations, so that a template
// is never older than they are.
var templateName = sync.OnceValue(func() string {
	sum := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.FS, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return "branchline_template_" + hex.EncodeToString(sum.Sum(nil)[:6])
})
