package server_test

import (
	"fmt"
	"testing"
)

const (
	addOwnStep = `mutation($input: AddStepInput!) { addStep(input: $input) { session { step } } }`
	completeIt = `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id step status } } }`
	publishIt  = `mutation($input: PublishTreeInput!) { publishTree(input: $input) { version problems { code path } tree { revision } } }`
	saveGraph  = `mutation($input: UpdateTreeInput!) { updateTree(input: $input) { tree { revision problems { code } } } }`
	draftIt    = `mutation($input: DraftTreeFromSessionInput!) { draftTreeFromSession(input: $input) {
		tree { id title status revision nodeCount category { id } author { id } graph { root nodes { __typename nodeId title text
			... on DecisionNode { options { optionId label target } } ... on ActionNode { next options { optionId label target } } ... on SolutionNode { outcome } } } }
		problems { code severity nodeId path } } }`
	acceptIt = `mutation($input: AcceptTreeOfferInput!) { acceptTreeOffer(input: $input) {
		offer { status count acceptedNodeId decidedBy { id } decidedAt }
		tree { revision openOfferCount graph { root nodes { nodeId title text } } } problems { code } } }`
)

// An engineer finds a fault where no tree helps; an admin makes a tree of the
// session, answers what is open, publishes it, and the next fault is walked by it.
func TestDraftTreeFromSession_TheLibraryGrowsFromWork(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	engineer, admin := n.join(owner, "ENGINEER"), n.join(owner, "ADMIN")
	shelf := n.category(owner, "Lamps")
	walk := n.post(engineer.access, `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }`,
		vars{"input": vars{"subject": "No light"}}).ok().text("startSession.session.id")
	for i, step := range []vars{
		{"title": "Is the fuse in?", "answer": "No", "note": "The one on the left.", "output": "secret output"},
		{"title": "Put the fuse in", "answer": "It shines"},
	} {
		step["sessionId"], step["expectedStep"] = walk, i
		n.post(engineer.access, addOwnStep, vars{"input": step}).ok()
	}
	n.post(engineer.access, completeIt, vars{"input": vars{"sessionId": walk, "expectedStep": 2, "outcome": "RESOLVED", "reason": "The fuse was out."}}).ok()

	in := vars{"sessionId": walk, "categoryId": shelf, "includeNotes": true, "idempotencyKey": "once"}
	drafted := n.post(admin.access, draftIt, vars{"input": in}).ok()
	id := drafted.text("draftTreeFromSession.tree.id")
	if drafted.text("draftTreeFromSession.tree.title") != "No light" || drafted.text("draftTreeFromSession.tree.status") != "DRAFT" ||
		drafted.text("draftTreeFromSession.tree.category.id") != shelf || drafted.text("draftTreeFromSession.tree.author.id") != admin.id {
		t.Errorf("drafted %s", drafted.Body)
	}
	if drafted.text("draftTreeFromSession.tree.graph.nodes.0.text") != "The one on the left." || drafted.number("draftTreeFromSession.tree.nodeCount") != 3 {
		t.Errorf("drafted %s", drafted.Body)
	}
	if drafted.text("draftTreeFromSession.problems.0.code") != "MISSING_TARGET" || drafted.text("draftTreeFromSession.problems.0.path") != "nodes[0].options[1].target" {
		t.Errorf("what is open: %s", drafted.Body)
	}
	if again := n.post(admin.access, draftIt, vars{"input": in}).ok(); again.text("draftTreeFromSession.tree.id") != id {
		t.Errorf("a repeat drafts another tree: %s", again.Body)
	}
	in["title"] = "Other"
	n.post(admin.access, draftIt, vars{"input": in}).refused("CONFLICT")
	stranger := n.join(owner, "ENGINEER")
	n.post(stranger.access, draftIt, vars{"input": vars{"sessionId": walk}}).refused("NOT_FOUND")
	if a := n.post(admin.access, draftIt, vars{"input": vars{"sessionId": walk, "title": ""}}); a.code() != "BAD_USER_INPUT" || a.extension("field") != "input.title" {
		t.Errorf("an empty title: %s", a.Body)
	}

	refused := n.post(admin.access, publishIt, vars{"input": vars{"treeId": id, "expectedRevision": 1}}).ok()
	if refused.at("publishTree.version") != nil {
		t.Errorf("what is open was published: %s", refused.Body)
	}
	mended := vars{"root": "is-the-fuse-in", "nodes": []any{
		vars{"decision": vars{"nodeId": "is-the-fuse-in", "title": "Is the fuse in?", "options": []any{
			vars{"optionId": "no", "label": "No", "target": "put-the-fuse-in"}, vars{"optionId": "yes", "label": "Yes", "target": "call"},
		}}},
		vars{"action": vars{"nodeId": "put-the-fuse-in", "title": "Put the fuse in", "options": []any{
			vars{"optionId": "it-shines", "label": "It shines", "target": "the-fuse-was-out"}, vars{"optionId": "dark", "label": "Still dark", "target": "call"},
		}}},
		vars{"solution": vars{"nodeId": "the-fuse-was-out", "title": "The fuse was out.", "text": "It is in.", "outcome": "RESOLVED"}},
		vars{"solution": vars{"nodeId": "call", "title": "Call the electrician", "text": "Say where.", "outcome": "ESCALATED"}},
	}}
	n.post(admin.access, saveGraph, vars{"input": vars{"treeId": id, "expectedRevision": 1, "graph": mended}}).ok()
	if published := n.post(admin.access, publishIt, vars{"input": vars{"treeId": id, "expectedRevision": 2}}).ok(); published.number("publishTree.version") != 1 {
		t.Fatal(published.Body)
	}
	next := n.walk(engineer, id)
	for i, option := range []string{"no", "it-shines"} {
		n.post(engineer.access, `mutation($input: AdvanceSessionInput!) { advanceSession(input: $input) { session { step } } }`,
			vars{"input": vars{"sessionId": next, "expectedStep": i, "optionId": option}}).ok()
	}
	if done := n.post(engineer.access, completeIt, vars{"input": vars{"sessionId": next, "expectedStep": 2}}).ok(); done.text("completeSession.session.status") != "COMPLETED" {
		t.Errorf("walked %s", done.Body)
	}
}

