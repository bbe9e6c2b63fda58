package server_test

import (
	"testing"
)

// An engineer writes two trees, one of which leads through the other, publishes,
// changes, compares, goes back, gives away and clears what can be cleared.
func TestLibrary_AnAuthorsDay(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	author, colleague := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	shelf := n.category(author, "Printers")
	do := func(query string, in vars) *answer {
		t.Helper()
		return n.post(author.access, query, vars{"input": in}).ok()
	}
	const create = `mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id revision } } }`
	const publish = `mutation($input: PublishTreeInput!) { publishTree(input: $input) { version problems { code nodeId path } tree { revision } } }`
	const update = `mutation($input: UpdateTreeInput!) { updateTree(input: $input) { tree { revision title category { id } reviewBy owner { id } } } }`

	inner := do(create, vars{"title": "Ask for the model", "graph": vars{"root": "ask", "nodes": []any{
		vars{"input": vars{
			"nodeId": "ask", "title": "Which printer is it?", "next": "end",
			"fields":   []any{vars{"name": "model", "label": "Model", "required": true}, vars{"name": "pages", "label": "Pages", "type": "NUMBER"}},
			"branches": []any{vars{"name": "pages", "test": "GREATER", "value": "100000", "target": "worn"}},
		}},
		vars{"solution": vars{"nodeId": "end", "title": "Known", "text": "Go on.", "outcome": "UNRESOLVED", "continue": true}},
		vars{"solution": vars{"nodeId": "worn", "title": "Worn out", "text": "Order a new one.", "outcome": "ESCALATED"}},
	}}}).text("createTree.tree.id")
	graph := func(title, treeID string) vars {
		return vars{"root": "model", "nodes": []any{
			vars{"subtree": vars{"nodeId": "model", "title": "Ask for the model", "treeId": treeID, "next": "paper"}},
			vars{"action": vars{"nodeId": "paper", "title": title, "text": "Of the {{model}}.", "next": "done"}},
			vars{"solution": vars{"nodeId": "done", "title": "It prints", "text": "Paper was out.", "outcome": "RESOLVED"}},
		}}
	}
	outer := do(create, vars{"title": "Printer", "categoryId": shelf, "reviewBy": "2027-03-01", "graph": graph("Look for paper", inner)})
	tree, revision := outer.text("createTree.tree.id"), outer.number("createTree.tree.revision")

	refused := do(publish, vars{"treeId": tree, "expectedRevision": revision})
	if refused.at("publishTree.version") != nil || refused.text("publishTree.problems.0.code") != "SUBTREE_NOT_PUBLISHED" || refused.text("publishTree.problems.0.nodeId") != "model" {
		t.Errorf("a subtree that is a draft: %s", refused.Body)
	}
	if same := do(`query($input: ValidateTreeInput!) { validateTree(input: $input) { problems { code } } }`,
		vars{"title": "Printer", "treeId": tree, "graph": graph("Look for paper", inner)}); same.text("validateTree.problems.0.code") != "SUBTREE_NOT_PUBLISHED" {
		t.Errorf("validateTree says %s", same.Body)
	}
	do(publish, vars{"treeId": inner, "expectedRevision": 1}).number("publishTree.version")
	if first := do(publish, vars{"treeId": tree, "expectedRevision": revision, "changeNote": "First"}); first.number("publishTree.version") != 1 {
		t.Fatal(first.Body)
	}
	version := n.post(author.access, `query($id: ID!) { treeVersion(treeId: $id, number: 1) {
		title changeNote publishedBy { id } graph { nodes { ... on SubtreeNode { treeId treeVersion } } } } }`, vars{"id": tree}).ok()
	if version.text("treeVersion.graph.nodes.0.treeId") != inner || version.number("treeVersion.graph.nodes.0.treeVersion") != 1 ||
		version.text("treeVersion.changeNote") != "First" || version.text("treeVersion.publishedBy.id") != author.id {
		t.Errorf("version 1 is %s", version.Body)
	}

	// What is left out stays; null clears.
	saved := do(update, vars{"treeId": tree, "expectedRevision": 2, "graph": graph("Look for paper in tray 2", inner)})
	if saved.text("updateTree.tree.category.id") != shelf || saved.text("updateTree.tree.reviewBy") != "2027-03-01" {
		t.Errorf("what was left out: %s", saved.Body)
	}
	compared := do(`query($input: CompareTreeVersionsInput!) { compareTreeVersions(input: $input) { same changedCount addedCount nodes { nodeId kind fields { field old new } } } }`,
		vars{"treeId": tree, "from": 1})
	if compared.number("compareTreeVersions.changedCount") != 1 || compared.text("compareTreeVersions.nodes.0.nodeId") != "paper" ||
		compared.text("compareTreeVersions.nodes.0.fields.0.new") != "Look for paper in tray 2" {
		t.Errorf("version 1 and the draft: %s", compared.Body)
	}
	saved = do(update, vars{"treeId": tree, "expectedRevision": 3, "categoryId": nil, "reviewBy": nil, "ownerId": colleague.id})
	if saved.at("updateTree.tree.category") != nil || saved.at("updateTree.tree.reviewBy") != nil || saved.text("updateTree.tree.owner.id") != colleague.id {
		t.Errorf("what was cleared and given away: %s", saved.Body)
	}
	stale := n.post(colleague.access, update, vars{"input": vars{"treeId": tree, "expectedRevision": 3, "title": "Mine"}}).refused("CONFLICT")
	if stale.extension("revision") != "4" || stale.extension("savedBy") == "" || stale.extension("savedAt") == "" {
		t.Errorf("the conflict says %s", stale.Body)
	}
	do(`mutation($input: RestoreTreeVersionInput!) { restoreTreeVersion(input: $input) { tree { revision } } }`,
		vars{"treeId": tree, "expectedRevision": 4, "number": 1})
	if same := do(`query($input: CompareTreeVersionsInput!) { compareTreeVersions(input: $input) { same fields { field } nodes { nodeId } } }`,
		vars{"treeId": tree, "from": 1, "to": nil}); same.at("compareTreeVersions.same") != true {
		t.Errorf("the restored draft differs: %s", same.Body)
	}
	confirmed := do(`mutation($input: ConfirmTreeInput!) { confirmTree(input: $input) { tree { reviewBy confirmedAt confirmedBy { id } } } }`, vars{"treeId": tree})
	if confirmed.text("confirmTree.tree.confirmedBy.id") != author.id || confirmed.text("confirmTree.tree.reviewBy") == "" {
		t.Errorf("confirmed %s", confirmed.Body)
	}
	n.post(owner.access, `mutation($input: DeleteTreeInput!) { deleteTree(input: $input) { deletedTreeId } }`, vars{"input": vars{"treeId": inner}}).refused("CONFLICT")
}
