package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
)

const twoAccounts = `
	INSERT INTO accounts (id, name, created_at) VALUES
	  ('00000000-0000-7000-8000-000000000001', 'Acme', '2026-01-01'), ('00000000-0000-7000-8000-000000000002', 'Rival', '2026-01-01');
	INSERT INTO users (account_id, id, email, name, role, password_hash, created_at) VALUES
	  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000000a', 'ann@acme.example', 'Ann', 'OWNER', 'x', '2026-01-01'),
	  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-00000000000b', 'bob@acme.example', 'Bob', 'OWNER', 'x', '2026-01-01'),
	  ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-00000000000e', 'eve@rival.example', 'Eve', 'OWNER', 'x', '2026-01-01');
	INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt)
	VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-00000000000a',
	  '2026-01-01', '2026-01-01', '2026-01-01', '1 h', '2026-01-01 01:00', '2026-01-02', 1, '2026-01-01', '\x00112233445566778899aabbccddeeff');
	INSERT INTO trees (account_id, id, title, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at)
	VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000d1', 'VPN', 'DRAFT', '00000000-0000-7000-8000-00000000000a',
	  '00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000a', '{}', 0, '2026-01-01', '2026-01-01');
	INSERT INTO tree_sessions (account_id, id, started_by, held_by, status, started_at, updated_at)
	VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-00000000000a',
	  '00000000-0000-7000-8000-00000000000a', 'IN_PROGRESS', '2026-01-01', '2026-01-01');
	INSERT INTO tree_session_steps (account_id, session_id, seq, kind, entered_at, at, by_user_id)
	VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000f1', 1, 'NOTE', '2026-01-01', '2026-01-01', '00000000-0000-7000-8000-00000000000a');
	INSERT INTO clients (account_id, id, name, created_at, updated_at) VALUES
	  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'Acme', '2026-01-01', '2026-01-01'),
	  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a2', 'Beta', '2026-01-01', '2026-01-01');
	INSERT INTO client_names (account_id, key, client_id, kind) VALUES
	  ('00000000-0000-7000-8000-000000000001', 'acme', '00000000-0000-7000-8000-0000000000a1', 'NAME');
	INSERT INTO audit_log (account_id, id, at, action) VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000e1', '2026-01-01', 'X');
`

