package store_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// page returns a graph of one solution.
func page(title, text string) tree.Graph {
	return tree.Graph{Root: "end", Nodes: []tree.Node{{ID: "end", Kind: tree.Solution, Title: title, Text: text, Outcome: tree.Resolved}}}
}

func (b *treeBundle) runbook(t *testing.T, actor account.Actor, in tree.NewTree) *tree.Tree {
	t.Helper()
	if in.Graph.Nodes == nil {
		in.Graph = page("It works", "")
	}
	created, err := b.service.CreateTree(t.Context(), actor, in, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func (b *treeBundle) release(t *testing.T, actor account.Actor, draft *tree.Tree) *tree.Tree {
	t.Helper()
	done, err := b.service.PublishTree(t.Context(), actor, draft.ID, draft.Revision, "", tree.AllTreeFields)
	if err != nil || done.Version == 0 {
		t.Fatalf("publish: %+v, %v", done, err)
	}
	return done.Tree
}

func (b *treeBundle) search(t *testing.T, actor account.Actor, q tree.SearchQuery) tree.SearchResult {
	t.Helper()
	q.Fields |= tree.TreeTitle
	got, err := b.service.SearchTrees(t.Context(), actor, q)
	if err != nil {
		t.Fatalf("search for %q: %v", q.Text, err)
	}
	return got
}

// finds returns the titles that a search finds, in their order.
func (b *treeBundle) finds(t *testing.T, actor account.Actor, text string) []string {
	t.Helper()
	return titlesOf(b.search(t, actor, tree.SearchQuery{Text: text}))
}

func titlesOf(r tree.SearchResult) []string {
	titles := []string{}
	for _, e := range r.Edges {
		titles = append(titles, e.Node.Tree.Title)
	}
	return titles
}

func marked(pieces []tree.Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.Match {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func TestSearchTrees_RanksTitlesBeforeTagsBeforeNodes(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "In a text", Graph: page("Done", "The certificate ran out.")})
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "In a node's title", Graph: page("New certificate", "")})
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "In a tag", Tags: []string{"Certificate"}})
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Certificate in the title"})
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Nowhere"})
	want := []string{"Certificate in the title", "In a tag", "In a node's title", "In a text"}
	if diff := cmp.Diff(want, b.finds(t, b.acme.Engineer, "certificate")); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestSearchTrees_FindsWhatPeopleType(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	for _, in := range []tree.NewTree{
		{Title: "Printer offline", Description: "Spooler, driver, pool.ntp.org"},
		{Title: "Drucker: Gerät gestört"},
		{Title: "Größe des Postfachs", Tags: []string{"E-Mail"}},
		{Title: "Réseau privé"},
		{Title: "Сеть не работает"},
		{Title: "打印机脱机", Graph: page("检查网络", "重新启动路由器。")},
		{Title: "Wi-Fi is slow", Graph: page("Error 0x80070035", "Use `netsh wlan show`.")},
		{Title: "Authentication fails"},
		{Title: "O'Brien's laptop"},
	} {
		b.runbook(t, b.acme.Engineer, in)
	}
	tests := map[string]struct {
		text string
		want string
		by   tree.SearchMatch
	}{
		"a word":                                    {"offline", "Printer offline", tree.AllWords},
		"any case":                                  {"PRINTER", "Printer offline", tree.AllWords},
		"the beginning of the last word":            {"printer off", "Printer offline", tree.AllWords},
		"several words, in any texts and order":     {"spooler printer", "Printer offline", tree.AllWords},
		"a part of a host's name":                   {"ntp", "Printer offline", tree.AllWords},
		"an umlaut":                                 {"gerät", "Drucker: Gerät gestört", tree.AllWords},
		"an umlaut without its dots":                {"gerat", "Drucker: Gerät gestört", tree.AllWords},
		"an umlaut spelled out":                     {"gestoert", "Drucker: Gerät gestört", tree.AllWords},
		"an umlaut as two characters":               {"gera\u0308t", "Drucker: Gerät gestört", tree.AllWords},
		"a sharp s spelled out":                     {"groesse", "Größe des Postfachs", tree.AllWords},
		"accents left out":                          {"reseau prive", "Réseau privé", tree.AllWords},
		"accents in capitals":                       {"RÉSEAU", "Réseau privé", tree.AllWords},
		"Cyrillic in capitals":                      {"СЕТЬ", "Сеть не работает", tree.AllWords},
		"Chinese, from within":                      {"脱机", "打印机脱机", tree.AllWords},
		"one Chinese character":                     {"机", "打印机脱机", tree.AllWords},
		"Chinese in a node's text":                  {"路由器", "打印机脱机", tree.AllWords},
		"a compound as one word":                    {"wifi", "Wi-Fi is slow", tree.AllWords},
		"a compound as two words":                   {"wi fi", "Wi-Fi is slow", tree.AllWords},
		"a compound":                                {"e-mail", "Größe des Postfachs", tree.AllWords},
		"an apostrophe left out":                    {"obriens", "O'Brien's laptop", tree.AllWords},
		"an error code":                             {"0x80070035", "Wi-Fi is slow", tree.AllWords},
		"a last word of one letter says too little": {"printer z", "Printer offline", tree.AllWords},
		"two letters swapped":                       {"pritner", "Printer offline", tree.Corrected},
		"a letter left out, and no other":           {"athentication", "Authentication fails", tree.Corrected},
		"the beginning of a word with a mistake":    {"authetic", "Authentication fails", tree.Corrected},
		"a mistake in one of two words":             {"ofline printer", "Printer offline", tree.Corrected},
		"a mistake in Cyrillic":                     {"рабтает", "Сеть не работает", tree.Corrected},
		"another error code is another error":       {"0x80070036", "", tree.AllWords},
		"one of two words that no tree has":         {"printer banana", "Printer offline", tree.AnyWord},
		"nothing":                                   {"xylophone", "", tree.AllWords},
		"no word":                                   {" ?! ", "", tree.AllWords},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := b.search(t, b.acme.Engineer, tree.SearchQuery{Text: tt.text})
			if titles := strings.Join(titlesOf(got), " + "); titles != tt.want || got.Match != tt.by {
				t.Errorf("%q finds %q by %s, want %q by %s", tt.text, titles, got.Match, tt.want, tt.by)
			}
		})
	}
	if got := b.search(t, b.acme.Engineer, tree.SearchQuery{Text: "printer", Total: true}); got.Total != 1 || got.Bounded {
		t.Errorf("%d in all, bounded %v", got.Total, got.Bounded)
	}
}

