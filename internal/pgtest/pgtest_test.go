//go:build unix

package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/branchline/branchline/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.StopAfter(m)) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server may have cut it
	return conn
}

func count(t *testing.T, conn *pgx.Conn, query string, args ...any) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const ownTables = `SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'`

func TestURL_IsMigratedAndNobodyElses(t *testing.T) {
	t.Parallel()
	mine, other := connect(t, pgtest.URL(t)), connect(t, pgtest.URL(t))
	if n := count(t, mine, ownTables+` AND table_name = 'accounts'`); n != 1 {
		t.Errorf("%d tables accounts", n)
	}
	if _, err := mine.Exec(t.Context(), "CREATE TABLE scratch ()"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, other, ownTables+` AND table_name = 'scratch'`); n != 0 {
		t.Error("another test's table is in sight")
	}
}

func TestURL_IsDroppedWithTheTest(t *testing.T) {
	t.Parallel()
	admin := connect(t, pgtest.EmptyURL(t))
	var name string
	t.Run("the test", func(t *testing.T) {
		conn := connect(t, pgtest.URL(t))
		name = conn.Config().Database
		if n := count(t, admin, `SELECT count(*) FROM pg_database WHERE datname = $1`, name); n != 1 {
			t.Fatalf("%d databases %s", n, name)
		}
	})
	if n := count(t, admin, `SELECT count(*) FROM pg_database WHERE datname = $1`, name); n != 0 {
		t.Errorf("%s is still there", name)
	}
}

func TestURL_NotifyStaysInItsDatabase(t *testing.T) {
	t.Parallel()
	listen := func(url string) *pgx.Conn {
		conn := connect(t, url)
		if _, err := conn.Exec(t.Context(), "LISTEN hints"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	a, b := listen(pgtest.URL(t)), listen(pgtest.URL(t))
	for payload, conn := range map[string]*pgx.Conn{"to a": a, "to b": b} {
		if _, err := conn.Exec(t.Context(), "SELECT pg_notify('hints', $1)", payload); err != nil {
			t.Fatal(err)
		}
	}
	for want, conn := range map[string]*pgx.Conn{"to a": a, "to b": b} {
		n, err := conn.WaitForNotification(t.Context())
		if err != nil || n.Payload != want {
			t.Errorf("heard %+v, %v; want %s", n, err, want)
		}
	}
}

func TestEmptyURL_HasNothing(t *testing.T) {
	t.Parallel()
	if n := count(t, connect(t, pgtest.EmptyURL(t)), ownTables); n != 0 {
		t.Errorf("%d tables", n)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	var n int
	if err := pgtest.Open(t).NewSelect().ColumnExpr("count(*)").TableExpr("accounts").Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("%d accounts in a new database", n)
	}
}

func TestServer_ForgetsNothingWhenItIsKilledOrStopped(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	if _, err := connect(t, server.URL()).Exec(t.Context(), "CREATE TABLE kept ()"); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"killed": server.Kill, "stopped": server.Stop} {
		end()
		if conn, err := pgx.Connect(t.Context(), server.URL()); err == nil {
			t.Errorf("a server that was %s takes connections", name)
			_ = conn.Close(t.Context())
		}
		server.Start()
		if n := count(t, connect(t, server.URL()), ownTables+` AND table_name = 'kept'`); n != 1 {
			t.Errorf("after it was %s, the table is gone", name)
		}
	}
}

func TestServer_FailsOverToACopyThatKnowsLess(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	state := func(change string) (tables int, xid uint64) {
		t.Helper()
		conn := connect(t, server.URL())
		if _, err := conn.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&xid); err != nil {
			t.Fatal(err)
		}
		return count(t, conn, ownTables+` AND table_name IN ('kept', 'lost')`), xid
	}
	state("CREATE TABLE kept ()")
	folder := server.Copy()
	if n, before := state("CREATE TABLE lost ()"); n != 2 {
		t.Errorf("%d tables before the failover, want 2", n)
	} else {
		server.FailOver(folder)
		if n, after := state(""); n != 1 || after >= before {
			t.Errorf("after the failover there are %d tables, and the next transaction is %d; want 1, and less than %d", n, after, before)
		}
	}
}

func TestServer_AnswersNobodyWhilePaused(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	db := server.Open()
	conn := connect(t, server.URL())

	server.Pause()
	// A stopped process cannot answer, so that this wait is never too short.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused server says %v", err)
	}
	server.Resume()
	if n := count(t, conn, "SELECT 1"); n != 1 {
		t.Errorf("got %d", n)
	}
	server.Pause() // the test's end copes with that
}

func TestServer_IsNotTheSharedOne(t *testing.T) {
	t.Parallel()
	shared := connect(t, pgtest.URL(t))
	pgtest.NewServer(t).Stop()
	if n := count(t, shared, "SELECT 1"); n != 1 {
		t.Errorf("got %d", n)
	}
}
