package store_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/branchline/branchline/internal/account"
)

// TestSecurityPage_MakesAnOwner runs what docs/security.md tells operators to run
// where the last owner has left.
func TestSecurityPage_MakesAnOwner(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	statements := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(statements) != 1 {
		t.Fatalf("the page has %d statements, want one", len(statements))
	}
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Viewer)
	sql := strings.ReplaceAll(statements[0][1], "colleague@example.com", bob.User.Email)
	if _, err := d.db.ExecContext(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	after, err := d.Refresh(t.Context(), refreshOf(bob, attempt, true))
	if err != nil || after.User.Role != account.Owner {
		t.Errorf("after it the colleague is %s, %v", after.User.Role, err)
	}
}