// A step that the tree does not have is offered to its owner, who accepts it; the
// next version has it.
func TestTreeOffers_AStepBecomesPartOfTheTree(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	author, engineer, viewer := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER"), n.join(owner, "VIEWER")
	tree := n.published(author)
	editor := n.open(author.access)
	defer editor.conn.Close()
	editor.subscribe("edit", `subscription($id: ID!) { treeChanged(id: $id) { tree { revision openOfferCount } } }`, vars{"id": tree})
	if first := editor.answer(); first.number("treeChanged.tree.openOfferCount") != 0 {
		t.Fatalf("first %s", first.Body)
	}

	offer := n.offered(engineer, tree)
	if news := editor.answer(); news.number("treeChanged.tree.openOfferCount") != 1 || news.number("treeChanged.tree.revision") != 2 {
		t.Errorf("editors are told %s", news.Body)
	}
	if again := n.offered(author, tree); again != offer {
		t.Errorf("equal words are offered twice: %s and %s", offer, again)
	}
	const inbox = `query($filter: TreeOfferFilter) { treeOffers(filter: $filter) { totalCount nodes {
		id treeId treeTitle nodeId nodeTitle title answer note status count offeredBy { id } sessionId decidedBy { id } } } }`
	mine := n.post(author.access, inbox, nil).ok()
	if mine.number("treeOffers.totalCount") != 1 || mine.text("treeOffers.nodes.0.treeTitle") != "Is the lamp dark?" || mine.text("treeOffers.nodes.0.nodeTitle") != "Is it plugged in?" ||
		mine.text("treeOffers.nodes.0.title") != "Is the socket live?" || mine.text("treeOffers.nodes.0.answer") != "No" ||
		mine.number("treeOffers.nodes.0.count") != 2 || mine.text("treeOffers.nodes.0.offeredBy.id") != engineer.id {
		t.Errorf("the author's inbox: %s", mine.Body)
	}
	if mine.at("treeOffers.nodes.0.sessionId") == nil { // the latest is the author's own
		t.Errorf("the author does not see their own session: %s", mine.Body)
	}
	if theirs := n.post(engineer.access, inbox, vars{"filter": vars{"mine": false}}).ok(); theirs.number("treeOffers.totalCount") != 1 || theirs.at("treeOffers.nodes.0.sessionId") != nil {
		t.Errorf("an engineer sees %s", theirs.Body)
	}
	if none := n.post(engineer.access, inbox, nil).ok(); none.number("treeOffers.totalCount") != 0 {
		t.Errorf("who owns no tree has in their inbox %s", none.Body)
	}
	n.post(viewer.access, inbox, nil).refused("FORBIDDEN")
	if seen := n.post(viewer.access, `query($id: ID!) { tree(id: $id) { openOfferCount offers { totalCount } } }`, vars{"id": tree}).ok(); seen.at("tree.offers") != nil || seen.at("tree.openOfferCount") != nil {
		t.Errorf("a viewer sees %s", seen.Body)
	}

	n.post(author.access, acceptIt, vars{"input": vars{"offerId": offer, "expectedRevision": 1}}).refused("CONFLICT")
	accepted := n.post(author.access, acceptIt, vars{"input": vars{"offerId": offer, "expectedRevision": 2}}).ok()
	if accepted.text("acceptTreeOffer.offer.status") != "ACCEPTED" || accepted.text("acceptTreeOffer.offer.decidedBy.id") != author.id ||
		accepted.text("acceptTreeOffer.offer.acceptedNodeId") != "is-the-socket-live" || accepted.text("acceptTreeOffer.tree.graph.root") != "is-the-socket-live" ||
		accepted.number("acceptTreeOffer.tree.openOfferCount") != 0 || accepted.number("acceptTreeOffer.tree.revision") != 3 {
		t.Errorf("accepted %s", accepted.Body)
	}
	n.post(author.access, acceptIt, vars{"input": vars{"offerId": offer, "expectedRevision": 3}}).refused("CONFLICT")
	if published := n.post(author.access, publishIt, vars{"input": vars{"treeId": tree, "expectedRevision": 3}}).ok(); published.number("publishTree.version") != 2 {
		t.Fatalf("an accepted offer keeps the tree from being published: %s", published.Body)
	}
	walk := n.walk(engineer, tree)
	if shown := n.post(engineer.access, `query($id: ID!) { session(id: $id) { currentNode { title } } }`, vars{"id": walk}).ok(); shown.text("session.currentNode.title") != "Is the socket live?" {
		t.Errorf("the next walk begins at %s", shown.Body)
	}
}