func TestSearchTrees_ViewersFindThePublishedFormOnly(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Secret draft about modems"})
	published := b.release(t, b.acme.Engineer, b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Modem", Tags: []string{"dsl"}, Graph: page("Ask", "Pull the splitter.")}))
	title, tags := "Router", []string{"fibre"}
	graph := page("Ask", "Pull the transceiver.")
	changed, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, published.ID, published.Revision, tree.TreeChange{Title: &title, Tags: &tags, Graph: &graph}, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	b.runbook(t, b.rival.Engineer, tree.NewTree{Title: "A rival's modem, splitter, transceiver, router, fibre, modems"})
	check := func(when string, tests map[string][2]string) {
		t.Helper()
		for text, want := range tests {
			if got := strings.Join(b.finds(t, b.acme.Viewer, text), " + "); got != want[0] {
				t.Errorf("%s: a viewer who looks for %q finds %q, want %q", when, text, got, want[0])
			}
			if got := strings.Join(b.finds(t, b.acme.Engineer, text), " + "); got != want[1] {
				t.Errorf("%s: an engineer who looks for %q finds %q, want %q", when, text, got, want[1])
			}
		}
	}
	check("with a changed draft", map[string][2]string{
		"modem":       {"Modem", "Secret draft about modems"},
		"splitter":    {"Modem", ""},
		"transceiver": {"", "Router"},
		"router":      {"", "Router"},
		"dsl":         {"", ""}, // tags are the tree's, not the version's
		"fibre":       {"Modem", "Router"},
		"secret":      {"", "Secret draft about modems"},
		"secrte":      {"", "Secret draft about modems"}, // no typing error leads a viewer to a draft's word
	})
	again := b.release(t, b.acme.Engineer, changed)
	check("published again", map[string][2]string{"splitter": {"", ""}, "transceiver": {"Router", "Router"}, "fibre": {"Router", "Router"}})
	if _, err := b.service.ArchiveTree(t.Context(), b.acme.Engineer, again.ID, 0); err != nil {
		t.Fatal(err)
	}
	check("archived", map[string][2]string{"transceiver": {"", ""}})
	archived := tree.SearchQuery{Text: "transceiver", Filter: tree.TreeFilter{Status: []tree.Status{tree.Archived}}}
	if got := titlesOf(b.search(t, b.acme.Engineer, archived)); len(got) != 1 {
		t.Errorf("an engineer who asks for archived trees finds %v", got)
	}
	if got := titlesOf(b.search(t, b.acme.Viewer, archived)); len(got) != 0 {
		t.Errorf("a viewer who asks for archived trees finds %v", got)
	}
	if err := b.service.DeleteTree(t.Context(), b.acme.Admin, again.ID); err != nil {
		t.Fatal(err)
	}
	if got := titlesOf(b.search(t, b.acme.Engineer, archived)); len(got) != 0 {
		t.Errorf("a deleted tree is found: %v", got)
	}
}

func TestSearchTrees_Filters(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	category, err := b.service.CreateCategory(t.Context(), b.acme.Engineer, "Network")
	if err != nil {
		t.Fatal(err)
	}
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Cable one", Category: category.ID})
	b.runbook(t, b.acme.Colleague, tree.NewTree{Title: "Cable two", Tags: []string{"Copper"}})
	b.release(t, b.acme.Engineer, b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Cable three", Graph: page("Glass", "Clean it.")}))
	for name, tt := range map[string]struct {
		filter tree.TreeFilter
		want   string
	}{
		"category": {tree.TreeFilter{Category: category.ID}, "Cable one"},
		"tag":      {tree.TreeFilter{Tag: "COPPER"}, "Cable two"},
		"author":   {tree.TreeFilter{Author: b.acme.Colleague.UserID}, "Cable two"},
		"owner":    {tree.TreeFilter{Owner: b.acme.Colleague.UserID}, "Cable two"},
		"due":      {tree.TreeFilter{Due: true}, ""},
		"status":   {tree.TreeFilter{Status: []tree.Status{tree.Published}}, "Cable three"},
		"text":     {tree.TreeFilter{Text: "gla"}, "Cable three"},
	} {
		if got := strings.Join(titlesOf(b.search(t, b.acme.Engineer, tree.SearchQuery{Text: "cable", Filter: tt.filter})), " + "); got != tt.want {
			t.Errorf("by %s it finds %q, want %q", name, got, tt.want)
		}
	}
	list, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Filter: tree.TreeFilter{Text: "clean glass"}, Fields: tree.TreeTitle, Total: true})
	if err != nil || list.Total != 1 || list.Edges[0].Node.Title != "Cable three" {
		t.Errorf("the list by text: %+v, %v", list, err)
	}
}

