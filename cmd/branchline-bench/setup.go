//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/devdb"
	"github.com/branchline/branchline/internal/login"
)

// options are what the command line says.
type options struct {
	sockets, rounds, repeats int
	rest                     time.Duration
	trees                    sizes
	growthOnly               bool
	only                     string // one of parts; "" is all of them
	json                     bool
	settings                 settings
}

// settings are settings of PostgreSQL that differ from its defaults.
type settings map[string]string

// String implements flag.Value.
func (s settings) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, name+"="+s[name])
	}
	return strings.Join(parts, ", ")
}

// Set implements flag.Value.
func (s settings) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return errors.New("write it like jit=off")
	}
	s[name] = value
	return nil
}

// bench is one run.
type bench struct {
	options
	dir       string // temporary; goes with the run
	binary    string // the product, built for this run
	database  string // URL
	cluster   *devdb.Cluster
	db        *pgxpool.Pool
	keys      login.Secret
	tokens    *login.AccessTokens
	owner     login.Session // of the account's owner, who revokes
	users     []account.User
	sources   int      // addresses used up by crowds
	floor     string   // host:port
	connected int      // sockets so far
	sentOff   int      // of these, told to come back while they were opened
	first     []seated // who is signed in when everybody is revoked for the first time
	left      memory   // what the product held after the first crowd had gone
	script    script
	ours      *side     // the product's subscribers
	bare      *side     // the floor's
	alone     time.Time // since when both are without any
	report    *report
}

// say tells whoever waits what goes on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.1fs  "+format+"\n", append([]any{time.Since(b.report.Began).Seconds()}, args...)...)
}

// prepare builds the product and starts an empty, migrated, durable database.
func (b *bench) prepare(ctx context.Context) error {
	b.say("building the product")
	b.binary = filepath.Join(b.dir, "branchline")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.binary, "./cmd/branchline")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the product: %w\n%s", err, out)
	}
	b.say("starting PostgreSQL")
	// So that the moment of each commit is known to the microsecond.
	server := map[string]string{"track_commit_timestamp": "on"}
	maps.Copy(server, b.settings)
	var err error
	b.cluster, err = devdb.Start(ctx, devdb.Options{Dir: filepath.Join(b.dir, "postgres"), Durable: true, Settings: server})
	if err != nil {
		return err
	}
	if err := b.openDatabase(ctx, "branchline"); err != nil {
		return err
	}
	b.keys = login.NewKey()
	ring, err := login.ParseRing(b.keys)
	if err != nil {
		return err
	}
	settings := login.DefaultSettings()
	b.tokens = login.NewAccessTokens(ring, settings.Issuer, settings.Audience, settings.AccessLife, time.Now)
	return nil
}

// openDatabase makes an empty database, brings it up to date and connects to it.
func (b *bench) openDatabase(ctx context.Context, name string) error {
	var err error
	if b.database, err = b.cluster.EnsureDatabase(ctx, name); err != nil {
		return err
	}
	migrate := exec.CommandContext(ctx, b.binary, "migrate", "up")
	migrate.Dir, migrate.Env = b.dir, append(os.Environ(), "DATABASE_URL="+b.database)
	if out, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, out)
	}
	config, err := pgxpool.ParseConfig(b.database)
	if err != nil {
		return err
	}
	config.MaxConns = 24
	b.db, err = pgxpool.NewWithConfig(ctx, config)
	return err
}

func (b *bench) closeDatabase() {
	if b.db != nil {
		b.db.Close()
	}
}

// close ends what prepare began. devdb's cluster ends with this process in any
// case.
func (b *bench) close() {
	b.closeDatabase()
	if b.cluster != nil {
		if err := b.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_ = os.RemoveAll(b.cluster.Dir()) // as root it is not in b.dir
	}
}

