package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"

	"github.com/branchline/branchline/migrations"
)

// migrationLock is the key of the advisory lock that lets one process migrate
// at a time: the bytes of "brnchlin".
const migrationLock = 0x62726e63686c696e

// MigrationStatus is one migration and whether the database has it.
type MigrationStatus struct {
	Name    string // number and comment, e.g. "20261123000001_accounts"
	Applied bool
}

// Migrate applies the migrations that the database lacks and returns their
// names. It is safe to call from several processes at once: one works, the
// others wait. A failed migration leaves nothing behind. Trees and subjects of
// sessions that search does not know are made known to it, which takes some
// milliseconds for each tree.
func (db *DB) Migrate(ctx context.Context) ([]string, error) {
	var done []string
	err := db.migrating(ctx, func(m *migrator) error {
		for i, one := range m.all {
			if one.IsApplied() {
				continue
			}
			// Bun undoes whole groups and makes one group of a call, so each
			// migration gets a call of its own.
			if _, err := m.bun(m.all[:i+1]).Migrate(ctx); err != nil {
				return fmt.Errorf("apply migration %w", err)
			}
			done = append(done, fullName(one))
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	trees := NewTrees(db)
	return done, errors.Join(trees.indexMissing(ctx), trees.indexSubjects(ctx))
}

// MigrateDown undoes the last migration and returns its name, or "" when there
// is none to undo.
func (db *DB) MigrateDown(ctx context.Context) (string, error) {
	var undone string
	err := db.migrating(ctx, func(m *migrator) error {
		applied := slices.DeleteFunc(slices.Clone(m.all), func(one migrate.Migration) bool { return !one.IsApplied() })
		if len(applied) == 0 {
			return nil
		}
		if _, err := m.bun(m.all).Rollback(ctx); err != nil {
			return fmt.Errorf("undo migration %w", err)
		}
		undone = fullName(applied[len(applied)-1])
		return nil
	})
	return undone, err
}

// MigrationStatus lists the migrations that this program knows, oldest first.
func (db *DB) MigrationStatus(ctx context.Context) ([]MigrationStatus, error) {
	var list []MigrationStatus
	err := db.migrating(ctx, func(m *migrator) error {
		for _, one := range m.all {
			list = append(list, MigrationStatus{Name: fullName(one), Applied: one.IsApplied()})
		}
		return nil
	})
	return list, err
}

// migrating calls fn with all known migrations and their state while it holds
// the migration lock. Bun's own lock is a row that outlives a crash; this one
// ends with its transaction, whatever ends that, and works behind a pooler.
func (db *DB) migrating(ctx context.Context, fn func(m *migrator) error) error {
	// Two connections of their own, one for the lock and one for the work, and
	// without the pool's time limits: a migration may be long.
	config := db.pool.Config()
	config.MaxConns, config.MinConns = 2, 0
	delete(config.ConnConfig.RuntimeParams, "statement_timeout")
	delete(config.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout")
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect for the migrations: %w", err)
	}
	defer pool.Close()
	lock, err := pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("connect for the migrations: %w", err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := lock.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for the migration lock: %w", err)
	}
	m := &migrator{db: bun.NewDB(openForBun(pool), pgdialect.New())}
	defer func() { _ = m.db.Close() }()
	if err := m.load(ctx); err != nil {
		return err
	}
	return fn(m)
}

// migrator holds what one holder of the migration lock works with.
type migrator struct {
	db  *bun.DB
	all migrate.MigrationSlice // every known migration with its state, oldest first
}

// load reads the known migrations and their state. It refuses a database that
// has migrations which this program does not know.
func (m *migrator) load(ctx context.Context) error {
	known := migrate.NewMigrations()
	if err := known.Discover(migrations.FS); err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	bunMigrator := m.bun(known.Sorted())
	// Only where it is missing: to serve an up-to-date database no right to make tables
	// is needed.
	var there bool
	err := m.db.NewSelect().ColumnExpr("to_regclass('bun_migrations') IS NOT NULL").Scan(ctx, &there)
	if err == nil && !there {
		err = bunMigrator.Init(ctx)
	}
	if err != nil {
		return fmt.Errorf("prepare the list of migrations: %w", err)
	}
	applied, err := bunMigrator.AppliedMigrations(ctx)
	if err != nil {
		return fmt.Errorf("read the list of migrations: %w", err)
	}
	for _, a := range applied {
		if !slices.ContainsFunc(known.Sorted(), func(k migrate.Migration) bool { return k.Name == a.Name }) {
			return fmt.Errorf("the database is newer than this program: it has the migration %s, which the program does not know; run a newer branchline", a.Name)
		}
	}
	m.all, err = bunMigrator.MigrationsWithStatus(ctx)
	if err != nil {
		return fmt.Errorf("read the list of migrations: %w", err)
	}
	return nil
}

// bun returns Bun's migrator for some of the migrations. It marks a migration
// as applied when it succeeded, not before.
func (m *migrator) bun(some []migrate.Migration) *migrate.Migrator {
	list := migrate.NewMigrations()
	for _, one := range some {
		list.Add(one)
	}
	return migrate.NewMigrator(m.db, list, migrate.WithMarkAppliedOnSuccess(true))
}

func fullName(m migrate.Migration) string { return m.Name + "_" + m.Comment }