func TestSearchTrees_ShowsTheNodeThatMatches(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	g := cable()
	g.Nodes[1].Text = strings.Repeat("Look at it first. ", 20) + "Then plug the loose\n\ncable into the **switch**. " + strings.Repeat("And so on. ", 30)
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Lamp <b>dark</b>", Description: "For lamps at the ceiling.", Graph: g})
	hit := func(text string) tree.SearchHit {
		got := b.search(t, b.acme.Engineer, tree.SearchQuery{Text: text, Excerpts: true})
		if len(got.Edges) != 1 || got.Edges[0].Node.Tree.Graph != nil {
			t.Fatalf("%q finds %+v", text, got.Edges)
		}
		return got.Edges[0].Node
	}
	h := hit("switch cab")
	want := "… Look at it first. Look at it first. Then plug the loose [cable] into the **[switch]**. And so on. And so on."
	if h.NodeID != "plug" || h.NodeTitle != "Plug the cable in" || !strings.HasPrefix(marked(h.Excerpt), want) || !strings.HasSuffix(marked(h.Excerpt), " …") {
		t.Errorf("node %q %q, excerpt %q, want %q", h.NodeID, h.NodeTitle, marked(h.Excerpt), want)
	}
	if h = hit("ceiling"); h.NodeID != "" || marked(h.Excerpt) != "For lamps at the [ceiling]." {
		t.Errorf("node %q, excerpt %q", h.NodeID, marked(h.Excerpt))
	}
	if h = hit("dark"); marked(h.Title) != "Lamp <b>[dark]</b>" {
		t.Errorf("title %q", marked(h.Title))
	}
	if h = hit("minuet"); h.NodeID != "wait" || marked(h.Excerpt) != "Wait a [minute]" {
		t.Errorf("node %q, excerpt %q, with the error corrected", h.NodeID, marked(h.Excerpt))
	}
}

