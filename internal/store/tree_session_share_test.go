package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// TestScratchpad_OfManyWindowsOneSaves has windows that all saw the same text save
// at once. One does; the others learn what it wrote.
func TestScratchpad_OfManyWindowsOneSaves(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = b.service.UpdateScratchpad(ctx, me, session.ID, 0, fmt.Sprint("window ", i), 0)
		})
	}
	all.Wait()
	read, err := b.service.Session(ctx, me, session.ID, tree.SessionScratchpad)
	if err != nil || read.ScratchpadRevision != 1 {
		t.Fatalf("it stands at revision %d, %v", read.ScratchpadRevision, err)
	}
	for i, err := range errs {
		if fmt.Sprint("window ", i) == read.Scratchpad {
			if err != nil {
				t.Errorf("who saved is told %v", err)
			}
			continue
		}
		f := wantFault(t, err, fault.Conflict)
		if f.Extensions["scratchpad"] != read.Scratchpad || f.Extensions["scratchpadRevision"] != 1 {
			t.Errorf("window %d is told of %v", i, f.Extensions)
		}
	}
}

func TestScratchpad_IsKeptAsItWasTyped(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	write := func(revision int, text string) (*tree.Session, error) {
		return b.service.UpdateScratchpad(ctx, me, session.ID, revision, text, tree.SessionScratchpad)
	}
	var saved *tree.Session
	var err error
	sent := b.statements.during(func() { saved, err = write(0, " 10.0.0.1\r\n\tasked Ann \n") })
	if err != nil || saved.Scratchpad != " 10.0.0.1\n\tasked Ann \n" || saved.ScratchpadRevision != 1 {
		t.Fatalf("saved %+v, %v", saved, err)
	}
	if len(sent) != 5 { // to begin, lock, save, commit, and read
		t.Errorf("to save took %d statements:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	// An answer was lost: the client sends the same again.
	if saved, err = write(0, " 10.0.0.1\n\tasked Ann \n"); err != nil || saved.ScratchpadRevision != 1 {
		t.Errorf("a repeat: %+v, %v", saved, err)
	}
	if _, err = write(0, "other"); !errors.Is(err, fault.Conflict) {
		t.Errorf("a stale revision: %v", err)
	}
	for name, text := range map[string]string{"too long": strings.Repeat("ä", tree.MaxScratchpad+1), "NUL": "a\x00", "a terminal's colour": "\x1b[2J", "no UTF-8": "\xff"} {
		_, err := write(1, text)
		if f := wantFault(t, err, fault.BadUserInput); f.Field != "input.text" {
			t.Errorf("%s: %v", name, f)
		}
	}
	if saved, err = write(1, strings.Repeat("ä", tree.MaxScratchpad)); err != nil || saved.ScratchpadRevision != 2 {
		t.Errorf("the longest: %v", err)
	}
	if _, err := b.service.Complete(ctx, me, session.ID, tree.Guard{}, tree.Completion{Outcome: tree.Resolved, Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if saved, err = write(2, "after the end"); err != nil || saved.Scratchpad != "after the end" {
		t.Errorf("after the end: %+v, %v", saved, err)
	}
	// Changes of the record leave it alone, and say how it stands.
	done, err := b.service.Reopen(ctx, me, session.ID, tree.Guard{ExpectedStep: 1})
	if err != nil || done.Session.Scratchpad != "after the end" || done.Session.ScratchpadRevision != 3 {
		t.Errorf("reopened with %+v, %v", done.Session, err)
	}
	if _, err := b.service.HandOver(ctx, me, session.ID, tree.Guard{ExpectedStep: 2}, b.acme.Colleague.UserID, ""); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		actor account.Actor
		code  fault.Code
	}{
		"who gave it away": {me, fault.Forbidden}, "an admin": {b.acme.Admin, fault.Forbidden}, "a viewer": {b.acme.Viewer, fault.Forbidden},
		"a stranger": {b.rival.Owner, fault.NotFound},
	} {
		_, err := b.service.UpdateScratchpad(ctx, tt.actor, session.ID, 3, "mine", 0)
		wantFaultNamed(t, name, err, tt.code)
	}
	saved, err = b.service.UpdateScratchpad(ctx, b.acme.Colleague, session.ID, 3, "handed over", tree.SessionScratchpad)
	if err != nil || saved.ScratchpadRevision != 4 {
		t.Errorf("who took it over: %+v, %v", saved, err)
	}
}

// Who watches a session is told of each save, or of several at once; lists, which
// do not show it, are not read again.
func TestScratchpad_WatchersSeeIt(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	feeds := b.feeds(t, 2, false)
	news := newInbox[*tree.SessionNews]()
	cancel, err := feeds[1].WatchSession(ctx, b.acme.Admin, session.ID, news)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	news.next(t)
	keys := []tree.FeedKey{{Kind: tree.WatchedWalks, Account: b.acme.Account}}
	before, err := b.trees.FeedRevisions(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := b.service.UpdateScratchpad(ctx, me, session.ID, i, strings.Repeat("x", i+1), 0); err != nil {
			t.Fatal(err)
		}
	}
	told := news.until(t, "the scratchpad was written", func(n *tree.SessionNews) bool { return n.Session.Scratchpad == "xxx" })
	if told.First || told.Session.ScratchpadRevision != 3 || len(told.NewSteps()) != 0 {
		t.Errorf("told %+v of %+v", told, told.Session)
	}
	after, err := b.trees.FeedRevisions(ctx, keys)
	if diff := cmp.Diff(before, after); diff != "" || err != nil {
		t.Errorf("the list is to be read again (-before +after): %s %v", diff, err)
	}
}

func (b *treeBundle) share(t *testing.T, actor account.Actor, id tree.SessionID) (tree.Share, string) {
	t.Helper()
	made, token, _, err := b.service.ShareSession(t.Context(), actor, id, tree.NewShare{Days: 7, Shows: tree.ShareOptions{IncludeNotes: true}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return made, token
}

func TestShares_WhoMayMakeAndRevokeThem(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	made, token := b.share(t, me, session.ID)
	if made.CreatedBy.Name != "emil" || !made.ExpiresAt.Equal(nine.Add(7*24*time.Hour)) || made.SecretHash != nil || strings.Contains(token, "emil") {
		t.Errorf("made %+v", made)
	}
	if _, err := b.service.HandOver(ctx, me, session.ID, tree.Guard{}, b.acme.Colleague.UserID, ""); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		actor account.Actor
		code  fault.Code
	}{
		"who gave it away": {me, fault.Forbidden}, "a viewer": {b.acme.Viewer, fault.Forbidden}, "a stranger": {b.rival.Owner, fault.NotFound},
	} {
		_, _, _, err := b.service.ShareSession(ctx, tt.actor, session.ID, tree.NewShare{Days: 1}, 0)
		wantFaultNamed(t, name+" shares", err, tt.code)
		_, _, err = b.service.RevokeShare(ctx, tt.actor, made.ID, 0)
		wantFaultNamed(t, name+" revokes", err, tt.code)
	}
	for _, days := range []int{-1, 0, 31, 1 << 40} {
		_, _, _, err := b.service.ShareSession(ctx, b.acme.Colleague, session.ID, tree.NewShare{Days: days}, 0)
		wantFaultNamed(t, fmt.Sprint(days, " days"), err, fault.BadUserInput)
	}
	if _, err := b.service.OpenShare(ctx, token, "192.0.2.7"); err != nil {
		t.Errorf("it does not open: %v", err)
	}
	if _, err := b.service.OpenShare(ctx, token, "192.0.2.8"); err != nil {
		t.Errorf("it does not open again: %v", err)
	}
	for range 2 { // twice is no error
		revoked, read, err := b.service.RevokeShare(ctx, b.acme.Admin, made.ID, 0)
		if err != nil || revoked.RevokedAt.IsZero() || revoked.Opened != 2 || len(read.Shares) != 1 || !read.Shares[0].RevokedAt.Equal(revoked.RevokedAt) {
			t.Errorf("revoked %+v of %+v, %v", revoked, read, err)
		}
	}
	var audit []string
	err := b.db.NewRaw(`SELECT concat_ws(' ', action, (SELECT name FROM users AS u WHERE u.id = actor_id), nullif(ip, ''), details - 'session' - 'share') FROM audit_log
		WHERE action LIKE 'TREE_SESSION%' AND details->>'session' = ? AND details->>'share' = ? ORDER BY id`, session.ID.String(), made.ID.String()).Scan(ctx, &audit)
	want := []string{
		`TREE_SESSION_SHARED emil {"expiresAt": "2026-11-30T09:00:00Z"}`, `TREE_SESSION_SHARE_OPENED 192.0.2.7 {}`, `TREE_SESSION_SHARE_REVOKED adam {}`,
	}
	if diff := cmp.Diff(want, audit); diff != "" || err != nil {
		t.Errorf("audit log (-want +got):\n%s %v", diff, err)
	}
}

// TestShares_TheDeadAreAllAlike: whatever opens nothing gets the same words, and
// nothing is counted.
func TestShares_TheDeadAreAllAlike(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	_, good := b.share(t, me, session.ID)
	revoked, gone := b.share(t, me, session.ID)
	if _, _, err := b.service.RevokeShare(ctx, me, revoked.ID, 0); err != nil {
		t.Fatal(err)
	}
	part := strings.Split(good, ".")
	other := strings.Split(gone, ".")
	dead := map[string]string{
		"revoked": gone, "nothing": "", "rubbish": "rubbish", "two parts": part[0] + "." + part[1], "four parts": good + ".x",
		"another account": b.rival.Account.String() + "." + part[1] + "." + part[2], "an unknown link": part[0] + "." + newID[tree.ShareID](t).String() + "." + part[2],
		"another link's secret": part[0] + "." + part[1] + "." + other[2], "no secret": part[0] + "." + part[1] + ".", "padded": good + "=",
		"a secret cut off": good[:len(good)-4], "NUL": good + "\x00", "no UTF-8": "\xff." + part[1] + "." + part[2], "upper case": strings.ToUpper(good), "too long": good + strings.Repeat("A", 1<<20),
	}
	words := ""
	for name, token := range dead {
		_, err := b.service.OpenShare(ctx, token, "")
		f := wantFault(t, err, fault.NotFound)
		if words == "" {
			words = f.Message
		}
		if f.Message != words || len(f.Extensions) > 0 {
			t.Errorf("%s is told apart: %v", name, f)
		}
	}
	b.now.Store(int64((7*24*time.Hour - time.Second) / time.Second))
	if _, err := b.service.OpenShare(ctx, good, ""); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	b.now.Add(1)
	_, err := b.service.OpenShare(ctx, good, "")
	if f := wantFault(t, err, fault.NotFound); f.Message != words {
		t.Errorf("one that expired is told apart: %v", f)
	}
	read, err := b.service.Session(ctx, me, session.ID, tree.SessionShares)
	if err != nil || len(read.Shares) != 2 || read.Shares[0].Opened != 1 || read.Shares[1].Opened != 0 {
		t.Errorf("listed %+v, %v", read.Shares, err)
	}
}

// TestShares_AreBounded has more people share at once than may.
func TestShares_AreBounded(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	for range tree.MaxOpenShares - 2 {
		b.share(t, me, session.ID)
	}
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, _, _, errs[i] = b.service.ShareSession(ctx, me, session.ID, tree.NewShare{Days: 1}, 0)
		})
	}
	all.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			wantFault(t, err, fault.Conflict)
			refused++
		}
	}
	if refused != len(errs)-2 {
		t.Errorf("%d were refused", refused)
	}
	// Those that are over do not count.
	read, err := b.service.Session(ctx, me, session.ID, tree.SessionShares)
	if err != nil || len(read.Shares) != tree.MaxOpenShares {
		t.Fatal(len(read.Shares), err)
	}
	if _, _, err := b.service.RevokeShare(ctx, me, read.Shares[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	b.share(t, me, session.ID)
	b.now.Store(int64(8 * 24 * time.Hour / time.Second))
	_, token := b.share(t, me, session.ID)

	// Long after its end a link is forgotten, and one that lives is not.
	if err := b.trees.ForgetShares(ctx, nine.Add(7*24*time.Hour+time.Second)); err != nil {
		t.Fatal(err)
	}
	if read, err = b.service.Session(ctx, me, session.ID, tree.SessionShares); err != nil || len(read.Shares) != 1 {
		t.Errorf("%d are left, %v", len(read.Shares), err)
	}
	if _, err := b.service.OpenShare(ctx, token, ""); err != nil {
		t.Errorf("what lives was forgotten: %v", err)
	}
}

// The database itself keeps a link from coming back, living longer, leading
// elsewhere or showing more.
func TestShares_TheDatabaseKeepsThemAsTheyWereMade(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	published := b.publish(t, me, "Lamp is dark")
	session, another := b.walk(t, me, published.ID), b.walk(t, me, published.ID)
	made, _ := b.share(t, me, session.ID)
	for name, change := range map[string]string{
		"lives longer":   "expires_at = expires_at + interval '1 day'",
		"leads away":     "session_id = '" + another.ID.UUID().String() + "'",
		"opens anew":     `secret_hash = '\x` + strings.Repeat("00", 32) + `'`,
		"shows more":     "include_undone = true",
		"a month and on": "created_at = created_at - interval '25 days'",
	} {
		if _, err := b.db.ExecContext(ctx, "UPDATE tree_session_shares SET "+change); err == nil || !strings.Contains(err.Error(), "written once") && !strings.Contains(err.Error(), "tree_session_shares_life") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := b.service.RevokeShare(ctx, me, made.ID, 0); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"revoked_at = NULL", "opened_count = 9, last_opened_at = now()"} {
		if _, err := b.db.ExecContext(ctx, "UPDATE tree_session_shares SET "+change); err == nil || !strings.Contains(err.Error(), "written once") {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func TestShares_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	session := b.walk(t, me, b.publish(t, me, "Lamp is dark").ID)
	made, token := b.share(t, me, session.ID)
	stolen := made
	stolen.AccountID, stolen.RevokedAt = b.rival.Account, nine
	taken := *session
	taken.AccountID, taken.Scratchpad = b.rival.Account, "stolen"
	for name, tt := range map[string]struct {
		code fault.Code
		try  func(ctx context.Context, tx tree.Tx) error
	}{
		"LockShare": {fault.NotFound, func(ctx context.Context, tx tree.Tx) error {
			_, err := tx.LockShare(ctx, b.rival.Account, made.ID)
			return err
		}},
		"SaveShare": {fault.NotFound, func(ctx context.Context, tx tree.Tx) error { return tx.SaveShare(ctx, stolen) }},
		"LockSessionRow": {fault.NotFound, func(ctx context.Context, tx tree.Tx) error {
			_, err := tx.LockSessionRow(ctx, b.rival.Account, session.ID, tree.SessionScratchpad)
			return err
		}},
		"SaveScratchpad": {"", func(ctx context.Context, tx tree.Tx) error { return tx.SaveScratchpad(ctx, &taken) }},
		"OpenShares": {"", func(ctx context.Context, tx tree.Tx) error {
			n, err := tx.OpenShares(ctx, b.rival.Account, session.ID, nine)
			if n != 0 {
				t.Errorf("another account's key counts %d links", n)
			}
			return err
		}},
	} {
		err := b.trees.InTx(ctx, tt.try)
		if tt.code == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if tt.code != "" {
			wantFaultNamed(t, name, err, tt.code)
		}
	}
	if _, err := b.service.OpenShare(ctx, token, ""); err != nil {
		t.Errorf("the link: %v", err)
	}
	if read, err := b.service.Session(ctx, me, session.ID, tree.SessionScratchpad); err != nil || read.Scratchpad != "" {
		t.Errorf("the scratchpad: %q, %v", read.Scratchpad, err)
	}
}

// What is internal and a node's links are read as they were written.
func TestTreeSessions_KeepWhatIsInternalAndLinks(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	g := tree.Graph{Root: "ask", Nodes: []tree.Node{
		{ID: "ask", Kind: tree.Decision, Title: "Is it on?", Links: []tree.Link{{Title: "Lamps", URL: "https://example.com/lamps"}}, Options: []tree.Option{{ID: "yes", Label: "Yes", Target: "end"}, {ID: "no", Label: "No", Target: "end"}}},
		{ID: "end", Kind: tree.Solution, Title: "Done", Text: "Done.", Outcome: tree.Resolved},
	}}
	session := b.walk(t, me, b.publishGraph(t, "Lamp", g).TreeID)
	done, err := b.service.Advance(ctx, me, session.ID, tree.Guard{}, tree.Choice{Option: "yes", Note: "n", Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	done, err = b.service.AddNote(ctx, me, session.ID, tree.Guard{ExpectedStep: 1}, tree.Note{Text: "n", Output: "o", Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	done, err = b.service.AddStep(ctx, me, session.ID, tree.Guard{ExpectedStep: 2}, tree.NewStep{Title: "t", Output: "o", Internal: true}) // without a note
	if err != nil {
		t.Fatal(err)
	}
	b.share(t, me, session.ID)
	read, err := b.service.Session(ctx, me, session.ID, tree.AllSessionFields&^(tree.SessionGraph|tree.SessionShares))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(done.Session.Log, read.Log, sameIDs); diff != "" {
		t.Errorf("log (-written +read):\n%s", diff)
	}
	first := read.Steps[0]
	if len(first.Links) != 1 || first.Links[0].URL != "https://example.com/lamps" || !first.Notes[0].Internal || read.Log[2].Internal || read.Log[2].Links != nil {
		t.Errorf("the first step is %+v", first)
	}
}
