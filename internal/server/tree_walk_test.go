package server_test

import (
	"testing"
)

const walkSelection = `session { step status title clientName places { title arrival nodeId } heldBy { id } currentNotes { text output by { name } }
	steps(includeUndone: true) { step how own kind nodeId title answer output undone place { treeId title } } values { name text } }`

// A walk that begins where no tree fits, looks into one, changes hands and is
// reopened, as its two people see it.
func TestTreeSessions_OneRecordFromASubjectOn(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	do := func(who *person, field, kind string, in vars) *answer {
		t.Helper()
		return n.post(who.access, `mutation($input: `+kind+`Input!) { `+field+`(input: $input) { session { id } `+walkSelection+` } }`, vars{"input": in})
	}
	start := n.post(h.owner.access, `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id title currentNode { nodeId } places { title } values { name } } } }`,
		vars{"input": vars{"subject": "No light"}}).ok()
	id := start.text("startSession.session.id")
	if start.text("startSession.session.title") != "No light" || start.at("startSession.session.currentNode") != nil {
		t.Errorf("started %s", start.Body)
	}
	if a := n.post(h.owner.access, `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id } } }`, vars{"input": vars{}}); a.code() != "BAD_USER_INPUT" || a.extension("field") != "input.subject" {
		t.Errorf("no tree and no subject: %s", a.Body)
	}
	a := do(h.owner, "addStep", "AddStep", vars{"sessionId": id, "expectedStep": 0, "title": "Is it plugged in?", "answer": "Yes", "output": "ok\n"}).ok()
	if a.text("addStep.session.steps.0.how") != "OWN_STEP" || a.at("addStep.session.steps.0.kind") != nil || a.text("addStep.session.steps.0.output") != "ok" {
		t.Errorf("a step of one's own: %s", a.Body)
	}
	a = do(h.owner, "switchTree", "SwitchTree", vars{"sessionId": id, "expectedStep": 1, "treeId": h.tree}).ok()
	if a.text("switchTree.session.places.1.arrival") != "SWITCH" || a.text("switchTree.session.steps.1.answer") == "" {
		t.Errorf("switched: %s", a.Body)
	}
	a = do(h.owner, "handOverSession", "HandOverSession", vars{"sessionId": id, "expectedStep": 2, "toUserId": h.colleague.id, "note": "He calls back."}).ok()
	if a.text("handOverSession.session.heldBy.id") != h.colleague.id || a.text("handOverSession.session.currentNotes.0.text") != "He calls back." {
		t.Errorf("handed over: %s", a.Body)
	}
	if a := do(h.owner, "returnToTree", "ReturnToTree", vars{"sessionId": id, "expectedStep": 3}); a.code() != "FORBIDDEN" {
		t.Errorf("who gave it away goes on: %s", a.Body)
	}
	if a := do(h.owner, "handOverSession", "HandOverSession", vars{"sessionId": id, "expectedStep": 3, "toUserId": madeUp("user")}); a.code() != "NOT_FOUND" {
		t.Errorf("to a stranger: %s", a.Body)
	}
	a = do(h.colleague, "returnToTree", "ReturnToTree", vars{"sessionId": id, "expectedStep": 3}).ok()
	if a.text("returnToTree.session.steps.2.how") != "RETURN" {
		t.Errorf("returned: %s", a.Body)
	}
	n.post(h.colleague.access, `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": id, "expectedStep": 4, "outcome": "RESOLVED", "reason": "It was the fuse."}}).ok()
	a = do(h.owner, "reopenSession", "ReopenSession", vars{"sessionId": id, "expectedStep": 5}).ok()
	if a.text("reopenSession.session.status") != "IN_PROGRESS" || a.text("reopenSession.session.heldBy.id") != h.colleague.id {
		t.Errorf("reopened: %s", a.Body)
	}
	a = do(h.colleague, "updateSession", "UpdateSession", vars{"sessionId": id, "clientName": "Example"}).ok()
	if a.text("updateSession.session.clientName") != "Example" || a.text("updateSession.session.title") != "No light" {
		t.Errorf("updated: %s", a.Body)
	}
}