func TestSearchTrees_PagesStandStillWhileOthersWrite(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	want := map[string]bool{}
	for i := range 25 {
		made := b.runbook(t, b.acme.Engineer, tree.NewTree{Title: fmt.Sprintf("Cable %d", i), Description: strings.Repeat("cable ", i%4), Graph: page("Done", "")})
		want[made.Title] = true
	}
	q := tree.SearchQuery{Text: "cable", First: new(4)}
	seen := map[string]int{}
	for pages := 0; ; pages++ {
		got := b.search(t, b.acme.Engineer, q)
		for _, title := range titlesOf(got) {
			seen[title]++
		}
		if !got.HasNextPage {
			break
		}
		if pages > 100 {
			t.Fatal("the pages have no end")
		}
		q.After = got.Edges[len(got.Edges)-1].Cursor
		b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "New cable " + fmt.Sprint(pages), Description: strings.Repeat("cable ", pages)})
	}
	for title := range want {
		if seen[title] != 1 {
			t.Errorf("%q is on %d pages", title, seen[title])
		}
	}
	for title, times := range seen {
		if times > 1 {
			t.Errorf("%q is on %d pages", title, times)
		}
	}
	q.Text = "other"
	_, err := b.service.SearchTrees(t.Context(), b.acme.Engineer, q)
	if f := wantFault(t, err, fault.BadUserInput); f.Field != "after" {
		t.Errorf("another query's cursor is refused for %q", f.Field)
	}
}

func TestSearchTrees_SaysWhenMoreMatchThanAreRanked(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.grow(t, b.acme, 1500, func(i int) tree.NewTree {
		return tree.NewTree{Title: fmt.Sprintf("Tree %d", i), Graph: page("Done", "common")}
	})
	got := b.search(t, b.acme.Engineer, tree.SearchQuery{Text: "common", Total: true})
	if !got.Bounded || got.Total <= 0 || got.Total > tree.MaxRanked {
		t.Errorf("bounded %v, %d in all", got.Bounded, got.Total)
	}
	// Where the title has it, a tree is ranked however many others match.
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "A common title"})
	if got := b.finds(t, b.acme.Engineer, "common"); len(got) == 0 || got[0] != "A common title" {
		t.Errorf("found %v", got)
	}
}

func TestSearchTrees_TakesOneStatementWhereWordsAreFound(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Printer offline"})
	for text, want := range map[string]int{"printer": 1, "": 0, "pritner": 3, "printer banana": 3, "pritner banana": 4, "x1": 1} {
		sent := b.statements.during(func() {
			b.search(t, b.acme.Engineer, tree.SearchQuery{Text: text, Excerpts: true, Total: true, Fields: tree.AllTreeFields})
		})
		if len(sent) != want {
			t.Errorf("%q takes %d statements, want %d:\n%s", text, len(sent), want, strings.Join(sent, "\n"))
		}
	}
}

func TestSearchTrees_NoTextFails(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Printer 'offline' \\ & | ! :* <-> ( \" %"})
	hostile := []string{
		"'", `\`, "\x00", "a\x00b", "\xff\xfe", "a & | !b", "printer:*", "'a' <-> 'b'", "((((", strings.Repeat("printer ", 10_000), strings.Repeat("x", 1<<20),
		strings.Repeat("打", 10_000), "'; DROP TABLE trees; --", "%_%", "\u202e\u0301\u0301", "ﷺ ﬁ ½ ŉ İ ſ", "?", "?0 ?1", "$1", "a-b-c-d-e-f", "-'-'-", "👩‍🔧 printer",
	}
	for _, text := range hostile {
		b.search(t, b.acme.Engineer, tree.SearchQuery{Text: text, Excerpts: true})
		b.search(t, b.acme.Engineer, tree.SearchQuery{Text: "printer", Filter: tree.TreeFilter{Text: text}})
	}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`['\\&|!:*()<>a-zäß打 -]{0,40}`)).Draw(r, "text")
		if _, err := b.service.SearchTrees(t.Context(), b.acme.Engineer, tree.SearchQuery{Text: text, Excerpts: true}); err != nil {
			r.Errorf("%q: %v", text, err)
		}
	})
}

