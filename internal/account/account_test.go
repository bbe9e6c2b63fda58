package account_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

func TestRole_AtLeast(t *testing.T) {
	t.Parallel()
	roles := account.Roles() // the most powerful first
	for i, role := range roles {
		for j, other := range roles {
			if got, want := role.AtLeast(other), i <= j; got != want {
				t.Errorf("%s.AtLeast(%s) = %v", role, other, got)
			}
		}
		if account.Role("ROOT").AtLeast(role) {
			t.Errorf("a role that does not exist is at least %s", role)
		}
	}
}

func TestActor_Require(t *testing.T) {
	t.Parallel()
	var nobody account.Actor
	err := nobody.Require(account.Viewer)
	if !errors.Is(err, fault.Unauthenticated) || fault.ReasonOf(err) != fault.NotSignedIn {
		t.Errorf("nobody: %v", err)
	}
	engineer := account.Actor{AccountID: account.NewID(), UserID: account.NewUserID(), Role: account.Engineer}
	if err := engineer.Require(account.Admin); !errors.Is(err, fault.Forbidden) {
		t.Errorf("an engineer as an admin: %v", err)
	}
	if err := engineer.Require(account.Engineer); err != nil {
		t.Errorf("an engineer as an engineer: %v", err)
	}
}

func TestMayManage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		by, target account.Role
		allowed    bool
	}{
		"an owner makes owners":            {account.Owner, account.Owner, true},
		"an admin makes admins":            {account.Admin, account.Admin, true},
		"an admin does not make owners":    {account.Admin, account.Owner, false},
		"an engineer manages nobody":       {account.Engineer, account.Viewer, false},
		"nobody makes what does not exist": {account.Owner, "ROOT", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := account.MayManage(tt.by, tt.target); (err == nil) != tt.allowed {
				t.Errorf("MayManage(%s, %s) = %v", tt.by, tt.target, err)
			}
		})
	}
}

func TestCleanEmail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"as it is":                 {"ann@example.com", "ann@example.com"},
		"lower case, no spaces":    {"  Ann.Smith@Example.COM\n", "ann.smith@example.com"},
		"other alphabets":          {"Jörg@Büro.example", "jörg@büro.example"},
		"plus sign":                {"ann+branchline@example.com", "ann+branchline@example.com"},
		"no at":                    {"ann.example.com", ""},
		"nobody":                   {"@example.com", ""},
		"nowhere":                  {"ann@", ""},
		"two ats":                  {"ann@bob@example.com", ""},
		"a space inside":           {"ann smith@example.com", ""},
		"a header's end":           {"ann@example.com\r\nBcc: all@example.com", ""},
		"a name with the address":  {"Ann <ann@example.com>", ""},
		"NUL":                      {"ann\x00@example.com", ""},
		"too long":                 {strings.Repeat("a", 250) + "@example.com", ""},
		"text that is not UTF-8":   {"ann\xff@example.com", ""},
		"nothing":                  {"", ""},
		"two addresses in a field": {"ann@example.com,bob@example.com", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := account.CleanEmail("input.email", tt.in)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("CleanEmail(%q) = %q, %v", tt.in, got, err)
			}
			if f := fault.Of(err); err != nil && (f == nil || f.Field != "input.email" || f.Code != fault.BadUserInput) {
				t.Errorf("the error names no field: %v", err)
			}
		})
	}
}

func FuzzCleanEmail(f *testing.F) {
	f.Add("Ann@Example.com ")
	f.Add("a@b@c")
	f.Fuzz(func(t *testing.T, text string) {
		email, err := account.CleanEmail("f", text)
		if err != nil {
			return
		}
		again, err := account.CleanEmail("f", email)
		if err != nil || again != email {
			t.Errorf("CleanEmail(%q) = %q, and that again %q, %v", text, email, again, err)
		}
		if !utf8.ValidString(email) || strings.ContainsAny(email, "\x00\r\n ") {
			t.Errorf("CleanEmail(%q) let %q through", text, email)
		}
	})
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Ann  ": "Ann", "": "", "   ": "", "Ann\tSmith": "", "Ann\x00": "", "名前": "名前",
		strings.Repeat("é", account.MaxName): strings.Repeat("é", account.MaxName), strings.Repeat("é", account.MaxName+1): "",
	} {
		if got, err := account.CleanName("input.name", in); got != want || (err == nil) != (want != "") {
			t.Errorf("CleanName(%q) = %q, %v", in, got, err)
		}
	}
}
