package store_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
)

func (d *desk) page(t testing.TB, who seat, q login.AuditQuery) login.AuditPage {
	t.Helper()
	page, err := d.AuditLog(t.Context(), who.caller().Actor, q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestAuditLog_Pages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	for range 4 {
		d.again(t, ann, "phone") // all at one instant of the clock
	}
	var got []account.AuditAction
	two := 2
	q := login.AuditQuery{First: &two, Total: true}
	for range 10 {
		page := d.page(t, ann, q)
		for _, line := range page.Lines {
			got = append(got, line.Entry.Action)
			q.After = line.Cursor()
		}
		if page.Total != 6 || page.More != (len(got) < 6) {
			t.Errorf("after %d lines: %d in all, more: %v", len(got), page.Total, page.More)
		}
		if !page.More {
			break
		}
	}
	want := []account.AuditAction{account.SignedIn, account.SignedIn, account.SignedIn, account.SignedIn, account.SignedIn, account.AccountRegistered}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	for _, cursor := range []string{"x", "QVVESVQ", q.After + "A", q.After[:len(q.After)-1], strings.Repeat("A", 30_000)} {
		_, err := d.AuditLog(t.Context(), ann.caller().Actor, login.AuditQuery{After: cursor})
		wantRefusal(t, err, fault.BadUserInput, "")
	}
	for _, size := range []int{-1, 101} {
		_, err := d.AuditLog(t.Context(), ann.caller().Actor, login.AuditQuery{First: &size})
		wantRefusal(t, err, fault.BadUserInput, "")
	}
}

// TestAuditLog_TellsWhatHappened does what an owner wants to read about afterwards.
func TestAuditLog_TellsWhatHappened(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	bob := d.join(t, ann, "bob", account.Engineer)
	d.advance(time.Minute)
	began := d.now()
	_ = d.try(t, bob.User.Email, wrong, "192.0.2.1")
	idle, absolute := 30, 60
	if _, err := d.UpdatePolicy(t.Context(), ann.caller(), login.PolicyInput{LimitsInput: login.LimitsInput{Preset: login.Custom, IdleMinutes: &idle, AbsoluteMinutes: &absolute}}, false); err != nil {
		t.Fatal(err)
	}
	phone := d.again(t, bob, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	d.advance(31 * time.Minute)
	if n, err := d.Sweep(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("%d login sessions ended, %v", n, err)
	}
	d.again(t, ann, "laptop")
	if _, err := d.Reauthenticate(t.Context(), ann.caller(), password); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.DisableUser(t.Context(), ann.caller(), bob.User.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.try(t, bob.User.Email, password, "192.0.2.1"); !strings.Contains(err.Error(), "disabled") {
		t.Error(err)
	}
	page := d.page(t, ann, login.AuditQuery{Filter: login.AuditFilter{User: bob.User.ID, From: began}})
	var got []string
	for _, line := range page.Lines {
		got = append(got, line.Summary())
		if line.Entry.Action == account.SignedIn && (line.UserAgent != phone.Session.UserAgent || line.By == nil || line.By.ID != bob.User.ID || line.About != nil) {
			t.Errorf("the sign-in is told as %+v", line)
		}
	}
	want := map[string]int{
		"A sign-in as bob failed: the user is disabled.":             1,
		"ann disabled bob, who may not sign in any more.":            1,
		"bob was disabled by ann and signed out: 1 login session.":   1,
		"A login session of bob ended: nobody used it for too long.": 1,
		"bob signed in.": 1,
		"A sign-in as bob failed: the password was wrong.": 1,
	}
	counts := map[string]int{}
	for _, words := range got {
		counts[words]++
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("the log tells (-want +got):\n%s", diff)
	}
	policy := d.page(t, ann, login.AuditQuery{Filter: login.AuditFilter{Actions: []account.AuditAction{account.SessionPolicyChanged}}})
	if len(policy.Lines) != 1 || policy.Lines[0].Summary() != "ann changed how long login sessions last, from STANDARD (4320 min idle, 20160 min in all) to CUSTOM (30 min idle, 60 min in all), from the next sign-in on." {
		t.Errorf("of the policy it tells %q", policy.Lines[0].Summary())
	}
	if later := d.page(t, ann, login.AuditQuery{Filter: login.AuditFilter{To: began}}); len(later.Lines) != 5 {
		t.Errorf("before that it tells %d things, want 5", len(later.Lines))
	}
	rival := d.found(t, "rival", "eve")
	if strange := d.page(t, rival, login.AuditQuery{Filter: login.AuditFilter{User: bob.User.ID}}); len(strange.Lines) != 0 {
		t.Errorf("a stranger reads %d lines", len(strange.Lines))
	}
	_, err := d.AuditEntry(t.Context(), rival.caller().Actor, page.Lines[0].Entry.ID)
	wantRefusal(t, err, fault.NotFound, "")
	_, err = d.AuditLog(t.Context(), account.Actor{AccountID: ann.User.AccountID, UserID: bob.User.ID, Role: account.Admin}, login.AuditQuery{})
	wantRefusal(t, err, fault.Forbidden, "")
}

// tellers starts an audit feed for each process.
func (d *desk) tellers(t *testing.T, processes int) []*login.AuditFeed {
	t.Helper()
	var feeds []*login.AuditFeed
	for range processes {
		f := login.NewAuditFeed(d.store, d.now, slog.New(slog.DiscardHandler))
		f.Start(t.Context())
		t.Cleanup(f.Stop)
		feeds = append(feeds, f)
	}
	return feeds
}

// write adds an entry in a transaction of its own, and holds it open until release
// is closed.
func (d *desk) write(ctx context.Context, who seat, name string, release <-chan struct{}, written chan<- struct{}) error {
	return d.store.InTx(ctx, func(ctx context.Context, tx login.Tx) error {
		err := tx.AddAudit(ctx, account.AuditEntry{
			AccountID: who.User.AccountID, ID: account.NewAuditID(), At: d.now(), Action: account.UserInvited, ActorID: who.User.ID,
			Details: map[string]any{"email": name, "role": "VIEWER"},
		})
		if written != nil {
			close(written)
		}
		if release != nil {
			<-release
		}
		return err
	})
}

func mail(line *login.AuditLine) string { return fmt.Sprint(line.Entry.Details["email"]) }

func (d *desk) watchLog(t *testing.T, f *login.AuditFeed, who seat, after *string) (inbox[*login.AuditLine], func()) {
	t.Helper()
	news := newInbox[*login.AuditLine]()
	cancel, err := f.Watch(t.Context(), who.caller().Actor, after, news)
	if err != nil {
		t.Fatal(err)
	}
	return news, cancel
}

// TestAuditFeed_ALateCommitIsToldOnce holds a transaction open while later ones
// commit, on two processes without a hint between them.
func TestAuditFeed_ALateCommitIsToldOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	feeds := d.tellers(t, 2)
	first, cancel := d.watchLog(t, feeds[0], ann, nil)
	defer cancel()
	second, cancelSecond := d.watchLog(t, feeds[1], ann, nil)
	defer cancelSecond()
	strangers, cancelThird := d.watchLog(t, feeds[1], eve, nil)
	defer cancelThird()

	release, written, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() { done <- d.write(t.Context(), ann, "late", release, written) }()
	<-written
	for _, name := range []string{"one", "two"} {
		if err := d.write(t.Context(), ann, name, nil, nil); err != nil {
			t.Fatal(err)
		}
		for _, in := range []inbox[*login.AuditLine]{first, second} {
			if line := in.next(t); mail(line) != name || line.By == nil || line.By.Name != "ann" {
				t.Errorf("told %+v, want %s", line, name)
			}
		}
	}
	// Who comes back with the cursor of what came last knows that and not the late one.
	line := d.page(t, ann, login.AuditQuery{}).Lines[0]
	cursor := line.Cursor()
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, in := range []inbox[*login.AuditLine]{first, second} {
		if line := in.next(t); mail(line) != "late" {
			t.Errorf("told %+v, want the late one", line)
		}
	}
	back, cancelBack := d.watchLog(t, feeds[1], ann, &cursor)
	defer cancelBack()
	if line := back.next(t); mail(line) != "late" {
		t.Errorf("whoever came back was told %+v, want the late one", line)
	}
	if err := d.write(t.Context(), ann, "end", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, in := range []inbox[*login.AuditLine]{first, second, back} {
		if line := in.next(t); mail(line) != "end" {
			t.Errorf("at the end told %+v", line)
		}
	}
	if err := d.write(t.Context(), eve, "strange", nil, nil); err != nil {
		t.Fatal(err)
	}
	if line := strangers.next(t); mail(line) != "strange" {
		t.Errorf("the stranger was told %+v", line)
	}
	if len(first) > 0 {
		t.Errorf("told too much: %+v", <-first)
	}
}

// TestAuditFeed_EachLineOnceWhateverTheOrder has writers that hold their transactions
// for as long as they like, while people come, go and come back.
func TestAuditFeed_EachLineOnceWhateverTheOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	feeds := d.tellers(t, 2)
	always, cancel := d.watchLog(t, feeds[0], ann, nil)
	defer cancel()
	cursor := d.page(t, ann, login.AuditQuery{}).Lines[0].Cursor()
	const writers, each = 3, 30
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(w)))
			for i := range each {
				if random.IntN(3) > 0 {
					if err := d.write(t.Context(), ann, fmt.Sprintf("%d-%d", w, i), nil, nil); err != nil {
						t.Error(err)
					}
					continue
				}
				release, written, done := make(chan struct{}), make(chan struct{}), make(chan error)
				go func() { done <- d.write(t.Context(), ann, fmt.Sprintf("%d-%d", w, i), release, written) }()
				<-written
				if err := d.write(t.Context(), ann, fmt.Sprintf("%d-%d'", w, i), nil, nil); err != nil {
					t.Error(err)
				}
				close(release)
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
	// One of them comes back again and again, each time with the latest cursor.
	returning := map[string]int{}
	for i := range 12 {
		news, cancel := d.watchLog(t, feeds[i%2], ann, &cursor)
		for range 5 {
			line := news.next(t)
			returning[line.Entry.ID.String()]++
			cursor = line.Cursor()
		}
		cancel()
	}
	all.Wait()
	if err := d.write(t.Context(), ann, "end", nil, nil); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for line := range collect(t, always) {
		told[mail(line)]++
	}
	want := d.page(t, ann, login.AuditQuery{Total: true}).Total - 2 // but for the registration and its sign-in
	if len(told) != want {
		t.Errorf("told of %d lines, want %d", len(told), want)
	}
	for name, times := range told {
		if times != 1 {
			t.Errorf("%s was told %d times", name, times)
		}
	}
	news, cancelLast := d.watchLog(t, feeds[0], ann, &cursor)
	defer cancelLast()
	for line := range collect(t, news) {
		returning[line.Entry.ID.String()]++
	}
	if len(returning) != want {
		t.Errorf("who came back was told of %d lines, want %d", len(returning), want)
	}
}

// collect yields what comes, up to the line named end.
func collect(t *testing.T, in inbox[*login.AuditLine]) func(yield func(*login.AuditLine) bool) {
	return func(yield func(*login.AuditLine) bool) {
		for {
			line := in.next(t)
			if !yield(line) || mail(line) == "end" {
				return
			}
		}
	}
}

func TestAuditFeed_RefusesWhatItCannotBring(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "ann")
	feed := d.tellers(t, 1)[0]
	lines := d.page(t, ann, login.AuditQuery{}).Lines
	oldest := lines[len(lines)-1]
	discard := event.SinkFunc[*login.AuditLine](func(*login.AuditLine) {})
	watch := func(role account.Role, after string) error {
		actor := ann.caller().Actor
		actor.Role = role
		cancel, err := feed.Watch(t.Context(), actor, &after, discard)
		if err == nil {
			cancel()
		}
		return err
	}
	if err := watch(account.Owner, oldest.Cursor()); err != nil {
		t.Error(err)
	}
	wantRefusal(t, watch(account.Admin, oldest.Cursor()), fault.Forbidden, "")
	wantRefusal(t, watch(account.Owner, ""), fault.BadUserInput, "")
	wantRefusal(t, watch(account.Owner, "rubbish"), fault.BadUserInput, "")
	future := *oldest
	future.Read = &login.Mark{XMax: 1 << 40}
	wantRefusal(t, watch(account.Owner, future.Cursor()), fault.BadUserInput, "")
	if _, err := d.db.ExecContext(t.Context(), `INSERT INTO audit_log (account_id, id, at, action)
		SELECT ?, gen_random_uuid(), '2026-11-24', 'SIGNED_OUT' FROM generate_series(1, 1000)`, ann.User.AccountID); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, watch(account.Owner, oldest.Cursor()), fault.Conflict, "")
	// Forged marks find nothing of another account's.
	eve := d.found(t, "rival", "eve")
	forged := *oldest
	forged.Read, forged.Known = &login.Mark{}, &login.Mark{}
	cursor := forged.Cursor()
	news, cancel := d.watchLog(t, feed, eve, &cursor)
	defer cancel()
	if line := news.next(t); line.Entry.AccountID != eve.User.AccountID {
		t.Errorf("a forged cursor finds %+v", line)
	}
}