// TestSearchTrees_KeepsWhateverATreeSays saves the largest trees, whose words come
// near to what PostgreSQL keeps of one text.
func TestSearchTrees_KeepsWhateverATreeSays(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	texts := map[string]func(n int) string{
		"all words different": func(n int) string { return fmt.Sprintf("w%x%s", n, strings.Repeat("ä", 5)) },
		"long words":          func(n int) string { return fmt.Sprintf("%d%s", n, strings.Repeat("x", 100)) },
		"Chinese":             func(n int) string { return string([]rune{rune(0x4e00 + n%20000), rune(0x4e00 + n/7%20000)}) },
	}
	for name, text := range texts {
		g, n := tree.Graph{Root: "n0"}, 0
		for size := 0; size < 700<<10; {
			var b strings.Builder
			for b.Len() < 9000 {
				b.WriteString(text(n) + " ")
				n++
			}
			node := tree.Node{ID: tree.NodeID(fmt.Sprintf("n%d", len(g.Nodes))), Kind: tree.Solution, Title: "x", Text: string([]rune(b.String())[:min(len([]rune(b.String())), 9000)])}
			size += len(node.Text) + 100
			g.Nodes = append(g.Nodes, node)
		}
		b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Large: " + name, Graph: g})
		if got := b.finds(t, b.acme.Engineer, "large "+name); !slices.Contains(got, "Large: "+name) {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

func TestMigrate_MakesOldTreesKnownToSearch(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	published := b.release(t, b.acme.Engineer, b.runbook(t, b.acme.Engineer, tree.NewTree{Title: "Printer", Tags: []string{"spooler"}, Graph: page("Done", "Toner.")}))
	title := "Plotter"
	if _, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, published.ID, published.Revision, tree.TreeChange{Title: &title}, 0); err != nil {
		t.Fatal(err)
	}
	b.runbook(t, b.rival.Engineer, tree.NewTree{Title: "Printer of a rival"})
	read := func() (rows []string) {
		err := b.db.NewRaw("SELECT format('%s %s %s %s %s', s.tree_id, form, status, rules, words) FROM tree_search AS s ORDER BY 1").Scan(t.Context(), &rows)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before := read()
	for name, sql := range map[string]string{
		"written before search was there": "DELETE FROM tree_search; DELETE FROM tree_words",
		"written by older rules":          "UPDATE tree_search SET rules = 0, words = ''",
	} {
		if _, err := b.db.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if _, err := b.db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := read()
		// Positions of tags differ where a version was indexed whole; the words do not.
		if len(after) != 3 || len(after) != len(before) {
			t.Errorf("%s: %d rows, want %d", name, len(after), len(before))
		}
		for text, want := range map[string]int{"toner": 1, "spooler": 1, "printer": 1, "plotter": 0} {
			if got := b.finds(t, b.acme.Viewer, text); len(got) != want {
				t.Errorf("%s: a viewer finds %v for %q", name, got, text)
			}
		}
		if got := b.finds(t, b.acme.Engineer, "plotetr"); len(got) != 1 {
			t.Errorf("%s: an engineer finds %v", name, got)
		}
	}
}

// grow adds many trees to an account at once.
func (b *treeBundle) grow(t testing.TB, tm team, n int, of func(i int) tree.NewTree) {
	t.Helper()
	store.GrowTrees(t, b.db, tm.Account, tm.Engineer.UserID, n, of)
}

// letters returns a word for a number.
func letters(i int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'k' }, fmt.Sprintf("%07d", i*1999))
}

// TestSearchTrees_IsByIndex asks PostgreSQL how it searches among 33,000 trees of one
// account and 7,000 of another: by the index of words, and past no more trees than the
// bound of what is ranked, however many have the words.
func TestSearchTrees_IsByIndex(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	of := func(i int) tree.NewTree {
		return tree.NewTree{
			Title:       fmt.Sprintf("Tree %d word%d", i, i%5000),
			Description: fmt.Sprintf("half%d %s", i%2, letters(i%5000)),
			Graph:       page(fmt.Sprintf("node%d", i%300), "every tree has this"),
		}
	}
	b.grow(t, b.acme, 33_000, of)
	b.grow(t, b.rival, 7_000, of)
	if _, err := b.db.ExecContext(t.Context(), "VACUUM ANALYZE"); err != nil {
		t.Fatal(err)
	}
	unread := regexp.MustCompile(`(?m)^.*\(never executed\)$`)
	rowsOf := regexp.MustCompile(`\(actual rows=([0-9]+)`)
	for text, tt := range map[string]struct {
		query   tree.SearchQuery
		most    int // rows that any step of the plan passes by
		bounded bool
	}{
		"a rare word":        {tree.SearchQuery{Text: "word77"}, 200, false},
		"the start of words": {tree.SearchQuery{Text: "word7"}, 2000, false},
		"two words":          {tree.SearchQuery{Text: "word77 half1"}, 200, false},
		"a common word":      {tree.SearchQuery{Text: "every"}, 33_000/16 + 1, true},
		"with a filter":      {tree.SearchQuery{Text: "node77", Filter: tree.TreeFilter{Author: b.acme.Engineer.UserID}}, 200, false},
		"a typing error":     {tree.SearchQuery{Text: "evrey"}, 33_000/16 + 1, true},
	} {
		sent := b.statements.during(func() {
			if got := b.search(t, b.acme.Engineer, tt.query); got.Bounded != tt.bounded {
				t.Errorf("%s: bounded is %v", text, got.Bounded)
			}
		})
		for _, statement := range sent {
			var lines []string
			if err := b.db.NewRaw("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+strings.ReplaceAll(statement, "?", "??")).Scan(t.Context(), &lines); err != nil {
				t.Fatal(err)
			}
			plan := unread.ReplaceAllString(strings.Join(lines, "\n"), "")
			index := "tree_search_words"
			if strings.Contains(statement, "tree_words") {
				index = "tree_words_near"
			}
			if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan on tree") {
				t.Errorf("%s does not use %s:\n%s", text, index, plan)
			}
			for _, found := range rowsOf.FindAllStringSubmatch(plan, -1) {
				if n, err := strconv.Atoi(found[1]); err != nil || n > tt.most {
					t.Errorf("%s passes by %d rows, more than %d (%v):\n%s", text, n, tt.most, err, plan)
					break
				}
			}
			if os.Getenv("SHOW_PLANS") != "" {
				t.Logf("%s:\n%s", text, plan)
			}
		}
	}
}

