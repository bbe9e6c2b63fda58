package server_test

import (
	"strings"
	"testing"
)

// An engineer's tree asks for a value, and shows it and facts of the client.
var vpnGraph = vars{"root": "who", "nodes": []any{
	vars{"input": vars{"nodeId": "who", "title": "Who calls {{client.name}}?", "next": "dial", "fields": []any{
		vars{"name": "phone", "label": "Phone", "type": "TEXT", "sensitive": true},
		vars{"name": "people", "label": "People", "type": "NUMBER"},
	}}},
	vars{"action": vars{"nodeId": "dial", "title": "Dial {{client.vpn}} in {{client.building}}", "text": "For {{phone}}.", "next": "end"}},
	vars{"solution": vars{"nodeId": "end", "title": "Dialled {{client.vpn}}, told {{phone}}", "outcome": "RESOLVED"}},
}}

// One click in a ticket system: the link finds the tree, the client by an alias and
// the values; the walk begins with them; a colleague who follows the same link is
// told who has it; and the next time the same client has the same problem, both see
// what helped.
func TestClients_FromAStartLinkToSeenBefore(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	ann, bob, viewer := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER"), n.join(owner, "VIEWER")
	made := n.post(ann.access, `mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id revision } } }`,
		vars{"input": vars{"title": "VPN does not connect", "graph": vpnGraph}}).ok()
	treeID := made.text("createTree.tree.id")
	n.post(ann.access, `mutation($input: PublishTreeInput!) { publishTree(input: $input) { version problems { message } } }`,
		vars{"input": vars{"treeId": treeID, "expectedRevision": 1}}).ok().number("publishTree.version")
	clientID := n.post(ann.access, `mutation($input: CreateClientInput!) { createClient(input: $input) { client { id } } }`,
		vars{"input": vars{"name": "Müller & Söhne", "aliases": []any{"MS Fleischwaren"}, "ticketKey": "C-77", "facts": []any{vars{"name": "vpn", "text": "vpn.mueller.example"}}}}).ok().text("createClient.client.id")

	template := n.post(bob.access, `query($treeId: ID!) { startLinkTemplate(treeId: $treeId) { url valueNames } }`, vars{"treeId": treeID}).ok()
	if got, want := template.text("startLinkTemplate.url"), "https://branchline.test/start?tree="+treeID+"&ticket={ticket}&client={client}&subject={subject}&value.phone={value.phone}&value.people={value.people}"; got != want {
		t.Errorf("the template is %s, want %s", got, want)
	}

	const follow = `query($input: StartLinkInput!) { startLink(input: $input) {
		tree { id title status } trees { id } client { id name } openSessions { sessionId title isMine heldBy { name id } }
		values { name label text isAskedFor refusal } problems { field message } } }`
	link := vars{"tree": "vpn connect", "ticket": "INC-1", "clientName": "mueller & soehne", "subject": "VPN down", "values": []any{
		vars{"name": "phone", "text": "030 12345"}, vars{"name": "people", "text": "many"}, vars{"name": "asset", "text": "PC-7"},
	}}
	a := n.post(ann.access, follow, vars{"input": link}).ok()
	if a.text("startLink.tree.id") != treeID || a.text("startLink.client.id") != clientID || len(a.at("startLink.openSessions").([]any)) != 0 {
		t.Errorf("the link leads to %s", a.Body)
	}
	if a.at("startLink.values.0.isAskedFor") != true || a.at("startLink.values.0.refusal") != nil || a.at("startLink.values.1.refusal") == nil || a.text("startLink.values.1.label") != "People" ||
		a.text("startLink.problems.0.field") != "input.values[1].text" || a.text("startLink.problems.1.field") != "input.values[2].name" {
		t.Errorf("its values: %s", a.Body)
	}

	const start = `mutation($input: StartSessionInput!) { startSession(input: $input) { session { id clientName client { id revision facts { name text } }
		givenValues { name label text type } values { name text } currentNode { title ... on InputNode { fields { name value } } } } } }`
	in := vars{"treeId": treeID, "ticket": "INC-1", "clientName": "ms fleischwaren", "createClient": true, "subject": "VPN down", "values": link["values"]}
	if a = n.post(ann.access, start, vars{"input": in}); a.code() != "BAD_USER_INPUT" || a.extension("field") != "input.values[1].text" {
		t.Errorf("a value that the field does not take: %s", a.Body)
	}
	in["values"] = []any{vars{"name": "phone", "text": "030 12345"}, vars{"name": "people", "text": "+05"}, vars{"name": "asset", "text": "PC-7"}}
	a = n.post(ann.access, start, vars{"input": in}).ok()
	session := a.text("startSession.session.id")
	if a.text("startSession.session.client.id") != clientID || a.text("startSession.session.clientName") != "Müller & Söhne" || a.text("startSession.session.currentNode.title") != "Who calls Müller & Söhne?" {
		t.Errorf("the client is found by its alias: %s", a.Body)
	}
	if a.text("startSession.session.currentNode.fields.0.value") != "030 12345" || a.text("startSession.session.currentNode.fields.1.value") != "5" || a.text("startSession.session.givenValues.2.label") != "asset" {
		t.Errorf("the input comes with what is known: %s", a.Body)
	}
	a = n.post(ann.access, `mutation($input: AdvanceSessionInput!) { advanceSession(input: $input) { session { client { name } currentNode { title text } steps { values { name text } clientFacts { name text } } } } }`,
		vars{"input": vars{"sessionId": session, "expectedStep": 0, "values": []any{vars{"name": "phone", "text": "030 12345"}, vars{"name": "people", "text": ""}}}}).ok()
	if a.text("advanceSession.session.currentNode.title") != "Dial vpn.mueller.example in {{client.building}}" || a.text("advanceSession.session.currentNode.text") != "For 030 12345." ||
		a.text("advanceSession.session.client.name") != "Müller & Söhne" || a.text("advanceSession.session.steps.0.clientFacts.0.text") != "Müller & Söhne" {
		t.Errorf("a fact is shown in place of its name, one that is missing stays: %s", a.Body)
	}

	// Bob follows the same link.
	a = n.post(bob.access, follow, vars{"input": link}).ok()
	if a.text("startLink.openSessions.0.sessionId") != session || a.at("startLink.openSessions.0.isMine") != false || a.text("startLink.openSessions.0.heldBy.id") != ann.id {
		t.Errorf("the colleague is offered %s", a.Body)
	}
	if a = n.post(ann.access, follow, vars{"input": link}).ok(); a.at("startLink.openSessions.0.isMine") != true {
		t.Errorf("who has it is offered %s", a.Body)
	}
	n.post(bob.access, `query($id: ID!) { session(id: $id) { id } }`, vars{"id": session}).refused("NOT_FOUND")

	// What is learned on the way is shown at once, to who watches too.
	watching := n.open(ann.access)
	defer watching.conn.Close()
	watching.subscribe("watch", `subscription($id: ID!) { treeSession(id: $id) { ... on TreeSessionState { session { currentNode { title } } } ... on TreeSessionProgress { session { currentNode { title } client { revision } } } } }`, vars{"id": session})
	watching.answer().ok()
	n.post(bob.access, `mutation($input: UpdateClientInput!) { updateClient(input: $input) { client { revision } } }`,
		vars{"input": vars{"clientId": clientID, "expectedRevision": 1, "facts": []any{vars{"name": "vpn", "text": "vpn.mueller.example"}, vars{"name": "building", "text": "Haus 3"}}}}).ok()
	for title := ""; title != "Dial vpn.mueller.example in Haus 3"; {
		told := watching.answer().ok()
		title = told.text("treeSession.session.currentNode.title")
	}
	conflict := n.post(ann.access, `mutation($input: UpdateClientInput!) { updateClient(input: $input) { client { id } } }`, vars{"input": vars{"clientId": clientID, "expectedRevision": 1, "name": "x"}})
	conflict.refused("CONFLICT")
	if conflict.extension("revision") != "2" {
		t.Errorf("%s", conflict.Body)
	}
	n.post(ann.access, `mutation($input: AdvanceSessionInput!) { advanceSession(input: $input) { session { id } } }`, vars{"input": vars{"sessionId": session, "expectedStep": 1}}).ok()
	n.post(ann.access, `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }`, vars{"input": vars{"sessionId": session, "expectedStep": 2}}).ok()
	export := n.post(ann.access, `query($input: ExportSessionInput!) { exportSession(input: $input) { content } }`, vars{"input": vars{"sessionId": session, "format": "TEXT", "redactSensitive": true}}).ok().text("exportSession.content")
	if !strings.Contains(export, "Dial vpn.mueller.example in Haus 3") || !strings.Contains(export, "asset: PC-7") || strings.Contains(export, "030 12345") {
		t.Errorf("the record says\n%s", export)
	}

	// The next call.
	const seen = `query($input: SeenBeforeInput!) { seenBefore(input: $input) { sameClient { sessionId isReadable isSimilar title outcome solution heldBy { name } endedAt } similar { sessionId } } }`
	a = n.post(bob.access, seen, vars{"input": vars{"clientName": "c-77", "subject": "vpn is down aga"}}).ok()
	if a.text("seenBefore.sameClient.0.sessionId") != session || a.at("seenBefore.sameClient.0.isReadable") != false || a.at("seenBefore.sameClient.0.isSimilar") != true ||
		a.text("seenBefore.sameClient.0.solution") != "Dialled vpn.mueller.example, told •••" || a.text("seenBefore.sameClient.0.outcome") != "RESOLVED" || len(a.at("seenBefore.similar").([]any)) != 0 {
		t.Errorf("a colleague sees %s", a.Body)
	}
	a = n.post(ann.access, seen, vars{"input": vars{"subject": "VPN down"}}).ok()
	if len(a.at("seenBefore.sameClient").([]any)) != 0 || a.text("seenBefore.similar.0.sessionId") != session {
		t.Errorf("by the subject alone: %s", a.Body)
	}

	// Found or made: a client that nobody knew, then by another spelling, then merged.
	begin := func(who *person, name string, create bool) *answer {
		t.Helper()
		return n.post(who.access, start, vars{"input": vars{"subject": "s", "clientName": name, "createClient": create}}).ok()
	}
	if a = begin(bob, "Neu GmbH", false); a.at("startSession.session.client") != nil || a.text("startSession.session.clientName") != "Neu GmbH" {
		t.Errorf("nobody asked for a record: %s", a.Body)
	}
	neu := begin(bob, "Neu GmbH", true).text("startSession.session.client.id")
	if got := begin(ann, "NEU  gmbh", true).text("startSession.session.client.id"); got != neu {
		t.Errorf("a double was made: %s and %s", got, neu)
	}
	newer := begin(ann, "Neue GmbH", true).text("startSession.session.client.id")
	merged := n.post(ann.access, `mutation($input: MergeClientsInput!) { mergeClients(input: $input) { client { aliases } mergedClientId movedSessionCount } }`,
		vars{"input": vars{"clientId": neu, "expectedRevision": 1, "mergedClientId": newer}}).ok()
	if merged.text("mergeClients.client.aliases.0") != "Neue GmbH" || merged.number("mergeClients.movedSessionCount") != 1 || merged.text("mergeClients.mergedClientId") != newer {
		t.Errorf("merged: %s", merged.Body)
	}
	if a = n.post(owner.access, `query($f: TreeSessionFilter) { sessions(filter: $f) { totalCount } }`, vars{"f": vars{"scope": "TEAM", "clientId": neu}}).ok(); a.number("sessions.totalCount") != 3 {
		t.Errorf("its sessions: %s", a.Body)
	}
	n.post(ann.access, `mutation($input: DeleteClientInput!) { deleteClient(input: $input) { deletedClientId } }`, vars{"input": vars{"clientId": neu}}).refused("CONFLICT")
	n.post(viewer.access, `{ clients { nodes { name } } }`, nil).refused("FORBIDDEN")
	n.post(viewer.access, `query($id: ID!) { node(id: $id) { id } }`, vars{"id": neu}).refused("NOT_FOUND")
}