// people registers an account by the API and adds users to it.
func (b *bench) people(ctx context.Context, p *product) error {
	var out struct {
		Register struct {
			User         struct{ ID account.UserID }
			Account      struct{ ID account.ID }
			LoginSession struct{ ID login.SessionID }
		}
	}
	err := p.ask(ctx, "", `mutation($in: RegisterInput!) { register(input: $in) { user { id } account { id } loginSession { id } } }`,
		map[string]any{"in": map[string]any{"accountName": "Bench", "name": "Owner", "email": "owner@bench.example", "password": rand.Text()}}, &out)
	if err != nil {
		return err
	}
	b.owner = newSession(account.User{AccountID: out.Register.Account.ID, ID: out.Register.User.ID}, time.Now())
	b.owner.ID = out.Register.LoginSession.ID

	b.users = make([]account.User, b.sockets)
	now := time.Now()
	_, err = b.db.CopyFrom(ctx, pgx.Identifier{"users"},
		[]string{"account_id", "id", "email", "name", "role", "password_hash", "created_at"},
		pgx.CopyFromSlice(len(b.users), func(i int) ([]any, error) {
			u := account.User{AccountID: b.owner.AccountID, ID: account.NewUserID(), Role: account.Engineer, TokenVersion: 1}
			b.users[i] = u
			return []any{uuidOf(u.AccountID.UUID()), uuidOf(u.ID.UUID()), fmt.Sprintf("engineer%d@bench.example", i), fmt.Sprintf("Engineer %d", i), string(u.Role), "nobody signs in with it", now}, nil
		}))
	if err != nil {
		return fmt.Errorf("add users: %w", err)
	}
	return nil
}

// seated is a login session with an access token of it.
type seated struct {
	login.Session
	token string
}

// signIn gives each of the first n users a new login session.
func (b *bench) signIn(ctx context.Context, n int) ([]seated, error) {
	now := time.Now()
	all := make([]seated, n)
	_, err := b.db.CopyFrom(ctx, pgx.Identifier{"login_sessions"},
		[]string{
			"account_id", "id", "user_id", "signed_in_at", "last_active_at", "authenticated_at",
			"idle_span", "idle_at", "absolute_at", "generation", "generation_at", "salt", "user_agent", "ip",
		},
		pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			s := newSession(b.users[i], now)
			all[i].Session = s
			return []any{
				uuidOf(s.AccountID.UUID()), uuidOf(s.ID.UUID()), uuidOf(s.UserID.UUID()), now, now, now,
				pgtype.Interval{Microseconds: s.Idle.Microseconds(), Valid: true},
				s.Deadlines.Idle, s.Deadlines.Absolute,
				int64(1), now, s.Salt, "bench", "127.0.0.1",
			}, nil
		}))
	if err != nil {
		return nil, fmt.Errorf("add login sessions: %w", err)
	}
	// As autovacuum does within a minute. Plans made without statistics are not
	// what is measured.
	if _, err := b.db.Exec(ctx, `ANALYZE users, login_sessions`); err != nil {
		return nil, err
	}
	return all, b.issue(all)
}

// issue gives each session a fresh access token.
func (b *bench) issue(all []seated) error {
	now := time.Now()
	for i := range all {
		token, _, err := b.tokens.Issue(b.users[i], all[i].Session, now)
		if err != nil {
			return err
		}
		all[i].token = string(token)
	}
	return nil
}

// ownerToken returns a fresh access token of the owner.
func (b *bench) ownerToken() (string, error) {
	token, _, err := b.tokens.Issue(account.User{
		AccountID: b.owner.AccountID, ID: b.owner.UserID, Role: account.Owner, TokenVersion: 1,
	}, b.owner, time.Now())
	return string(token), err
}

// newSession returns a login session of the standard policy.
func newSession(u account.User, now time.Time) login.Session {
	limits := login.DefaultBounds().Standard
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return login.Session{
		AccountID: u.AccountID, ID: login.NewSessionID(), UserID: u.ID, Idle: limits.Idle,
		Deadlines: login.Deadlines{Idle: now.Add(limits.Idle), Absolute: now.Add(limits.Absolute)},
		Salt:      salt,
	}
}

func uuidOf(u [16]byte) pgtype.UUID { return pgtype.UUID{Bytes: u, Valid: true} }
