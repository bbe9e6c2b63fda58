// Package store keeps everything in PostgreSQL, through Bun.
//
// One file a table. A public method is one transaction or one statement;
// unexported helpers take a bun.IDB, so that they compose. Every statement's key
// begins with the account, so that a stranger's row is not found. Errors that
// people may see leave as faults; pgFault chooses them.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/fault"
)

// Statements and idle transactions of ours end after this long: the changes
// read has to wait for a transaction that began before it, so none may be
// forgotten.
const statementTimeout = 10 * time.Second

// poolConnectTimeout is how long a new connection of the pool may take, where the
// address says nothing else.
const poolConnectTimeout = 5 * time.Second

// DB is the database. Its pool serves Bun; the few hot paths ask the pool
// itself, with prepared statements.
type DB struct {
	*bun.DB
	pool *pgxpool.Pool
}

// Options are the settings of a DB.
type Options struct {
	MaxConns int32 // at most this many connections; 0 is pgx's default, the larger of 4 and the number of cores
	// Pooled says that a pooler in transaction mode stands between, which loses
	// prepared statements.
	Pooled bool
	Tracer pgx.QueryTracer // sees every statement; optional
}

// preparedStatements is how many statements a connection keeps prepared. pgx makes
// room for 512, and for as many that are only described: 100 KiB of pointers for each
// connection, which the collector looks at each time. Clients choose fields and
// filters, so there may be more; those asked for last are kept.
const preparedStatements = 100

// Open connects to the database at a postgres:// address or in keyword/value
// form. It returns an error in words for the operator when nobody answers there.
func Open(ctx context.Context, url string, options Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL address: write it like postgres://user:password@host:5432/database") // err would repeat the password
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if options.Pooled {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	}
	config.ConnConfig.StatementCacheCapacity, config.ConnConfig.DescriptionCacheCapacity = preparedStatements, 0
	config.ConnConfig.Tracer = options.Tracer
	setRuntimeParams(config.ConnConfig)
	if config.ConnConfig.ConnectTimeout == 0 { // else pgxpool waits two minutes for a machine that is gone, with each connection
		config.ConnConfig.ConnectTimeout = poolConnectTimeout
	}
	if options.MaxConns > 0 {
		config.MaxConns = options.MaxConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the connection pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unreachable(config.ConnConfig, err)
	}
	return &DB{DB: bun.NewDB(openForBun(pool), pgdialect.New()), pool: pool}, nil
}

// openForBun returns the pool as Bun uses it, which keeps no connection to itself.
func openForBun(pool *pgxpool.Pool) *sql.DB {
	db := sql.OpenDB(written{stdlib.GetPoolConnector(pool)})
	db.SetMaxIdleConns(0)
	return db
}

// written makes connections for Bun, which writes the arguments into the statement:
// a cache of prepared statements would only thrash (measured: 135 µs a query without
// it, 345 with it). What is executed without arguments pgx does not prepare in any case.
type written struct{ driver.Connector }

// Connect implements driver.Connector.
func (w written) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return writtenConn{conn.(*stdlib.Conn)}, nil
}

type writtenConn struct{ *stdlib.Conn }

// QueryContext implements driver.QueryerContext.
func (c writtenConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	unprepared := driver.NamedValue{Ordinal: 1, Value: pgx.QueryExecModeSimpleProtocol}
	return c.Conn.QueryContext(ctx, query, append([]driver.NamedValue{unprepared}, args...))
}

// Close closes all connections.
func (db *DB) Close() error {
	err := db.DB.Close()
	db.pool.Close()
	return err
}

// setRuntimeParams bounds what a connection may do to others, and has it compile
// no plans: our statements read few rows by index, but after many login sessions
// ended at once PostgreSQL took the read of changes for expensive and compiled 118
// functions each time it was asked (0.7 s to 0.97 s for no rows, measured).
func setRuntimeParams(config *pgx.ConnConfig) {
	ms := fmt.Sprint(statementTimeout.Milliseconds())
	config.RuntimeParams["statement_timeout"] = ms
	config.RuntimeParams["idle_in_transaction_session_timeout"] = ms
	config.RuntimeParams["jit"] = "off"
	config.RuntimeParams["application_name"] = "branchline"
	config.RuntimeParams["timezone"] = "UTC"
}

// unreachable words the ways in which a database does not answer.
func unreachable(config *pgx.ConnConfig, err error) error {
	where := fmt.Sprintf("%s (port %d)", config.Host, config.Port)
	var pg *pgconn.PgError
	var dns *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &pg) && pg.Code == "3D000":
		return fmt.Errorf("PostgreSQL at %s has no database named %q: create it, or correct DATABASE_URL", where, config.Database)
	case errors.As(err, &pg) && (pg.Code == "28P01" || pg.Code == "28000"):
		return fmt.Errorf("PostgreSQL at %s refuses the user %q: correct the user or the password in DATABASE_URL (%s)", where, config.User, pg.Message)
	case errors.As(err, &pg):
		return fmt.Errorf("PostgreSQL at %s refuses the connection: %s", where, pg.Message)
	case errors.As(err, &dns):
		return fmt.Errorf("no host is named %q: correct DATABASE_URL", config.Host)
	case strings.Contains(err.Error(), "refused TLS"):
		return fmt.Errorf("PostgreSQL at %s does not speak TLS: turn it on there, or change sslmode in DATABASE_URL", where)
	case errors.As(err, &dial): // without the addresses that were tried, line by line
		err = dial.Err
	}
	return fmt.Errorf("no PostgreSQL answers at %s: start it, or correct DATABASE_URL (%w)", where, err)
}

// inTx runs fn in a transaction and commits it when fn returns nil. conn is the
// transaction's connection.
func (db *DB) inTx(ctx context.Context, fn func(ctx context.Context, conn bun.Conn, tx bun.Tx) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return fn(ctx, conn, tx) })
}

// pgFault turns what PostgreSQL says into a fault where a person can mend it:
// no row is NotFound of the kind of thing named, a duplicate is a Conflict.
// Everything else comes back as it is, for the operator.
func pgFault(err error, kind string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return fault.Missing(kind)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch {
	case pg.Code == "23505": // unique_violation
		return fault.New(fault.Conflict, "There is such a %s already.", kind).Wrap(err)
	case pg.ConstraintName == "keep_an_owner":
		return fault.New(fault.Conflict, "An account needs an owner who can sign in. Make somebody else an owner first.").Wrap(err)
	}
	return err
}

// violates says whether err is the violation of the constraint or index named.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// HasAccounts says whether any account is registered in the installation.
func (db *DB) HasAccounts(ctx context.Context) (bool, error) {
	some, err := db.NewSelect().
		Table("accounts").
		Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for accounts: %w", err)
	}
	return some, nil
}