// What sessions say is what counts: reopening and completing again doubles nothing,
// and an undone step takes its offer with it. A dismissed offer is counted, not
// asked about again.
func TestTreeOffers_AreWhatTheRecordsSay(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	tree := n.published(owner)
	walk := n.walk(owner, tree)
	step := 0
	do := func(field, kind string, in vars) {
		t.Helper()
		in["sessionId"], in["expectedStep"] = walk, step
		step = n.post(owner.access, fmt.Sprintf(`mutation($input: %sInput!) { %s(input: $input) { session { step } } }`, kind, field), vars{"input": in}).ok().number(field + ".session.step")
	}
	offers := func(status string) *answer {
		t.Helper()
		return n.post(owner.access, `query($status: [TreeOfferStatus!]) { treeOffers(filter: { status: $status }) { totalCount nodes { id title count reason latestAt } } }`, vars{"status": []any{status}}).ok()
	}
	do("addStep", "AddStep", vars{"title": "Shook it", "answer": "Dark"})
	do("addStep", "AddStep", vars{"title": " shook  it", "answer": "DARK"})
	do("addStep", "AddStep", vars{"title": "Kicked it"})
	if running := offers("OPEN"); running.number("treeOffers.totalCount") != 0 {
		t.Errorf("a running session offers %s", running.Body)
	}
	end := vars{"outcome": "RESOLVED", "reason": "It shines."}
	for range 2 {
		do("completeSession", "CompleteSession", end)
		if open := offers("OPEN"); open.number("treeOffers.totalCount") != 2 || open.number("treeOffers.nodes.0.count")+open.number("treeOffers.nodes.1.count") != 3 {
			t.Errorf("completed: %s", open.Body)
		}
		do("reopenSession", "ReopenSession", vars{})
	}
	do("goBack", "GoBack", vars{}) // the last step is not in the record any more
	do("completeSession", "CompleteSession", end)
	open := offers("OPEN")
	if open.number("treeOffers.totalCount") != 1 || open.text("treeOffers.nodes.0.title") != "Shook it" || open.number("treeOffers.nodes.0.count") != 2 {
		t.Errorf("after an undone step: %s", open.Body)
	}
	const dismiss = `mutation($input: DismissTreeOfferInput!) { dismissTreeOffer(input: $input) { offer { status reason decidedBy { name } } } }`
	offer := open.text("treeOffers.nodes.0.id")
	if a := n.post(owner.access, dismiss, vars{"input": vars{"offerId": offer, "reason": "It breaks."}}).ok(); a.text("dismissTreeOffer.offer.status") != "DISMISSED" || a.text("dismissTreeOffer.offer.decidedBy.name") == "" {
		t.Errorf("dismissed %s", a.Body)
	}
	n.post(owner.access, dismiss, vars{"input": vars{"offerId": offer}}).refused("CONFLICT")
	walk, step = n.walk(owner, tree), 0
	do("addStep", "AddStep", vars{"title": "Shook it", "answer": "Dark"})
	do("completeSession", "CompleteSession", end)
	if open := offers("OPEN"); open.number("treeOffers.totalCount") != 0 {
		t.Errorf("what was dismissed is asked about again: %s", open.Body)
	}
	if d := offers("DISMISSED"); d.number("treeOffers.nodes.0.count") != 3 || d.text("treeOffers.nodes.0.reason") != "It breaks." {
		t.Errorf("dismissed: %s", d.Body)
	}
	do("reopenSession", "ReopenSession", vars{})
	do("abandonSession", "AbandonSession", vars{})
	if d := offers("DISMISSED"); d.number("treeOffers.nodes.0.count") != 2 {
		t.Errorf("an abandoned session is evidence: %s", d.Body)
	}
}