func openSeeded(t *testing.T) *store.DB {
	t.Helper()
	db := pgtest.Open(t)
	if _, err := db.ExecContext(t.Context(), twoAccounts); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestSchema_RefusesWhatMustNeverBe asks the database itself, without the program.
func TestSchema_RefusesWhatMustNeverBe(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	const (
		session = "INSERT INTO login_sessions (account_id, id, user_id, signed_in_at, last_active_at, authenticated_at, idle_span, idle_at, absolute_at, generation, generation_at, salt) VALUES "
		acme    = "'00000000-0000-7000-8000-000000000001'"
		rival   = "'00000000-0000-7000-8000-000000000002'"
		ann     = "'00000000-0000-7000-8000-00000000000a'"
		offer   = "INSERT INTO tree_offers (account_id, id, tree_id, node_id, node_title, words_hash, title, answer, note, offered_by, offered_at, status, decided_by, decided_at, accepted_node_id) VALUES (" +
			acme + ", gen_random_uuid(), '00000000-0000-7000-8000-0000000000d1', 'n', '', sha256(''), 'T', '', '', " + ann + ", '2026-01-01', "
		salt = `'\x00112233445566778899aabbccddeeff'`
	)
	tests := map[string]struct{ sql, want string }{
		"a step's number twice in a session": {
			"INSERT INTO tree_session_steps (account_id, session_id, seq, kind, entered_at, at, by_user_id) VALUES (" + acme + ", '00000000-0000-7000-8000-0000000000f1', 1, 'NOTE', '2026-01-01', '2026-01-01', " + ann + ")",
			"tree_session_steps_pkey",
		},
		"a login session whose idle deadline is after the absolute one": {
			session + "(" + acme + ", gen_random_uuid(), " + ann + ", '2026-01-01', '2026-01-01', '2026-01-01', '1 h', '2026-01-03', '2026-01-02', 1, '2026-01-01', " + salt + ")",
			"login_sessions_deadlines",
		},
		"a login session of another account's user": {
			session + "(" + rival + ", gen_random_uuid(), " + ann + ", '2026-01-01', '2026-01-01', '2026-01-01', '1 h', '2026-01-01 01:00', '2026-01-02', 1, '2026-01-01', " + salt + ")",
			"login_sessions_account_id_user_id_fkey",
		},
		"a troubleshooting session on another account's tree": {
			"INSERT INTO tree_sessions (account_id, id, tree_id, tree_version, started_by, held_by, status, started_at, updated_at) VALUES (" + rival + ", gen_random_uuid(), '00000000-0000-7000-8000-0000000000d1', 1, '00000000-0000-7000-8000-00000000000e', '00000000-0000-7000-8000-00000000000e', 'IN_PROGRESS', '2026-01-01', '2026-01-01')",
			"tree_sessions_account_id_tree_id",
		},
		"a name that another client goes by": {
			"INSERT INTO client_names (account_id, key, client_id, kind) VALUES (" + acme + ", 'acme', '00000000-0000-7000-8000-0000000000a2', 'ALIAS')",
			"client_names_pkey",
		},
		"a name of another account's client": {
			"INSERT INTO client_names (account_id, key, client_id, kind) VALUES (" + rival + ", 'acme', '00000000-0000-7000-8000-0000000000a1', 'NAME')",
			"client_names_account_id_client_id_fkey",
		},
		"a client with a name without bounds": {"UPDATE clients SET name = repeat('x', 201)", "clients_bounds"},
		"a session for another account's client": {
			"INSERT INTO tree_sessions (account_id, id, client_id, started_by, held_by, status, started_at, updated_at) VALUES (" + rival + ", gen_random_uuid(), '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-00000000000e', '00000000-0000-7000-8000-00000000000e', 'IN_PROGRESS', '2026-01-01', '2026-01-01')",
			"tree_sessions_account_id_client_id",
		},
		"an end without a reason": {
			"UPDATE login_sessions SET ended_at = '2026-01-01', ended_xid = pg_current_xact_id()",
			"login_sessions_end",
		},
		"a changed line of the audit log": {"UPDATE audit_log SET action = 'Y'", "written once"},
		"a deleted line of a walk's log":  {"DELETE FROM tree_session_steps", "written once"},
		"an accepted offer that became no node": {
			offer + "'ACCEPTED', " + ann + ", '2026-01-02', NULL)", "tree_offers_check",
		},
		"a decision about an offer that nobody made": {
			offer + "'DISMISSED', NULL, '2026-01-02', NULL)", "tree_offers_check",
		},
		"evidence that is no line of a walk's log": {
			"INSERT INTO tree_offer_steps (account_id, session_id, seq, offer_id) VALUES (" + acme + ", '00000000-0000-7000-8000-0000000000f1', 9, gen_random_uuid())",
			"tree_offer_steps_account_id_session_id_seq_fkey",
		},
		"an open escalation of a session that ended": {
			"UPDATE tree_sessions SET status = 'ABANDONED', ended_at = '2026-01-02', escalated_at = '2026-01-01', escalation_urgency = 'LOW', escalation_seq = 1, last_seq = 1", "tree_sessions_escalation",
		},
		"an escalation that no entry made": {
			"UPDATE tree_sessions SET escalated_at = '2026-01-01', escalation_urgency = 'LOW'", "tree_sessions_escalation",
		},
		"more suggestions than five": {
			"UPDATE tree_sessions SET suggestions = '[1, 2, 3, 4, 5, 6]', suggestion_count = 6", "tree_sessions_suggestions",
		},
		"an escalation that ends twice": {
			"INSERT INTO tree_session_steps (account_id, session_id, seq, kind, target_seq, entered_at, at, by_user_id) SELECT " + acme + ", '00000000-0000-7000-8000-0000000000f1', n, (ARRAY['CLAIM', 'HINT'])[n - 1], 1, '2026-01-01', '2026-01-01', " + ann + " FROM generate_series(2, 3) AS n",
			"tree_session_steps_ends",
		},
		"a claim of nothing": {
			"INSERT INTO tree_session_steps (account_id, session_id, seq, kind, entered_at, at, by_user_id) VALUES (" + acme + ", '00000000-0000-7000-8000-0000000000f1', 2, 'CLAIM', '2026-01-01', '2026-01-01', " + ann + ")",
			"tree_session_steps_help",
		},
		"a published tree without a version": {
			"UPDATE trees SET status = 'PUBLISHED'", "trees_check",
		},
		"an account whose owners all left": {
			"UPDATE users SET role = 'VIEWER' WHERE account_id = " + acme, "left without an owner",
		},
		"a cap on login sessions that no setting allows": {
			fmt.Sprintf("UPDATE accounts SET session_cap = %d", login.MostSessions+1), "accounts_session_cap_check",
		},
		"an account whose last owner is disabled": {
			"UPDATE users SET disabled_at = '2026-01-02' WHERE account_id = " + rival, "left without an owner",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.ExecContext(t.Context(), tt.sql)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the database says %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSchema_TakesTheHighestCapOnLoginSessions(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	if _, err := db.ExecContext(t.Context(), "UPDATE accounts SET session_cap = ?", login.MostSessions); err != nil {
		t.Error(err)
	}
}

// TestSchema_KeysBeginWithTheAccount asks the catalogue, so that a new table cannot
// forget it.
func TestSchema_KeysBeginWithTheAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	// Keys of what is there before anybody is known, and of processes.
	exceptions := []string{"user_directory_pkey", "sign_in_limits_pkey", "nodes_pkey"}
	var keys []struct{ Name, Relation, First string }
	err := db.NewRaw(`
		SELECT c.conname AS name, c.conrelid::regclass::text AS relation, a.attname AS first
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.connamespace = 'public'::regnamespace AND c.contype = 'f' AND c.conrelid::regclass::text NOT LIKE 'bun_%'
		UNION ALL SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid, 1, true)
		FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid AND r.relnamespace = 'public'::regnamespace
		WHERE i.indisunique AND i.indrelid::regclass::text NOT LIKE 'bun_%'`).Scan(t.Context(), &keys)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) < 50 {
		t.Errorf("there are %d keys: the catalogue was not asked rightly", len(keys))
	}
	for _, key := range keys {
		if key.First != "account_id" && (key.Relation != "accounts" || key.First != "id") && !slices.Contains(exceptions, key.Name) {
			t.Errorf("the key %s of %s begins with %s, want account_id", key.Name, key.Relation, key.First)
		}
	}
}

func TestSchema_AnEndedLoginSessionNeverComesBack(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	if _, err := db.ExecContext(t.Context(), "UPDATE login_sessions SET ended_at = '2026-01-01 00:30', end_reason = 'LOGGED_OUT', ended_xid = pg_current_xact_id()"); err != nil {
		t.Fatal(err)
	}
	_, err := db.ExecContext(t.Context(), "UPDATE login_sessions SET ended_at = NULL, end_reason = NULL, ended_xid = NULL")
	if err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("the database says %v", err)
	}
}

func TestSchema_TwoOwnersWhoRemoveEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, user := range []string{"00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"} {
		both.Go(func() {
			_, errs[i] = db.ExecContext(t.Context(), "UPDATE users SET role = 'ADMIN' WHERE id = ?", user)
		})
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("both ended alike: %v, %v", errs[0], errs[1])
	}
	owners, err := db.NewSelect().Table("users").Where("account_id = '00000000-0000-7000-8000-000000000001'").Where("role = 'OWNER'").Count(t.Context())
	if err != nil || owners != 1 {
		t.Errorf("%d owners left (%v), want 1", owners, err)
	}
}
