package store_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

func openEmpty(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), pgtest.EmptyURL(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// catalogue lists what the database consists of, in words.
func catalogue(t *testing.T, db *store.DB) []string {
	t.Helper()
	var lines []string
	err := db.NewRaw(`
		SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'bun_%'
		UNION ALL SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'bun_%'
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'bun_%'
		UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		ORDER BY 1`).Scan(t.Context(), &lines)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Who serves may be somebody with fewer rights than who migrates.
func TestMigrationStatus_NeedsNoRightToMakeTables(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	owner, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	want, err := owner.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	role := "reader_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	for _, sql := range []string{"CREATE ROLE " + role + " LOGIN", "GRANT SELECT ON bun_migrations TO " + role} {
		if _, err := owner.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	defer owner.ExecContext(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP ROLE "+role)
	as, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.User(role)
	reader, err := store.Open(t.Context(), as.String(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.ExecContext(t.Context(), "CREATE TABLE mine ()"); err == nil {
		t.Fatal("the role may make tables")
	}
	got, err := reader.MigrationStatus(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("MigrationStatus: %v\n%s", err, diff)
	}
}

func TestMigrate_UpDownUpGivesTheSameDatabase(t *testing.T) {
	t.Parallel()
	db := openEmpty(t)
	up, err := db.Migrate(t.Context())
	if err != nil || len(up) == 0 {
		t.Fatalf("Migrate: %v, %v", up, err)
	}
	first := catalogue(t, db)
	if len(first) < 100 {
		t.Fatalf("only %d things in the catalogue", len(first))
	}

	for i := len(up) - 1; i >= 0; i-- { // down undoes one at a time, the last one first
		undone, err := db.MigrateDown(t.Context())
		if err != nil || undone != up[i] {
			t.Fatalf("MigrateDown undid %q (%v), want %q", undone, err, up[i])
		}
	}
	if undone, err := db.MigrateDown(t.Context()); undone != "" || err != nil {
		t.Errorf("MigrateDown of an empty database: %q, %v", undone, err)
	}
	if left := catalogue(t, db); len(left) > 0 {
		t.Errorf("left after all was undone:\n%s", strings.Join(left, "\n"))
	}

	again, err := db.Migrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(up, again); diff != "" {
		t.Errorf("applied (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(first, catalogue(t, db)); diff != "" {
		t.Errorf("catalogue (-first +again):\n%s", diff)
	}
}

func TestMigrate_StatusSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	db := openEmpty(t)
	applied := func() (n, of int) {
		list, err := db.MigrationStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Applied {
				n++
			}
		}
		return n, len(list)
	}
	if n, of := applied(); n != 0 || of == 0 {
		t.Errorf("an empty database has %d of %d migrations", n, of)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, of := applied(); n != of {
		t.Errorf("a migrated database has %d of %d migrations", n, of)
	}
}

func TestMigrate_SeveralAtOnceApplyEachMigrationOnce(t *testing.T) {
	t.Parallel()
	address := pgtest.EmptyURL(t)
	const processes = 4
	var all sync.WaitGroup
	var mu sync.Mutex // guards applied
	applied := map[string]int{}
	for range processes {
		all.Go(func() {
			db, err := store.Open(context.WithoutCancel(t.Context()), address, store.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = db.Close() }()
			names, err := db.Migrate(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				applied[name]++
			}
		})
	}
	all.Wait()
	if len(applied) == 0 {
		t.Error("nothing was applied")
	}
	for name, times := range applied {
		if times != 1 {
			t.Errorf("%s was applied %d times", name, times)
		}
	}
}

func TestMigrate_RefusesADatabaseThatIsNewer(t *testing.T) {
	t.Parallel()
	db := openEmpty(t)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO bun_migrations (name, group_id) VALUES ('29991231235959', 99)"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "newer than this program") || !strings.Contains(err.Error(), "29991231235959") {
		t.Errorf("Migrate = %v", err)
	}
}

func TestOpen_SaysWhatIsWrongWithTheAddress(t *testing.T) {
	t.Parallel()
	good := pgtest.EmptyURL(t)
	tests := map[string]struct{ url, want string }{
		"not an address":     {"http://localhost", "DATABASE_URL is not a PostgreSQL address"},
		"nobody listens":     {"postgres://x@127.0.0.1:1/x?connect_timeout=5", "no PostgreSQL answers at 127.0.0.1 (port 1)"},
		"no such database":   {good + "_missing", "has no database named"},
		"password not shown": {"postgres://x:hunter2hunter2@127.0.0.1:notaport/x", "DATABASE_URL is not"},
	}
	if strings.Contains(good, "?") {
		base, query, _ := strings.Cut(good, "?")
		tests["no such database"] = struct{ url, want string }{base + "_missing?" + query, "has no database named"}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(t.Context(), tt.url, store.Options{})
			if err == nil {
				_ = db.Close()
				t.Fatal("it opened")
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Open = %v, want %q", err, tt.want)
			}
		})
	}
}
