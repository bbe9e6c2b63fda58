package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func TestSeenBefore_TheSameClientAndTheSameProblem(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, colleague, ctx := b.acme.Engineer, b.acme.Colleague, t.Context()
	ref := b.publishGraph(t, "Printer", tree.Graph{Root: "who", Nodes: []tree.Node{
		{ID: "who", Kind: tree.Input, Title: "Who?", Next: "end", Fields: []tree.Field{{Name: "phone", Label: "Phone", Type: tree.TextField, Sensitive: true}}},
		{ID: "end", Kind: tree.Solution, Title: "Call {{phone}} back", Text: "About the *tray*, {{phone}}.", Outcome: tree.Resolved},
	}})
	acme := b.client(t, me, "Acme", tree.ClientChange{Aliases: &[]string{"Akme"}})
	const day = 24 * 3600
	at := func(days int) { b.now.Store(int64(days) * day) }

	typed := b.begin(t, colleague, tree.NewSession{Subject: "Before it had a record", Client: "Byte AG"})
	at(1)
	old := b.begin(t, colleague, tree.NewSession{Subject: "Printer jams again and again", ClientID: acme.ID})
	at(40)
	solved := b.begin(t, colleague, tree.NewSession{Tree: ref.TreeID, Subject: "The printer jams", Client: "akme"})
	if _, err := b.service.Advance(ctx, colleague, solved.ID, tree.Guard{}, tree.Choice{Values: []tree.GivenValue{{Name: "phone", Text: "030 12345"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Complete(ctx, colleague, solved.ID, tree.Guard{ExpectedStep: 1}, tree.Completion{}); err != nil {
		t.Fatal(err)
	}
	at(60)
	wrong := b.begin(t, me, tree.NewSession{Subject: "No internet", Client: "Acme"})
	if _, err := b.service.Complete(ctx, me, wrong.ID, tree.Guard{}, tree.Completion{Outcome: tree.Unresolved, Reason: "The line is dead."}); err != nil {
		t.Fatal(err)
	}
	gone := b.begin(t, me, tree.NewSession{Subject: "Printer jams", Client: "Acme"})
	if _, err := b.service.Abandon(ctx, me, gone.ID, tree.Guard{}, ""); err != nil {
		t.Fatal(err)
	}
	other := b.begin(t, me, tree.NewSession{Subject: "Jams: a printer on floor 2"})
	b.begin(t, me, tree.NewSession{Subject: "The phone is dead"})
	b.begin(t, b.rival.Engineer, tree.NewSession{Subject: "Printer jams", Client: "Acme"})

	tell := func(list []tree.SeenSession) string {
		names := map[tree.SessionID]string{typed.ID: "typed", old.ID: "old", solved.ID: "solved", wrong.ID: "wrong", gone.ID: "gone", other.ID: "other"}
		var out []string
		for _, s := range list {
			text := names[s.Session.ID]
			if s.Alike {
				text += "*"
			}
			out = append(out, text)
		}
		return strings.Join(out, " ")
	}
	see := func(about tree.SeenBefore) tree.Seen {
		t.Helper()
		var seen tree.Seen
		var err error
		if sent := b.statements.during(func() { seen, err = b.service.SeenBefore(ctx, me, about) }); err != nil || len(sent) > 1 {
			t.Fatalf("%v, %d statements", err, len(sent))
		}
		return seen
	}
	at(80)
	for name, tt := range map[string]struct {
		about       tree.SeenBefore
		same, alike string
	}{
		"client and subject": {tree.SeenBefore{Client: "AKME", Subject: "printer jams"}, "solved* old* wrong", "other*"},
		"the client alone":   {tree.SeenBefore{ClientID: acme.ID}, "wrong solved old", ""},
		"the subject alone":  {tree.SeenBefore{Subject: "Printer jams paper"}, "", "other* solved* old*"},
		"half a word":        {tree.SeenBefore{Subject: "jams pri"}, "", "other* solved* old*"},
		"the tree counts":    {tree.SeenBefore{Subject: "jams", Tree: ref.TreeID}, "", "solved* other* old*"},
		"less than half":     {tree.SeenBefore{Subject: "printer on fire everywhere"}, "", "other*"},
		"a typed client":     {tree.SeenBefore{Client: "byte ag"}, "typed", ""},
		"nothing":            {tree.SeenBefore{Subject: "?"}, "", ""},
		"an unknown client":  {tree.SeenBefore{Client: "Nobody", Subject: "zzz"}, "", ""},
	} {
		seen := see(tt.about)
		if same, alike := tell(seen.SameClient), tell(seen.Alike); same != tt.same || alike != tt.alike {
			t.Errorf("%s: the client's are %q, want %q; alike are %q, want %q", name, same, tt.same, alike, tt.alike)
		}
	}
	seen := see(tree.SeenBefore{Client: "Acme", Subject: "printer jams"})
	if s := seen.SameClient[0]; s.Readable || s.Solution != "Call ••• back" || s.Text != `About the *tray*, •••.` || s.Session.Outcome != tree.Resolved || s.Session.Holder.Name != "carl" || s.Session.Version.Title != "Printer" || s.Session.EndedAt.IsZero() {
		t.Errorf("of a colleague's session is told %+v, %+v", s, s.Session)
	}
	if s := seen.SameClient[2]; !s.Readable || s.Solution != "The line is dead." || s.Text != "" {
		t.Errorf("of one's own is told %+v", s)
	}
	admin, err := b.service.SeenBefore(ctx, b.acme.Admin, tree.SeenBefore{Client: "Acme", Subject: "printer jams"})
	if s := admin.SameClient[0]; err != nil || !s.Readable || s.Solution != "Call 030 12345 back" {
		t.Errorf("an admin is told %+v, %v", s, err)
	}
	// With a record, what was typed before belongs to it.
	byte1 := b.client(t, me, "Byte AG", tree.ClientChange{})
	if got := tell(see(tree.SeenBefore{ClientID: byte1.ID}).SameClient); got != "typed" {
		t.Errorf("what was typed before: %q", got)
	}
	at(92)
	if got := tell(see(tree.SeenBefore{Client: "Acme", Subject: "printer jams"}).SameClient); got != "solved* wrong" {
		t.Errorf("after 91 days it is %q", got)
	}
	for i := range 2 * tree.MaxSeen {
		b.begin(t, me, tree.NewSession{Subject: "Printer jams", Client: []string{"Acme", "", "Acme", "Byte AG"}[i%4], IdempotencyKey: fmt.Sprint(i)})
	}
	if seen := see(tree.SeenBefore{Client: "Acme", Subject: "printer jams"}); len(seen.SameClient) != tree.MaxSeen || len(seen.Alike) != tree.MaxSeen {
		t.Errorf("%d and %d", len(seen.SameClient), len(seen.Alike))
	}
	_, err = b.service.SeenBefore(ctx, b.acme.Viewer, tree.SeenBefore{Subject: "x"})
	wantFaultNamed(t, "a viewer", err, fault.Forbidden)
	_, err = b.service.SeenBefore(ctx, me, tree.SeenBefore{ClientID: acme.ID, Client: "Acme"})
	wantFaultNamed(t, "an id and a name", err, fault.BadUserInput)
}

// Subjects that were there before anybody looked for them are found once the
// database is migrated.
func TestSeenBefore_OldSubjectsAreMadeKnown(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	for i := range 3 {
		b.begin(t, b.acme.Engineer, tree.NewSession{Subject: "Slow Wi-Fi", IdempotencyKey: fmt.Sprint(i)})
	}
	if _, err := b.db.ExecContext(ctx, "UPDATE tree_sessions SET subject_words = NULL"); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		seen, err := b.service.SeenBefore(ctx, b.acme.Colleague, tree.SeenBefore{Subject: "wifi slow"})
		if err != nil {
			t.Fatal(err)
		}
		return len(seen.Alike)
	}
	if n := count(); n != 0 {
		t.Errorf("%d are found before", n)
	}
	if _, err := b.db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 3 {
		t.Errorf("%d are found after", n)
	}
}

func TestStartLink_LeadsToTheTreeTheClientAndTheOpenWalks(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	site := b.publish(t, me, "No internet at a site")
	wifi := b.publish(t, me, "Slow Wi-Fi")
	draft := b.create(t, me, "Slow printer")
	graph := cable()
	graph.Nodes = append(graph.Nodes, tree.Node{ID: "who", Kind: tree.Input, Title: "Who?", Next: graph.Root, Fields: []tree.Field{{Name: "name", Label: "Name", Type: tree.TextField}}})
	graph.Root = "who"
	asking, err := b.service.CreateTree(ctx, me, tree.NewTree{Title: "Ask for a name", Graph: graph}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := b.service.PublishTree(ctx, me, asking.ID, 1, "", 0); err != nil || done.Version != 1 {
		t.Fatal(done.Problems, err)
	}
	acme := b.client(t, me, "Acme", tree.ClientChange{TicketKey: new("C-1")})
	mine := b.begin(t, me, tree.NewSession{Tree: wifi.ID, Ticket: "INC-7", Client: "Acme"})
	b.now.Add(60)
	theirs := b.begin(t, b.acme.Colleague, tree.NewSession{Subject: "s", Ticket: "inc-7"})
	over := b.begin(t, me, tree.NewSession{Subject: "s", Ticket: "INC-7"})
	if _, err := b.service.Abandon(ctx, me, over.ID, tree.Guard{}, ""); err != nil {
		t.Fatal(err)
	}
	follow := func(most int, link tree.StartLink) tree.Start {
		t.Helper()
		var start tree.Start
		var err error
		if sent := b.statements.during(func() { start, err = b.service.ReadStartLink(ctx, me, link, tree.TreeTitle) }); err != nil || len(sent) > most {
			t.Fatalf("%+v: %v, %d statements:\n%s", link, err, len(sent), strings.Join(sent, "\n"))
		}
		return start
	}
	start := follow(3, tree.StartLink{Tree: site.ID.String(), Ticket: " inc-7 ", Client: "c-1"})
	if start.Tree == nil || start.Tree.Title != site.Title || start.Client == nil || start.Client.ID != acme.ID || len(start.Problems) != 0 {
		t.Errorf("%+v", start)
	}
	if len(start.Open) != 2 || start.Open[0].ID != theirs.ID || start.Open[0].Holder.Name != "carl" || start.Open[1].ID != mine.ID || start.Open[1].Version.Title != "Slow Wi-Fi" {
		t.Errorf("open are %+v", start.Open)
	}
	if start = follow(1, tree.StartLink{Tree: "slow wifi"}); start.Tree == nil || start.Tree.ID != wifi.ID || len(start.Trees) != 1 {
		t.Errorf("words lead to %+v", start)
	}
	if start = follow(3, tree.StartLink{Tree: "site slow"}); start.Tree != nil || len(start.Trees) < 2 || slices.ContainsFunc(start.Trees, func(t *tree.Tree) bool { return t.ID == draft.ID }) {
		t.Errorf("several may be meant: %+v", start)
	}
	for name, text := range map[string]string{"a draft": draft.ID.String(), "none": newID[tree.ID](t).String(), "words of none": "zzzz qqqq", "no words": "?!", "no id": "tree_x"} {
		if start = follow(3, tree.StartLink{Tree: text}); start.Tree != nil || len(start.Problems) != 1 || start.Problems[0].Field != "input.tree" {
			t.Errorf("%s: %+v", name, start)
		}
	}
	start = follow(1, tree.StartLink{Tree: asking.ID.String(), Values: []tree.GivenValue{{Name: "name", Text: " Ann "}, {Name: "colour", Text: "red"}, {Name: "a b", Text: "x"}, {Name: "name", Text: "x"}}})
	var got []string
	for _, v := range start.Values {
		got = append(got, fmt.Sprintf("%s=%s %v %v", v.Name, v.Text, v.Asked, v.Wrong == ""))
	}
	if want := "name=Ann true true, colour=red false true, a b=x false false, name=x true false"; strings.Join(got, ", ") != want || len(start.Problems) != 3 || start.Tree.Graph != nil {
		t.Errorf("values %q, problems %v", got, start.Problems)
	}
	if start = follow(2, tree.StartLink{Tree: "ask name", Values: []tree.GivenValue{{Name: "name", Text: "Ann"}}}); start.Tree == nil || !start.Values[0].Asked {
		t.Errorf("%+v", start)
	}
	if start = follow(0, tree.StartLink{Values: []tree.GivenValue{{Name: "asset", Text: "PC"}}}); len(start.Problems) != 0 || start.Values[0].Text != "PC" {
		t.Errorf("without a tree: %+v", start)
	}
	_, err = b.service.ReadStartLink(ctx, me, tree.StartLink{Ticket: strings.Repeat("x", tree.MaxTicket+1), Client: "a\x00"}, 0)
	if all := fault.All(err); len(all) != 2 || all[0].Field != "input.ticket" || all[1].Field != "input.clientName" {
		t.Errorf("%v", err)
	}
	_, err = b.service.ReadStartLink(ctx, b.acme.Viewer, tree.StartLink{}, 0)
	wantFaultNamed(t, "a viewer", err, fault.Forbidden)

	template, err := b.service.StartTemplate(ctx, me, asking.ID)
	if want := "tree=" + asking.ID.String() + "&ticket={ticket}&client={client}&subject={subject}&value.name={value.name}"; err != nil || template.Query != want {
		t.Errorf("%q, %v", template.Query, err)
	}
	_, err = b.service.StartTemplate(ctx, me, draft.ID)
	wantFaultNamed(t, "a draft", err, fault.Conflict)
	_, err = b.service.StartTemplate(ctx, me, newID[tree.ID](t))
	wantFaultNamed(t, "none", err, fault.NotFound)
}

func TestStart_WithValuesThatAreKnown(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	me, ctx := b.acme.Engineer, t.Context()
	_, _, ref := b.nested(t)
	s := b.begin(t, me, tree.NewSession{Tree: ref.TreeID, Values: []tree.GivenValue{{Name: "name", Text: "Ann"}, {Name: "asset", Text: "PC-7"}}})
	known := func(s *tree.Session) string {
		var all []string
		for _, v := range s.Values {
			all = append(all, v.Name+"="+v.Text)
		}
		return strings.Join(all, " ")
	}
	if known(s) != "name=Ann asset=PC-7" || s.CurrentNodeID != "who" {
		t.Errorf("it begins at %s with %q", s.CurrentNodeID, known(s))
	}
	done, err := b.service.Advance(ctx, me, s.ID, tree.Guard{}, tree.Choice{Values: []tree.GivenValue{{Name: "name", Text: ""}}})
	if err != nil || known(done.Session) != "asset=PC-7" || done.Session.CurrentTitle != "Pull the plug of {{name}}" {
		t.Errorf("%v, %q, %q", err, known(done.Session), done.Session.CurrentTitle)
	}
	read, err := b.service.Session(ctx, me, s.ID, tree.AllSessionFields)
	if err != nil || known(read) != "asset=PC-7" || len(read.Given) != 2 {
		t.Errorf("%v, %q", err, known(read))
	}
	if done, err = b.service.GoBack(ctx, me, s.ID, tree.Guard{ExpectedStep: 1}, 0); err != nil || known(done.Session) != "name=Ann asset=PC-7" {
		t.Errorf("%v, %q", err, known(done.Session))
	}
	bare, err := b.service.Session(ctx, me, s.ID, tree.SessionValues)
	if err != nil || known(bare) != "name=Ann asset=PC-7" || len(bare.Given) != 2 {
		t.Errorf("%v, %q", err, known(bare))
	}
	_, err = b.service.Start(ctx, me, tree.NewSession{Tree: ref.TreeID, Values: []tree.GivenValue{{Name: "name", Text: "a\tb"}, {Name: "X", Text: "x"}}}, 0)
	if all := fault.All(err); len(all) != 2 {
		t.Errorf("%v", err)
	}
}

// TestClients_AreFoundByIndex asks PostgreSQL how it would look among 2,000 clients
// and 8,000 sessions of one account, and as many of another.
func TestClients_AreFoundByIndex(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx, me := t.Context(), b.acme.Engineer
	for _, tm := range []team{b.acme, b.rival} {
		for _, sql := range []string{
			`INSERT INTO clients (account_id, id, name, sort_key, created_at, updated_at)
			 SELECT ?0, md5(?0 || ' ' || i)::uuid, 'Client ' || i, 'client ' || i, ?1, ?1 FROM generate_series(1, 2000) AS i`,
			`INSERT INTO client_names (account_id, key, client_id, kind) SELECT account_id, sort_key, id, 'NAME' FROM clients WHERE account_id = ?0`,
			`INSERT INTO tree_sessions (account_id, id, started_by, held_by, status, ticket, client_id, client_name, subject, started_at, updated_at)
			 SELECT ?0, gen_random_uuid(), ?2, ?2, 'IN_PROGRESS', 'T-' || i, md5(?0 || ' ' || (i % 2000 + 1))::uuid, 'Client', 'word' || i % 400, ?1::timestamptz - i * interval '10 minutes', ?1
			 FROM generate_series(1, 8000) AS i`,
		} {
			if _, err := b.db.ExecContext(ctx, sql, tm.Account.UUID().String(), nine, tm.Engineer.UserID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := b.db.Migrate(ctx); err != nil { // which makes the subjects known
		t.Fatal(err)
	}
	if _, err := b.db.ExecContext(ctx, "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ask     func() error
		indexes []string
	}{
		"the beginning of a name": {func() error {
			_, err := b.service.Clients(ctx, me, tree.ClientQuery{Text: "client 77", Total: true})
			return err
		}, []string{"client_names_pkey"}},
		"all clients": {func() error { _, err := b.service.Clients(ctx, me, tree.ClientQuery{}); return err }, []string{"clients_by_name"}},
		"a ticket": {func() error {
			_, err := b.service.Sessions(ctx, me, tree.SessionQuery{Filter: tree.SessionFilter{Ticket: "t-77"}})
			return err
		}, []string{"tree_sessions_by_ticket"}},
		"seen before": {func() error {
			_, err := b.service.SeenBefore(ctx, me, tree.SeenBefore{Client: "Client 77", Subject: "word77 word78"})
			return err
		}, []string{"tree_sessions_by_client", "tree_sessions_by_typed_client", "tree_sessions_by_subject", "client_names"}},
	} {
		var err error
		sent := b.statements.during(func() { err = tt.ask() })
		if err != nil || len(sent) != 1 {
			t.Fatalf("%s: %v, %d statements", name, err, len(sent))
		}
		var lines []string
		if err := b.db.NewRaw("EXPLAIN "+strings.ReplaceAll(sent[0], "?", "??")).Scan(ctx, &lines); err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		for _, index := range tt.indexes {
			if !strings.Contains(plan, index) {
				t.Errorf("%s does not use %s:\n%s", name, index, plan)
			}
		}
		if strings.Contains(plan, "Seq Scan on tree_sessions") || strings.Contains(plan, "Seq Scan on clients") || strings.Contains(plan, "Seq Scan on client_names") {
			t.Errorf("%s reads a whole table:\n%s", name, plan)
		}
	}
}
