package server_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNode_FindsEveryKind(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	n := newNode(t, nodeOptions{})
	h := n.home()
	kinds := map[string]string{ // type -> id
		"Account": h.owner.account, "User": h.colleague.id, "LoginSession": h.owner.session, "Tree": h.tree, "TreeSession": h.walk, "TreeOffer": h.offer, "AuditEntry": h.entry, "Client": h.client,
	}
	for _, d := range schema.PossibleTypes["Node"] {
		if kinds[d.Name] == "" {
			t.Errorf("%s is a Node, and this test has none", d.Name)
		}
	}
	var ids, types []string
	for typ, id := range kinds {
		a := n.post(h.owner.access, `query($id: ID!) { node(id: $id) { __typename id ... on Account { name } ... on User { email } ... on LoginSession { device user { name } }
			... on Tree { title graph { root } author { name } } ... on TreeSession { status heldBy { name } steps { title } } ... on TreeOffer { title offeredBy { name } } ... on AuditEntry { summary actor { name } } ... on Client { name revision } } }`, vars{"id": id}).ok()
		if a.text("node.__typename") != typ || a.text("node.id") != id {
			t.Errorf("node of a %s is %s", typ, a.Body)
		}
		ids, types = append(ids, id), append(types, typ)
	}
	all := n.post(h.owner.access, `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, vars{"ids": append(slices.Clone(ids), madeUp("tree"))}).ok()
	for i, id := range ids {
		if at := fmt.Sprintf("nodes.%d", i); all.text(at+".id") != id || all.text(at+".__typename") != types[i] {
			t.Errorf("nodes are not in the order asked for: %s", all.Body)
		}
	}
	if all.at(fmt.Sprintf("nodes.%d", len(ids))) != nil {
		t.Errorf("what does not exist is not null: %s", all.Body)
	}
}

const pageQuery = `query($first: Int, $after: String, $last: Int, $before: String, $by: TreeOrder) {
  trees(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
    edges { cursor node { id title } } nodes { title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
  }
}`

// page is what one page of trees shows.
type page struct {
	Titles         []string
	Next, Previous bool
	Total          int
	Start, End     string
}

func (n *node) page(p *person, v vars) page {
	n.t.Helper()
	a := n.post(p.access, pageQuery, v).ok()
	got := page{Next: a.at("trees.pageInfo.hasNextPage").(bool), Previous: a.at("trees.pageInfo.hasPreviousPage").(bool), Total: a.number("trees.totalCount")}
	edges := a.at("trees.edges").([]any)
	for i := range edges {
		title := a.text(fmt.Sprintf("trees.edges.%d.node.title", i))
		if again := a.text(fmt.Sprintf("trees.nodes.%d.title", i)); again != title {
			n.t.Errorf("nodes and edges differ: %s", a.Body)
		}
		got.Titles = append(got.Titles, title)
	}
	if len(edges) > 0 {
		got.Start, got.End = a.text("trees.pageInfo.startCursor"), a.text("trees.pageInfo.endCursor")
		if got.Start != a.text("trees.edges.0.cursor") || got.End != a.text(fmt.Sprintf("trees.edges.%d.cursor", len(edges)-1)) {
			n.t.Errorf("pageInfo has other cursors than the edges: %s", a.Body)
		}
	} else if a.at("trees.pageInfo.startCursor") != nil || a.at("trees.pageInfo.endCursor") != nil {
		n.t.Errorf("an empty page has cursors: %s", a.Body)
	}
	return got
}

func TestPaging_IsStableUnderInserts(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	p := n.owner()
	add := func(titles ...string) {
		for _, title := range titles {
			n.post(p.access, `mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id } } }`, vars{"input": vars{"title": title}}).ok()
		}
	}
	add("b", "D", "f", "H", "j", "L", "n")
	for name, by := range map[string]vars{
		"by title":   {"field": "TITLE", "direction": "ASC"},
		"by changes": {"field": "UPDATED", "direction": "ASC"},
	} {
		want := func(what string, got page, titles string, next, previous bool) {
			t.Helper()
			expect := page{Titles: append([]string(nil), strings.Fields(titles)...), Next: next, Previous: previous, Total: got.Total, Start: got.Start, End: got.End}
			if diff := cmp.Diff(expect, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, what, diff)
			}
		}
		first := n.page(p, vars{"first": 3, "by": by})
		want("the first page", first, "b D f", true, false)
		second := n.page(p, vars{"first": 3, "after": first.End, "by": by})
		want("the second page", second, "H j L", true, true)
		want("back from the second", n.page(p, vars{"last": 3, "before": second.Start, "by": by}), "b D f", true, false)
		want("the last page", n.page(p, vars{"first": 3, "after": second.End, "by": by}), "n", false, true)
		want("the end, backwards", n.page(p, vars{"last": 2, "by": by}), "L n", false, true)
		want("nothing asked for", n.page(p, vars{"first": 0, "by": by}), "", true, false)
	}

	byTitle := vars{"field": "TITLE", "direction": "ASC"}
	first := n.page(p, vars{"first": 3, "by": byTitle})
	add("a", "E", "G", "z") // before, within and behind what was read
	second := n.page(p, vars{"first": 3, "after": first.End, "by": byTitle})
	if diff := cmp.Diff([]string{"G", "H", "j"}, second.Titles); diff != "" || second.Total != 11 {
		t.Errorf("after inserts the second page has a total of %d and (-want +got):\n%s", second.Total, diff)
	}
	back := n.page(p, vars{"last": 10, "before": second.Start, "by": byTitle})
	if diff := cmp.Diff([]string{"a", "b", "D", "E", "f"}, back.Titles); diff != "" {
		t.Errorf("and back (-want +got):\n%s", diff)
	}
	// A cursor is of one order, and of one list.
	for _, other := range []vars{{"field": "UPDATED", "direction": "ASC"}, {"field": "TITLE", "direction": "DESC"}} {
		n.post(p.access, pageQuery, vars{"first": 1, "after": first.End, "by": other}).refused("BAD_USER_INPUT")
	}

	// Walks are paged the same way, the latest first.
	tree := n.published(p)
	var walks []string
	for range 4 {
		walks = append([]string{n.walk(p, tree)}, walks...)
	}
	const sessions = `query($after: String) { sessions(first: 2, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }`
	a := n.post(p.access, sessions, nil).ok()
	n.walk(p, tree)
	b := n.post(p.access, sessions, vars{"after": a.text("sessions.pageInfo.endCursor")}).ok()
	got := []string{a.text("sessions.nodes.0.id"), a.text("sessions.nodes.1.id"), b.text("sessions.nodes.0.id"), b.text("sessions.nodes.1.id")}
	if diff := cmp.Diff(walks, got); diff != "" {
		t.Errorf("the pages of walks (-want +got):\n%s", diff)
	}
}

// TestAudits runs the audits of the GraphQL over HTTP specification, by the npm
// package graphql-http, against the whole server.
func TestAudits(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("../../web/audit")
	check(t, err)
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: the npm suite is not run")
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "node_modules", "graphql-http")); len(found) == 0 {
		t.Skip("web/audit is not installed (npm ci): the npm suite is not run")
	}
	n := newNode(t, nodeOptions{introspection: true})
	cmd := exec.CommandContext(t.Context(), "node", "audits.mjs", n.http.URL+"/graphql")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	count := 0
	for line := range strings.Lines(string(out)) {
		count++
		if !strings.HasPrefix(line, "ok\t") {
			t.Error(line)
		}
	}
	if count != 61 {
		t.Errorf("%d audits ran, want 61", count)
	}
}
