//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// cheapHash costs microseconds, so that what a sign-in costs beside the hash can be
// seen. Nobody may use it elsewhere: the product's settings refuse it.
var cheapHash = login.Argon2{MemoryKiB: 8, Passes: 1, Parallelism: 1}

// The product's statements for a sign-in. The product sends those together that do not
// wait for each other's answers.
const (
	userColumns = `u.account_id, u.id, u.email, u.name, u.role, u.created_at, u.last_login_at, u.disabled_at, u.token_version, u.password_hash`

	readCredentials = `SELECT ` + userColumns + ` FROM users AS u JOIN user_directory AS d ON d.account_id = u.account_id AND d.user_id = u.id WHERE d.email = $1`
	lockUser        = `SELECT ` + userColumns + `, a.name, a.created_at FROM users AS u JOIN accounts AS a ON a.id = u.account_id
WHERE u.account_id = $1 AND u.id = $2 FOR NO KEY UPDATE OF u`
	readPolicy = `SELECT p.account_id, p.applies_to, p.preset, p.idle_span, p.absolute_span, p.updated_at, p.updated_by, a.session_cap, a.at_session_cap
FROM session_policies AS p JOIN accounts AS a ON a.id = p.account_id WHERE p.account_id = $1`
	addLogin = `INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at,
  generation, generation_at, salt, attempt_hash, user_agent, ip, ended_at, end_reason, ended_by)
VALUES ($1, $2, $3, $4, $4, $4, $5, $6, $7, 1, $4, $8, NULL, 'bench', '127.0.0.1', NULL, NULL, NULL)`
	saveUser = `UPDATE users SET last_login_at = $3 WHERE account_id = $1 AND id = $2`
	addAudit = `INSERT INTO audit_log (account_id, id, at, action, actor_id, subject_user_id, login_session_id, ip, details)
VALUES ($1, $2, $3, 'SIGNED_IN', $4, NULL, $5, '127.0.0.1', '{}')`
)

// signedUser is a user as a sign-in reads one.
type signedUser struct {
	account, id         [16]byte
	email, name, role   string
	created             time.Time
	lastLogin, disabled pgtype.Timestamptz
	tokenVersion        int
	password            string // PHC
}

func (u *signedUser) into() []any {
	return []any{&u.account, &u.id, &u.email, &u.name, &u.role, &u.created, &u.lastLogin, &u.disabled, &u.tokenVersion, &u.password}
}

// login signs a user in by the product's statements.
func (p *plain) login(ctx context.Context, body []byte) ([]byte, error) {
	a, err := variables(body)
	if err != nil {
		return nil, err
	}
	var u signedUser
	if err := p.db.QueryRow(ctx, readCredentials, a.Variables.Input.Email).Scan(u.into()...); err != nil {
		return nil, err
	}
	stored := u.password
	if match, _, err := p.passwords.Verify(ctx, a.Variables.Input.Password, stored); err != nil || !match {
		return nil, errors.Join(errors.New("the password is wrong"), err)
	}
	user := account.User{Role: account.Role(u.role), TokenVersion: u.tokenVersion}
	if err := errors.Join(user.AccountID.Scan(uuidFrom(u.account)), user.ID.Scan(uuidFrom(u.id))); err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := newSession(user, now)
	s.Generation = 1
	err = pgx.BeginFunc(ctx, p.db, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, lockUser, uuidOf(u.account), uuidOf(u.id)).Scan(append(u.into(), nil, nil)...); err != nil || u.password != stored {
			return errors.Join(errors.New("the password was changed"), err)
		}
		policy, err := tx.Query(ctx, readPolicy, uuidOf(u.account))
		if err != nil {
			return err
		}
		policy.Close() // there is none
		if err := policy.Err(); err != nil {
			return err
		}
		span := pgtype.Interval{Microseconds: s.Idle.Microseconds(), Valid: true}
		if _, err := tx.Exec(ctx, addLogin, uuidOf(u.account), uuidOf(s.ID.UUID()), uuidOf(u.id), now, span, s.Deadlines.Idle, s.Deadlines.Absolute, s.Salt); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, saveUser, uuidOf(u.account), uuidOf(u.id), now); err != nil {
			return err
		}
		var entry [16]byte
		_, _ = rand.Read(entry[:]) // never fails (crypto/rand)
		_, err = tx.Exec(ctx, addAudit, uuidOf(u.account), uuidOf(entry), now, uuidOf(u.id), uuidOf(s.ID.UUID()))
		return err
	})
	if err != nil {
		return nil, err
	}
	access, expires, err := p.tokens.Issue(user, s, now)
	if err != nil {
		return nil, err
	}
	out := appendText(append(make([]byte, 0, 1024), `{"data":{"login":{"accessToken":`...), string(access))
	out = appendTime(append(out, `,"accessTokenExpiresAt":`...), expires)
	out = appendText(append(out, `,"refreshToken":`...), string(p.ring.RefreshToken(s)))
	out = appendText(append(out, `,"user":{"id":`...), user.ID.String())
	out = appendText(append(out, `,"name":`...), u.name)
	out = appendText(append(out, `,"role":`...), u.role)
	out = appendText(append(out, `},"loginSession":{"id":`...), s.ID.String())
	out = appendTime(append(out, `,"idleExpiresAt":`...), s.Deadlines.Idle)
	out = appendTime(append(out, `,"absoluteExpiresAt":`...), s.Deadlines.Absolute)
	return append(out, `}}}}`...), nil
}
