package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func (b *treeBundle) client(t *testing.T, actor account.Actor, name string, change tree.ClientChange) *tree.Client {
	t.Helper()
	change.Name = &name
	c, err := b.service.CreateClient(t.Context(), actor, change)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// begin starts a session, with everything read.
func (b *treeBundle) begin(t *testing.T, actor account.Actor, in tree.NewSession) *tree.Session {
	t.Helper()
	s, err := b.service.Start(t.Context(), actor, in, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClients_FoundOrMadeWhileTyping(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me := b.acme.Engineer
	key := "C-10"
	c := b.client(t, me, "Müller GmbH", tree.ClientChange{Aliases: &[]string{"Mueller GmbH", "Fleischerei"}, TicketKey: &key})
	if len(c.Aliases) != 1 {
		t.Errorf("an alias that says nothing new is kept: %q", c.Aliases)
	}
	for _, typed := range []string{"müller  gmbh", "MUELLER GMBH", "muller gmbh", "fleischerei", "c-10"} {
		s := b.begin(t, me, tree.NewSession{Subject: "s", Client: typed, CreateClient: true})
		if s.ClientID != c.ID || s.Client != "Müller GmbH" || s.Record == nil || s.Record.ID != c.ID {
			t.Errorf("%q is taken for %q, %v", typed, s.Client, s.Record)
		}
	}
	if s := b.begin(t, me, tree.NewSession{Subject: "s", Client: "Fleisch"}); !s.ClientID.IsZero() || s.Client != "Fleisch" || s.Record != nil {
		t.Errorf("a beginning is taken for a name: %q", s.Client)
	}
	made := b.begin(t, me, tree.NewSession{Subject: "s", Client: " New  One ", CreateClient: true})
	if made.Record == nil || made.Record.Name != "New  One" || made.Record.Revision != 1 {
		t.Errorf("made %+v", made.Record)
	}
	// By another engineer, as a change, and from another account.
	other := b.begin(t, b.acme.Colleague, tree.NewSession{Subject: "s", Client: "typed"})
	typed := "NEW ONE"
	other, err := b.service.UpdateSession(t.Context(), b.acme.Colleague, other.ID, tree.SessionChange{Client: &typed}, tree.AllSessionFields)
	if err != nil || other.ClientID != made.ClientID {
		t.Errorf("changed to %q, %v", other.Client, err)
	}
	empty := ""
	if other, err = b.service.UpdateSession(t.Context(), b.acme.Colleague, other.ID, tree.SessionChange{Client: &empty}, tree.AllSessionFields); err != nil || !other.ClientID.IsZero() || other.Client != "" || other.Record != nil {
		t.Errorf("nobody: %q, %v", other.Client, err)
	}
	if s := b.begin(t, b.rival.Engineer, tree.NewSession{Subject: "s", Client: "New One"}); !s.ClientID.IsZero() {
		t.Error("another account's client is found")
	}

	b.client(t, me, "Bäcker", tree.ClientChange{})
	b.client(t, me, "Jäger A", tree.ClientChange{Aliases: &[]string{"Jager"}})
	b.client(t, me, "Jaeger B", tree.ClientChange{Aliases: &[]string{"Jaeger"}})
	_, err = b.service.Start(t.Context(), me, tree.NewSession{Subject: "s", Client: "Jäger", CreateClient: true}, 0)
	if f := wantFault(t, err, fault.BadUserInput); f.Field != "input.clientName" || !strings.Contains(f.Message, "Jaeger B or Jäger A") {
		t.Errorf("two may be meant: %v", f)
	}
	for name, in := range map[string]tree.NewSession{
		"an id and a name": {Subject: "s", ClientID: c.ID, Client: "x"},
		"a bad name":       {Subject: "s", Client: "a\nb", CreateClient: true},
		"a bad value":      {Subject: "s", Client: "Nobody", CreateClient: true, Values: []tree.GivenValue{{Name: "BAD", Text: "x"}}},
	} {
		_, err := b.service.Start(t.Context(), me, in, 0)
		wantFaultNamed(t, name, err, fault.BadUserInput)
	}
	if page, err := b.service.Clients(t.Context(), me, tree.ClientQuery{Text: "Nobody", Total: true}); err != nil || page.Total != 0 {
		t.Errorf("a session that was refused left its client behind: %+v, %v", page, err)
	}
	_, err = b.service.Start(t.Context(), me, tree.NewSession{Subject: "s", ClientID: newID[tree.ClientID](t)}, 0)
	wantFaultNamed(t, "an unknown id", err, fault.NotFound)
}

func TestClients_ManyWhoMakeOneAtOnceMakeOne(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	const rounds, people = 5, 6
	for round := range rounds {
		var all sync.WaitGroup
		sessions, errs := make([]*tree.Session, people), make([]error, people)
		for i := range people {
			all.Go(func() {
				name := fmt.Sprintf([]string{"Büro %d", "BUERO %d", "Buro  %d"}[i%3], round)
				sessions[i], errs[i] = b.service.Start(context.WithoutCancel(t.Context()), b.acme.Engineer, tree.NewSession{Subject: "s", Client: name, CreateClient: true, IdempotencyKey: fmt.Sprint(round, i)}, tree.SessionClient)
			})
		}
		all.Wait()
		made := map[tree.ClientID]bool{}
		for i, err := range errs {
			if err != nil {
				// "Buro" and "BUERO" are two names; where both were made before "Büro" came,
				// that may be either.
				wantFaultNamed(t, "two may be meant", err, fault.BadUserInput)
				continue
			}
			made[sessions[i].ClientID] = true
		}
		if len(made) < 1 || len(made) > 2 {
			t.Errorf("%d clients were made of one", len(made))
		}
	}
	var doubles int
	if err := b.db.NewRaw("SELECT count(*) FROM clients c WHERE NOT EXISTS (SELECT FROM client_names n WHERE n.client_id = c.id)").Scan(t.Context(), &doubles); err != nil || doubles != 0 {
		t.Errorf("%d clients have no name, %v", doubles, err)
	}
}

func TestClients_NamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	key := "KEY-1"
	first := b.client(t, me, "Acme", tree.ClientChange{Aliases: &[]string{"Acme Ltd"}, TicketKey: &key})
	second := b.client(t, me, "Beta", tree.ClientChange{})
	for name, change := range map[string]tree.ClientChange{
		"a name":  {Name: new("ACME ltd")},
		"a alias": {Aliases: &[]string{"key-1"}},
		"a key":   {TicketKey: new("acme")},
	} {
		_, err := b.service.UpdateClient(ctx, me, second.ID, second.Revision, change)
		if f := wantFault(t, err, fault.Conflict); f.Extensions["clientId"] != first.ID.String() {
			t.Errorf("%s: %v, %v", name, f, f.Extensions)
		}
	}
	// A name may become an alias of the same client, and a name that was given up is free.
	first, err := b.service.UpdateClient(ctx, me, first.ID, 1, tree.ClientChange{Name: new("Acme Ltd"), Aliases: &[]string{"acme"}, TicketKey: new("")})
	if err != nil || first.Revision != 2 || first.TicketKey != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := b.service.UpdateClient(ctx, me, second.ID, 1, tree.ClientChange{TicketKey: new("KEY-1")}); err != nil {
		t.Errorf("a key that was given up: %v", err)
	}
	_, err = b.service.UpdateClient(ctx, b.acme.Colleague, first.ID, 1, tree.ClientChange{Name: new("x")})
	if f := wantFault(t, err, fault.Conflict); f.Extensions["revision"] != 2 || f.Extensions["savedAt"] == nil {
		t.Errorf("%v", f.Extensions)
	}
	_, err = b.service.CreateClient(ctx, me, tree.ClientChange{
		Name: new(" "), Aliases: &[]string{strings.Repeat("x", tree.MaxClient+1)}, TicketKey: new("a\tb"),
		Facts: &[]tree.ClientFact{{Name: "name", Text: "x"}, {Name: "vpn", Text: ""}, {Name: "vpn", Text: "x"}, {Name: "A", Text: "x"}},
	})
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	want := []string{"input.name", "input.ticketKey", "input.aliases[0]", "input.facts[1].text", "input.facts[0].name", "input.facts[2].name", "input.facts[3].name"}
	if diff := cmp.Diff(sorted(want), sorted(fields)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	many := make([]string, tree.MaxAliases+1)
	for i := range many {
		many[i] = fmt.Sprint("alias ", i)
	}
	facts := make([]tree.ClientFact, tree.MaxFacts+1)
	for i := range facts {
		facts[i] = tree.ClientFact{Name: fmt.Sprint("f", i), Text: "x"}
	}
	_, err = b.service.CreateClient(ctx, me, tree.ClientChange{Name: new("Many"), Aliases: &many})
	wantFaultNamed(t, "too many aliases", err, fault.BadUserInput)
	_, err = b.service.CreateClient(ctx, me, tree.ClientChange{Name: new("Many"), Facts: &facts})
	wantFaultNamed(t, "too many facts", err, fault.BadUserInput)
	for who, actor := range map[string]account.Actor{"a viewer": b.acme.Viewer, "a stranger": b.rival.Owner} {
		code := map[string]fault.Code{"a viewer": fault.Forbidden, "a stranger": fault.NotFound}[who]
		_, err := b.service.UpdateClient(ctx, actor, first.ID, 2, tree.ClientChange{Name: new("y")})
		wantFaultNamed(t, who, err, code)
		_, err = b.service.MergeClients(ctx, actor, first.ID, 2, second.ID)
		wantFaultNamed(t, who, err, code)
		wantFaultNamed(t, who, b.service.DeleteClient(ctx, actor, second.ID), code)
		_, err = b.service.Client(ctx, actor, first.ID)
		wantFaultNamed(t, who, err, fault.NotFound)
	}
	if _, err := b.service.Clients(ctx, b.acme.Viewer, tree.ClientQuery{}); err == nil {
		t.Error("a viewer lists clients")
	}
}

func TestClients_RunningSessionsShowAChangeAtOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	ref := b.publishGraph(t, "Office", tree.Graph{Root: "dial", Nodes: []tree.Node{
		{ID: "dial", Kind: tree.Action, Title: "Dial {{client.vpn}} of {{client.name}}", Next: "end"},
		{ID: "end", Kind: tree.Solution, Title: "Done at {{client.vpn}}", Outcome: tree.Resolved, FollowUps: []string{"Tell {{client.name}}"}},
	}})
	c := b.client(t, me, "Acme", tree.ClientChange{Facts: &[]tree.ClientFact{{Name: "vpn", Text: "old"}}})
	running := b.begin(t, me, tree.NewSession{Tree: ref.TreeID, ClientID: c.ID})
	ended := b.begin(t, me, tree.NewSession{Tree: ref.TreeID, Client: "acme"})
	if running.Shown().Title != "Dial old of Acme" {
		t.Errorf("shown %q", running.Shown().Title)
	}
	if _, err := b.service.Advance(ctx, me, ended.ID, tree.Guard{}, tree.Choice{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Complete(ctx, me, ended.ID, tree.Guard{ExpectedStep: 1}, tree.Completion{}); err != nil {
		t.Fatal(err)
	}
	b.hints.take()
	if _, err := b.service.UpdateClient(ctx, me, c.ID, 1, tree.ClientChange{Name: new("Acme 2"), Facts: &[]tree.ClientFact{{Name: "vpn", Text: "new"}}}); err != nil {
		t.Fatal(err)
	}
	if hints := b.hints.take(); len(hints) != 1 {
		t.Errorf("watchers are told %v", hints)
	}
	done, err := b.service.Advance(ctx, me, running.ID, tree.Guard{}, tree.Choice{})
	if err != nil || done.Entry.NodeTitle != "Dial new of Acme 2" || done.Session.CurrentTitle != "Done at new" || done.Session.Record.Name != "Acme 2" {
		t.Errorf("the record says %q, it stands at %q, %v", done.Entry.NodeTitle, done.Session.CurrentTitle, err)
	}
	again, err := b.service.Session(ctx, me, ended.ID, tree.AllSessionFields)
	if err != nil || again.Client != "Acme" || again.Shown().FollowUps[0] != "Tell Acme" || again.Steps[0].NodeTitle != "Dial old of Acme" || again.Record.Name != "Acme 2" {
		t.Errorf("what ended is shown as %q, %q, %v", again.Client, again.Shown().FollowUps, err)
	}
	want := []tree.ClientFact{{Name: "name", Text: "Acme"}, {Name: "vpn", Text: "old"}}
	if diff := cmp.Diff(want, again.Steps[0].Facts); diff != "" {
		t.Errorf("facts in the record (-want +got):\n%s", diff)
	}
}

func TestClients_MergeMovesSessionsAndNames(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	stays := b.client(t, me, "Acme GmbH", tree.ClientChange{TicketKey: new("A-1"), Facts: &[]tree.ClientFact{{Name: "vpn", Text: "mine"}}})
	goes := b.client(t, me, "Akme", tree.ClientChange{TicketKey: new("A-2"), Aliases: &[]string{"Akme GmbH"}, Facts: &[]tree.ClientFact{{Name: "vpn", Text: "theirs"}, {Name: "gateway", Text: "10.0.0.1"}}})
	first := b.begin(t, me, tree.NewSession{Subject: "s", ClientID: stays.ID})
	second := b.begin(t, b.acme.Colleague, tree.NewSession{Subject: "s", ClientID: goes.ID})
	_, err := b.service.MergeClients(ctx, me, stays.ID, 1, stays.ID)
	wantFaultNamed(t, "with itself", err, fault.BadUserInput)
	_, err = b.service.MergeClients(ctx, me, stays.ID, 7, goes.ID)
	wantFaultNamed(t, "a stale revision", err, fault.Conflict)
	if f := wantFault(t, b.service.DeleteClient(ctx, me, goes.ID), fault.Conflict); !strings.Contains(f.Message, "merge") {
		t.Errorf("%v", f)
	}
	merged, err := b.service.MergeClients(ctx, me, stays.ID, 1, goes.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := &tree.Client{
		AccountID: b.acme.Account, ID: stays.ID, Name: "Acme GmbH", Aliases: []string{"Akme", "Akme GmbH", "A-2"}, TicketKey: "A-1",
		Facts: []tree.ClientFact{{Name: "gateway", Text: "10.0.0.1"}, {Name: "vpn", Text: "mine"}}, Revision: 2, CreatedAt: nine, UpdatedAt: nine,
	}
	read, err := b.service.Client(ctx, me, stays.ID)
	if diff := cmp.Diff(want, read, byText); diff != "" || err != nil || merged.Moved != 1 {
		t.Errorf("%d moved, %v (-want +got):\n%s", merged.Moved, err, diff)
	}
	moved, err := b.service.Session(ctx, b.acme.Colleague, second.ID, tree.AllSessionFields)
	if err != nil || moved.ClientID != stays.ID || moved.Client != "Acme GmbH" || len(moved.Facts) != 2 {
		t.Errorf("the session is for %q with %v, %v", moved.Client, moved.Facts, err)
	}
	_, err = b.service.Client(ctx, me, goes.ID)
	wantFaultNamed(t, "what is gone", err, fault.NotFound)
	for _, typed := range []string{"akme", "a-2", "a-1", "Akme GmbH"} {
		if s := b.begin(t, me, tree.NewSession{Subject: "s", Client: typed}); s.ClientID != stays.ID {
			t.Errorf("%q finds %q", typed, s.Client)
		}
	}
	page, err := b.service.Sessions(ctx, b.acme.Admin, tree.SessionQuery{Filter: tree.SessionFilter{Scope: tree.Team, Client: stays.ID}, Total: true})
	if err != nil || page.Total != 6 {
		t.Errorf("%d sessions are for it, %v", page.Total, err)
	}
	if _, err := b.service.UpdateSession(ctx, me, first.ID, tree.SessionChange{Ticket: new("inc-7")}, 0); err != nil {
		t.Fatal(err)
	}
	page, err = b.service.Sessions(ctx, me, tree.SessionQuery{Filter: tree.SessionFilter{Ticket: " INC-7 "}, Total: true})
	if err != nil || page.Total != 1 || page.Edges[0].Node.ID != first.ID {
		t.Errorf("by its ticket: %+v, %v", page, err)
	}
	unused := b.client(t, me, "Unused", tree.ClientChange{})
	if err := b.service.DeleteClient(ctx, me, unused.ID); err != nil {
		t.Error(err)
	}
	b.client(t, me, "unused", tree.ClientChange{})
	var actions []string
	if err := b.db.NewRaw("SELECT action FROM audit_log WHERE account_id = ? ORDER BY id", b.acme.Account).Scan(ctx, &actions); err != nil || strings.Join(actions, " ") != "CLIENTS_MERGED CLIENT_DELETED" {
		t.Errorf("the audit log says %q, %v", actions, err)
	}
}

func TestClients_AreFoundByWhatIsTyped(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	b.client(t, me, "Übermut AG", tree.ClientChange{TicketKey: new("UM-100")})
	b.client(t, me, "Zebra", tree.ClientChange{Aliases: &[]string{"Ubahn"}})
	for i := range 12 {
		b.client(t, me, fmt.Sprintf("Client %02d", i), tree.ClientChange{Facts: &[]tree.ClientFact{{Name: "vpn", Text: "x"}}})
	}
	b.client(t, b.rival.Engineer, "Client of a rival", tree.ClientChange{})
	find := func(text string) string {
		t.Helper()
		var page tree.Connection[*tree.Client]
		var err error
		sent := b.statements.during(func() {
			page, err = b.service.Clients(ctx, me, tree.ClientQuery{Text: text, Total: true, Page: tree.Page{First: new(3)}})
		})
		if err != nil || len(sent) > 1 {
			t.Errorf("%q: %v, %d statements", text, err, len(sent))
		}
		names := []string{fmt.Sprint(page.Total)}
		for _, e := range page.Edges {
			names = append(names, e.Node.Name)
		}
		return strings.Join(names, ", ")
	}
	for text, want := range map[string]string{
		"üb":           "2, Übermut AG, Zebra",
		"UEB":          "1, Übermut AG",
		"ub":           "2, Übermut AG, Zebra",
		"um-1":         "0",
		"um-100":       "1, Übermut AG",
		"ahn":          "0",
		"  client  0 ": "10, Client 00, Client 01, Client 02",
		"Client 0":     "10, Client 00, Client 01, Client 02",
		"%":            "0",
		"a\x00b":       "0",
		"":             "14, Client 00, Client 01, Client 02",
	} {
		if got := find(text); got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
	var all []string
	for after, i := "", 0; ; i++ {
		page, err := b.service.Clients(ctx, me, tree.ClientQuery{Page: tree.Page{First: new(4), After: after}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Edges {
			all = append(all, e.Node.Name)
		}
		if !page.HasNextPage {
			break
		}
		after = page.Edges[len(page.Edges)-1].Cursor
		b.client(t, me, fmt.Sprint("Aaa ", i), tree.ClientChange{}) // before the place where the next page begins
	}
	if len(all) != 14 || all[12] != "Übermut AG" || all[13] != "Zebra" {
		t.Errorf("the pages are %q", all)
	}
	_, err := b.service.Clients(ctx, me, tree.ClientQuery{Page: tree.Page{After: "rubbish"}})
	wantFaultNamed(t, "a bad cursor", err, fault.BadUserInput)
}

// Whatever several people do to clients at once: what is refused is refused in
// words, each client goes by its names and nobody else does, no session is lost, and
// running ones show their client as it is.
func TestClients_ManyAtOnce(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := context.WithoutCancel(t.Context())
	names := []string{"Acme", "Büro", "Buero", "Cäsar", "Delta Ltd", "Echo"}
	var all sync.WaitGroup
	var started atomic.Int64
	for i, me := range []account.Actor{b.acme.Engineer, b.acme.Colleague, b.acme.Admin, b.acme.Owner} {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			name := func() string { return names[random.IntN(len(names))] }
			for range 30 {
				page, err := b.service.Clients(ctx, me, tree.ClientQuery{})
				if err != nil {
					t.Error(err)
					return
				}
				c := &tree.Client{ID: newID[tree.ClientID](t)}
				if n := len(page.Edges); n > 0 {
					c = page.Edges[random.IntN(n)].Node
				}
				switch random.IntN(7) {
				case 0, 1, 2:
					if _, err = b.service.Start(ctx, me, tree.NewSession{Subject: "s", Client: name(), CreateClient: true}, 0); err == nil {
						started.Add(1)
					}
				case 3:
					_, err = b.service.UpdateClient(ctx, me, c.ID, c.Revision, tree.ClientChange{
						Aliases: &[]string{name()}, TicketKey: new(name()), Facts: &[]tree.ClientFact{{Name: "vpn", Text: fmt.Sprint(random.IntN(100))}},
					})
				case 4:
					other := page.Edges[max(0, random.IntN(len(page.Edges)+1)-1):]
					if len(other) > 0 {
						_, err = b.service.MergeClients(ctx, me, c.ID, c.Revision, other[0].Node.ID)
					}
				case 5:
					err = b.service.DeleteClient(ctx, me, c.ID)
				case 6:
					var mine tree.Connection[*tree.Session]
					if mine, err = b.service.Sessions(ctx, me, tree.SessionQuery{}); err == nil && len(mine.Edges) > 0 {
						_, err = b.service.UpdateSession(ctx, me, mine.Edges[0].Node.ID, tree.SessionChange{ClientID: c.ID}, 0)
					}
				}
				if err != nil && fault.Of(err) == nil {
					t.Errorf("refused with %v", err)
				}
			}
		})
	}
	all.Wait()
	page, err := b.service.Clients(ctx, b.acme.Owner, tree.ClientQuery{Page: tree.Page{First: new(100)}})
	if err != nil || len(page.Edges) == 0 {
		t.Fatal(err)
	}
	var want []string
	for _, e := range page.Edges {
		for _, n := range e.Node.Names() {
			want = append(want, n.Key+" "+e.Node.Name)
		}
	}
	var got []string
	if err := b.db.NewRaw("SELECT n.key || ' ' || c.name FROM client_names n JOIN clients c ON c.id = n.client_id").Scan(ctx, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("names (-of the clients +kept):\n%s", diff)
	}
	var sessions, stale int
	if err := b.db.NewRaw(`SELECT count(*), count(*) FILTER (WHERE s.client_name <> c.name OR s.client_facts <> c.facts)
		FROM tree_sessions s JOIN clients c ON c.account_id = s.account_id AND c.id = s.client_id`).Scan(ctx, &sessions, &stale); err != nil {
		t.Fatal(err)
	}
	if int64(sessions) != started.Load() || stale != 0 {
		t.Errorf("%d sessions of %d are for a client, %d show another state of it", sessions, started.Load(), stale)
	}
}

func TestClients_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx, rival := t.Context(), b.rival.Account
	ours := b.client(t, b.acme.Engineer, "Acme", tree.ClientChange{})
	b.begin(t, b.acme.Engineer, tree.NewSession{Subject: "no light", Ticket: "T-1", ClientID: ours.ID})
	stolen := *ours
	stolen.AccountID, stolen.Name = rival, "stolen"
	for name, try := range map[string]func(ctx context.Context, tx tree.Tx) error{
		"LockClients": func(ctx context.Context, tx tree.Tx) error {
			found, err := tx.LockClients(ctx, rival, ours.ID)
			if len(found) > 0 {
				t.Error("LockClients finds it")
			}
			return err
		},
		"KeepClientsNamed": func(ctx context.Context, tx tree.Tx) error {
			found, err := tx.KeepClientsNamed(ctx, rival, tree.NameKeys("Acme"))
			if len(found) > 0 {
				t.Error("KeepClientsNamed finds it")
			}
			return err
		},
		"MoveSessions": func(ctx context.Context, tx tree.Tx) error {
			n, err := tx.MoveSessions(ctx, rival, ours.ID, newID[tree.ClientID](t))
			if n > 0 {
				t.Error("MoveSessions moves some")
			}
			return err
		},
		"DeleteClient": func(ctx context.Context, tx tree.Tx) error { return tx.DeleteClient(ctx, rival, ours.ID) },
	} {
		if err := b.trees.InTx(ctx, try); err != nil {
			t.Errorf("%s finds no row, which is no error, but returns %v", name, err)
		}
	}
	if err := b.trees.InTx(ctx, func(ctx context.Context, tx tree.Tx) error { return tx.SaveClient(ctx, &stolen) }); err == nil {
		t.Error("a client of another account is named")
	}
	wantFaultNamed(t, "KeepClient", b.trees.InTx(ctx, func(ctx context.Context, tx tree.Tx) error {
		_, err := tx.KeepClient(ctx, rival, ours.ID)
		return err
	}), fault.NotFound)
	if seen, err := b.service.SeenBefore(ctx, b.rival.Engineer, tree.SeenBefore{ClientID: ours.ID, Subject: "no light"}); err != nil || len(seen.SameClient)+len(seen.Alike) > 0 {
		t.Errorf("a rival saw %+v, %v", seen, err)
	}
	if start, err := b.service.ReadStartLink(ctx, b.rival.Engineer, tree.StartLink{Ticket: "T-1", Client: "Acme"}, 0); err != nil || start.Client != nil || len(start.Open) > 0 {
		t.Errorf("a rival's link leads to %+v, %v", start, err)
	}
	if after, err := b.service.Client(ctx, b.acme.Engineer, ours.ID); err != nil || !cmp.Equal(ours, after, byText, cmpopts.EquateEmpty()) {
		t.Errorf("the client is %+v, %v", after, err)
	}
}
