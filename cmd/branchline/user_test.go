package main

import (
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

// A sole owner who forgot the password comes back in.
func TestResetPassword_ASoleOwnerComesBack(t *testing.T) {
	b := newBulk(t)
	ctx := t.Context()
	const before = "correct horse battery"
	elsewhere, err := b.logins.Login(ctx, login.LoginInput{Email: otherOwner, Password: before})
	if err != nil {
		t.Fatal(err)
	}
	printed := regexp.MustCompile("(?s)^" + regexp.QuoteMeta(otherOwner) + " signs in with this password from now on:\n\n  ([a-z2-7]{4}(?:-[a-z2-7]{4}){4})\n\n2 login sessions ended\\. Have the password changed after the first sign-in\\.\n$")
	stdout, stderr := succeed(t, "user", "reset-password", "--account", otherOwner, "--email", "OLGA@other.example")
	match := printed.FindStringSubmatch(stdout)
	if match == nil || stderr != "" {
		t.Fatalf("it prints %q, %q", stdout, stderr)
	}
	if err := login.CheckNewPassword("", login.Secret(match[1]), login.About{}); err != nil {
		t.Errorf("nobody could choose this password: %v", err)
	}
	kept, err := b.logins.Store.LoginSession(ctx, elsewhere.User.AccountID, elsewhere.Session.ID)
	if err != nil || kept.EndReason != login.PasswordChanged || !kept.EndedBy.IsZero() {
		t.Errorf("the other login session ended as %q by %v, %v", kept.EndReason, kept.EndedBy, err)
	}
	if _, err := b.logins.Login(ctx, login.LoginInput{Email: otherOwner, Password: before}); !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("the forgotten password: %v", err)
	}
	back, err := b.logins.Login(ctx, login.LoginInput{Email: otherOwner, Password: login.Secret(match[1])})
	if err != nil {
		t.Fatal(err)
	}
	if back.User.TokenVersion != elsewhere.User.TokenVersion+1 {
		t.Errorf("the token version is %d after %d", back.User.TokenVersion, elsewhere.User.TokenVersion)
	}
	lines, err := b.logins.Store.AuditLog(ctx, back.User.AccountID, login.AuditFilter{}, login.AuditMark{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, line := range lines {
		if line.Entry.Details["operator"] == "branchline user reset-password" && line.Entry.ActorID.IsZero() && line.Entry.SubjectID == back.User.ID &&
			slices.Contains([]account.AuditAction{account.PasswordChanged, account.LoginSessionsRevoked}, line.Entry.Action) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("the audit log tells of it in %d lines, want 2", told)
	}
	if _, err := b.logins.Login(ctx, login.LoginInput{Email: demoOwner, Password: demoPassword}); err != nil {
		t.Errorf("another account: %v", err)
	}
}

func TestResetPassword_Refusals(t *testing.T) {
	b := newBulk(t)
	if _, err := b.db.ExecContext(t.Context(), "UPDATE users SET disabled_at = created_at WHERE email = 'viewer@demo.example'"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "The person is missing. Name them by their e-mail address: branchline user reset-password --account owner@example.com --email ann@example.com.\n"},
		{[]string{"--email", otherOwner}, exitUsage, "The account is missing. Name it by its id or by an owner's e-mail address: branchline user reset-password --account owner@example.com.\n"},
		{[]string{"--account", demoOwner, "--email", otherOwner}, exitFailure, otherOwner + " does not belong to the account Demo IT. Choose one of its people.\n"},
		{[]string{"--account", demoOwner, "--email", "nobody@demo.example"}, exitFailure, "Nobody has the e-mail address nobody@demo.example. Correct it, or name the account by its id.\n"},
		{[]string{"--account", demoOwner, "--email", "viewer@demo.example"}, exitFailure, "viewer@demo.example is disabled, and could not sign in with any password. Have an owner enable them first.\n"},
	} {
		args := append([]string{"user", "reset-password"}, tt.args...)
		if code, stdout, stderr := program(t, args...); code != tt.code || stdout != "" || stderr != tt.want {
			t.Errorf("%v: exit %d, %q, %q; want exit %d, %q", args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}
