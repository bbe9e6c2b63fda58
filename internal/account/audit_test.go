package account_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
)

// TestAuditActions_AreAllListed reads the constants from the source.
func TestAuditActions_AreAllListed(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "AuditAction" {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared[text] = true
			}
		}
		return true
	})
	listed := map[string]bool{}
	for _, action := range account.AuditActions() {
		listed[string(action)] = true
	}
	if diff := cmp.Diff(declared, listed); diff != "" || len(listed) < 27 {
		t.Errorf("actions (-declared +listed):\n%s", diff)
	}
}

func TestAuditEntry_EveryActionHasWords(t *testing.T) {
	t.Parallel()
	for _, action := range account.AuditActions() {
		words := account.AuditEntry{Action: action}.Words("Ann", "Bob")
		if words == string(action) || !strings.HasSuffix(words, ".") || strings.Contains(words, "%!") || strings.Contains(words, "ACTOR") || strings.Contains(words, "SUBJECT") {
			t.Errorf("%s: %q", action, words)
		}
		if nobody := (account.AuditEntry{Action: action}).Words("", ""); strings.Contains(nobody, "Ann") || strings.Contains(nobody, "  ") {
			t.Errorf("%s without people: %q", action, nobody)
		}
	}
	if words := (account.AuditEntry{Action: "OF_A_NEWER_PROGRAM"}).Words("Ann", "Bob"); words != "OF_A_NEWER_PROGRAM" {
		t.Errorf("an action that is not known: %q", words)
	}
}

func TestAuditEntry_Words(t *testing.T) {
	t.Parallel()
	policy := func(preset string, idle, absolute float64, more ...any) map[string]any {
		m := map[string]any{"preset": preset, "idleMinutes": idle, "absoluteMinutes": absolute}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	tests := map[string]struct {
		action  account.AuditAction
		details map[string]any
		want    string
	}{
		"everybody": {account.LoginSessionsRevoked, map[string]any{"scope": "ALL", "count": 3.0}, "Ann signed everybody out: 3 login sessions."},
		"one user":  {account.LoginSessionsRevoked, map[string]any{"scope": "USER", "count": 1.0}, "Ann signed Bob out: 1 login session."},
		"one":       {account.LoginSessionsRevoked, map[string]any{"reason": "REVOKED_BY_OWNER", "count": 1.0}, "Ann ended a login session of Bob."},
		"idle":      {account.LoginSessionExpired, map[string]any{"reason": "EXPIRED_IDLE"}, "A login session of Bob ended: nobody used it for too long."},
		"absolute":  {account.LoginSessionExpired, map[string]any{"reason": "EXPIRED_ABSOLUTE"}, "A login session of Bob reached its longest age and ended."},
		"disabled":  {account.SignInFailed, map[string]any{"reason": "USER_DISABLED"}, "A sign-in as Bob failed: the user is disabled."},
		"policy": {account.SessionPolicyChanged, map[string]any{
			"old": policy("STANDARD", 4320, 20160), "new": policy("CUSTOM", 30, 480, "maxSessionsPerUser", 3.0, "admins", policy("STRICT", 15, 60)), "applyNow": true, "ended": 2.0, "shorter": 5.0,
		}, "Ann changed how long login sessions last, from STANDARD (4320 min idle, 20160 min in all) to CUSTOM (30 min idle, 480 min in all; owners and admins STRICT: 15 min, 60 min; at most 3 devices a user), at once: 2 ended, 5 became shorter."},
		"role":                                {account.UserRoleChanged, map[string]any{"old": "VIEWER", "new": "OWNER"}, "Ann changed the role of Bob from VIEWER to OWNER."},
		"operator's":                          {account.PasswordChanged, map[string]any{"operator": "branchline user reset-password"}, "The operator gave Bob a new password."},
		"operator's, everywhere":              {account.LoginSessionsRevoked, map[string]any{"scope": "NEW_PASSWORD", "operator": "branchline user reset-password", "count": 2.0}, "The operator signed Bob out after a new password: 2 login sessions."},
		"tree":                                {account.TreePublished, map[string]any{"title": "VPN", "version": 3.0}, "Ann published version 3 of “VPN”."},
		"exported":                            {account.AuditLogExported, nil, "Ann exported the audit log from its beginning to its end."},
		"exported, of some kinds":             {account.AuditLogExported, map[string]any{"from": "2026-11-01T00:00:00Z", "actions": "SIGNED_IN"}, "Ann exported a part of the audit log from 2026-11-01T00:00:00Z to its end."},
		"limited":                             {account.SignInLimited, map[string]any{"quietMinutes": 15.0}, "Sign-ins as Bob were tried too often and are refused for a while. More of it is not listed for 15 minutes."},
		"names in the words stay as they are": {account.TreeDeleted, map[string]any{"title": "SUBJECT %s"}, "Ann deleted “SUBJECT %s”."},
	}
	for name, tt := range tests {
		if got := (account.AuditEntry{Action: tt.action, Details: tt.details}).Words("Ann", "Bob"); got != tt.want {
			t.Errorf("%s:\n%s\n, want\n%s", name, got, tt.want)
		}
	}
}

func TestAuditEntry_Facts(t *testing.T) {
	t.Parallel()
	e := account.AuditEntry{Details: map[string]any{"old": map[string]any{"b": 1e6, "a": "x"}, "count": 2, "new": true}}
	want := []account.Fact{{"count", "2"}, {"new", "true"}, {"old.a", "x"}, {"old.b", "1000000"}}
	if diff := cmp.Diff(want, e.Facts()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}