func TestExportAudit_IsACSVFileWithoutFormulas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann := d.found(t, "acme", "=1+1")
	for i := range 1200 { // more than are read at a time
		if err := d.write(t.Context(), ann, fmt.Sprintf("+%d, \"quoted\"\r\nline", i), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	export := func(c login.Caller, filter login.AuditFilter) error {
		file.Reset()
		out := login.NewAuditCSV(&file)
		if err := out.Head(); err != nil {
			t.Fatal(err)
		}
		err := d.ExportAudit(t.Context(), c, filter, out.Line)
		if flushed := out.Flush(); flushed != nil {
			t.Fatal(flushed)
		}
		return err
	}
	d.advance(time.Second)
	if err := export(ann.caller(), login.AuditFilter{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
	if err != nil || len(rows) != 1203 || len(rows[0]) != 14 || rows[0][0] != "id" || !bytes.Contains(file.Bytes(), []byte("details\r\n")) {
		t.Fatalf("%d rows, %v, %.300s", len(rows), err, file.String())
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] {
			t.Errorf("%s comes twice", row[0])
		}
		seen[row[0]] = true
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("the cell %s of %v begins as a formula", rows[0][i], row)
			}
		}
	}
	if row := rows[1]; row[5] != "'=1+1" || row[13] != "email=+1199, \"quoted\"\nline; role=VIEWER" {
		t.Errorf("the first row is %q", row)
	}
	if got := d.entries(t, ann, 1)[0]; got.Action != account.AuditLogExported || got.ActorID != ann.User.ID {
		t.Errorf("the export is told as %+v", got)
	}
	d.advance(time.Second)
	from := d.now()
	d.again(t, ann, "phone")
	d.advance(time.Second)
	if err := export(ann.caller(), login.AuditFilter{From: from, To: d.now()}); err != nil || strings.Count(file.String(), "SIGNED_IN") != 1 || strings.Count(file.String(), "\r\n") != 2 {
		t.Errorf("of one second: %v, %s", err, file.String())
	}
	wantRefusal(t, export(ann.caller(), login.AuditFilter{From: d.now(), To: from}), fault.BadUserInput, "")

	bob := d.join(t, ann, "bob", account.Admin)
	d.advance(time.Second)
	for name, tt := range map[string]struct {
		filter login.AuditFilter
		rows   int
		facts  []account.Fact
	}{
		"two kinds, one of them twice": {login.AuditFilter{Actions: []account.AuditAction{account.SignedIn, account.InvitationAccepted, account.SignedIn}}, 4, []account.Fact{{Name: "actions", Value: "INVITATION_ACCEPTED, SIGNED_IN"}}},
		"one person":                   {login.AuditFilter{User: bob.User.ID}, 2, []account.Fact{{Name: "user", Value: bob.User.ID.String()}}},
		"a stranger":                   {login.AuditFilter{User: account.NewUserID()}, 0, nil},
	} {
		if err := export(ann.caller(), tt.filter); err != nil || strings.Count(file.String(), "\r\n") != 1+tt.rows {
			t.Errorf("%s: %v, %s", name, err, file.String())
		}
		d.advance(time.Second)
		if got := d.entries(t, ann, 1)[0]; tt.facts != nil && !slices.Equal(got.Facts(), tt.facts) {
			t.Errorf("%s is told as %v, want %v", name, got.Facts(), tt.facts)
		}
	}
	before := d.entries(t, ann, 1)[0]
	wantRefusal(t, export(ann.caller(), login.AuditFilter{Actions: []account.AuditAction{"SIGNED_UP"}}), fault.BadUserInput, "")
	if got := d.entries(t, ann, 1)[0]; got.ID != before.ID {
		t.Errorf("a refused export is told as %+v", got)
	}
	wantRefusal(t, export(bob.caller(), login.AuditFilter{}), fault.Forbidden, "")
	posing := bob.caller()
	posing.Role = account.Owner // by a forged token
	wantRefusal(t, export(posing, login.AuditFilter{}), fault.Forbidden, "")
	if _, err := d.Logout(t.Context(), ann.caller()); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, export(ann.caller(), login.AuditFilter{}), fault.Unauthenticated, fault.SessionRevoked)
	if rows := strings.Count(file.String(), "\r\n"); rows != 1 {
		t.Errorf("a refused export has %d rows", rows)
	}
}