// Trees that a common word is looked for in first, and the others, are one library to
// whoever searches.
func TestSearchTrees_FindsAllShares(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	b.grow(t, b.acme, 288, func(i int) tree.NewTree {
		return tree.NewTree{Title: fmt.Sprintf("Tree %d", i), Graph: page("Ask", "every tree has this")}
	})
	all, size := map[string]bool{}, 40
	for q := (tree.SearchQuery{Text: "every", First: &size, Total: true}); ; {
		got := b.search(t, b.acme.Engineer, q)
		if got.Total != 288 || got.Bounded {
			t.Errorf("%d trees in all, bounded %v", got.Total, got.Bounded)
		}
		for _, e := range got.Edges {
			all[e.Node.Tree.Title], q.After = true, e.Cursor
		}
		if !got.HasNextPage {
			break
		}
	}
	if len(all) != 288 {
		t.Errorf("the pages have %d trees", len(all))
	}
	list, err := b.service.Trees(t.Context(), b.acme.Engineer, tree.TreeQuery{Filter: tree.TreeFilter{Text: "every"}, Page: tree.Page{First: &size}, Total: true})
	if err != nil || list.Total != 288 {
		t.Errorf("a list has %d of them, %v", list.Total, err)
	}
	if got := b.finds(t, b.acme.Engineer, "evrey"); len(got) != tree.DefaultPageSize {
		t.Errorf("with a typing error: %v", got)
	}
}
