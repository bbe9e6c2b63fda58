package store_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/login"
)

// TestLoginSessions_EndManyWithoutStatistics has PostgreSQL plan for a handful of login
// sessions where there are many, as it does until autovacuum has looked at them. No
// step of a plan may read rows again and again to throw them away.
func TestLoginSessions_EndManyWithoutStatistics(t *testing.T) {
	t.Parallel()
	const many = 3000
	d := newDesk(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := d.db.ExecContext(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("ALTER TABLE login_sessions SET (autovacuum_enabled = false)")
	ann := d.found(t, "acme", "ann")
	seen := &seenQueries{}
	d.db.DB = d.db.WithQueryHook(seen)
	undone := errors.New("undone")
	if err := d.store.InTx(t.Context(), func(ctx context.Context, tx login.Tx) error {
		_, err := tx.EndLoginSessions(ctx, login.Ending{
			AccountID: ann.User.AccountID, User: ann.User.ID, By: ann.User.ID, Reason: login.RevokedByOwner, At: d.now(),
			Audit: account.AuditEntry{AccountID: ann.User.AccountID, ID: account.NewAuditID(), At: d.now(), Action: account.LoginSessionsRevoked},
		})
		return errors.Join(err, undone)
	}); err == nil || err.Error() != undone.Error() {
		t.Fatal(err)
	}
	if _, err := d.store.ExpireLoginSessions(t.Context(), nil, d.now().Add(5*time.Hour), many); err != nil {
		t.Fatal(err)
	}
	var ends []string
	for _, sql := range seen.list {
		if strings.Contains(sql, "UPDATE login_sessions") {
			ends = append(ends, sql)
		}
	}
	if len(ends) != 2 {
		t.Fatalf("%d statements end login sessions, want 2: %q", len(ends), ends)
	}

	for _, sql := range ends {
		exec(`INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
			SELECT ?, gen_random_uuid(), ?, ?::timestamptz, ?, ?, '1 h', ?::timestamptz + interval '1 h', ?::timestamptz + interval '8 h', 1, ?, '\x00112233445566778899aabbccddeeff'
			FROM generate_series(1, ?)`, ann.User.AccountID, ann.User.ID, d.now(), d.now(), d.now(), d.now(), d.now(), d.now(), many)
		var plan []string
		if err := d.db.NewRaw("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+strings.ReplaceAll(sql, "?", "??")).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		if live, err := d.db.NewSelect().Table("login_sessions").Where("ended_at IS NULL").Count(t.Context()); err != nil || live != 0 {
			t.Errorf("%d of %d do not end, %v:\n%s", live, many, err, text)
		}
		if n := thrownAway(t, plan); n > many {
			t.Errorf("%d rows are read for nothing to end %d:\n%s", n, many, text)
		}
	}
}

var (
	loopsOf   = regexp.MustCompile(`loops=([0-9]+)`)
	removedBy = regexp.MustCompile(`Rows Removed by [A-Za-z ]+: ([0-9]+)`)
)

// thrownAway returns how many rows the steps of an analysed plan read and left out.
func thrownAway(t *testing.T, plan []string) (rows int) {
	t.Helper()
	loops := 0
	number := func(of *regexp.Regexp, line string) (int, bool) {
		m := of.FindStringSubmatch(line)
		if m == nil {
			return 0, false
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return n, true
	}
	for _, line := range plan {
		if n, ok := number(loopsOf, line); ok {
			loops = n
		}
		if n, ok := number(removedBy, line); ok { // in one loop, on average
			rows += n * loops
		}
	}
	return rows
}
