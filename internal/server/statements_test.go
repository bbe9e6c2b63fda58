package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatements_OfTheExamples counts what each document of docs/api-examples asks
// of the database, so that nothing reads once per element of a list, and saying
// who asks costs nothing.
func TestStatements_OfTheExamples(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	tree2 := n.published(h.owner)
	walk := n.walk(h.owner, h.tree)
	step := func() int {
		return n.post(h.owner.access, `query($id: ID!) { session(id: $id) { step } }`, vars{"id": walk}).ok().number("session.step")
	}
	option := n.post(h.owner.access, `query($id: ID!) { session(id: $id) { currentNode { ... on DecisionNode { options { optionId } } } } }`, vars{"id": walk}).ok().
		text("session.currentNode.options.0.optionId")
	fresh := n.newPerson()
	n.again(h.colleague) // lists have more than one element
	invited := n.newPerson()
	invitation := n.post(h.owner.access, `mutation($input: InviteUserInput!) { inviteUser(input: $input) { token } }`,
		vars{"input": vars{"email": invited.email, "role": "VIEWER"}}).ok().text("inviteUser.token")
	n.secret("invitation", invitation)
	draft, revision := n.imported(h.owner)
	link, token, _ := n.share(h.owner, vars{"sessionId": h.walk})
	dismissed := n.offered(h.owner, tree2)
	asks := n.walk(h.colleague, h.tree) // a colleague's, so that others can help
	escalate := func(who *person, walk string, step int) int {
		a := n.post(who.access, `mutation($input: EscalateSessionInput!) { escalateSession(input: $input) { session { escalation { step } } } }`,
			vars{"input": vars{"sessionId": walk, "expectedStep": step, "reason": "Stuck."}}).ok()
		return a.number("escalateSession.session.escalation.step")
	}
	suggest := func(walk string) {
		n.post(h.colleague.access, `mutation($input: SuggestStepInput!) { suggestStep(input: $input) { session { id } } }`,
			vars{"input": vars{"sessionId": walk, "text": "Look at the plug."}}).ok()
	}

	// In the order in which they are run. The most that each may take: of reads,
	// what its comment says; of what is written, what the transaction is made of.
	documents := []struct {
		name string
		most int
		with func() vars
	}{
		{"me", 3, nil},
		{"trees", 1, func() vars { return vars{"first": 10} }},
		{"search-trees", 1, func() vars { return vars{"query": "lamp", "first": 10} }},
		{"tree", 1, func() vars { return vars{"id": h.tree} }},
		{"sessions", 1, func() vars { return vars{"first": 10} }},
		{"session", 2, func() vars { return vars{"id": h.walk} }},
		{"export-session", 2, func() vars { return vars{"input": vars{"sessionId": h.walk, "format": "MARKDOWN"}} }},
		{"clients", 1, func() vars { return vars{"query": "exa", "first": 10} }},
		{"seen-before", 1, func() vars { return vars{"input": vars{"clientName": "Example Ltd", "subject": "no light"}} }},
		{"start-link", 3, func() vars {
			return vars{"input": vars{"tree": h.tree, "ticket": "T-1", "clientName": "Example Ltd", "values": []any{vars{"name": "phone", "text": "1"}}}}
		}},
		{"start-link-template", 1, func() vars { return vars{"treeId": h.tree} }},
		{"create-client", 3, func() vars { return vars{"input": vars{"name": "Third", "aliases": []any{"3rd"}}} }},
		{"merge-clients", 8, func() vars {
			return vars{"input": vars{"clientId": h.client, "expectedRevision": 1, "mergedClientId": h.otherClient}}
		}},
		{"account-security", 3, nil},
		{"audit-log", 2, func() vars { return vars{"first": 10} }},
		{"import-tree", 3, func() vars { return vars{"input": vars{"format": "MARKDOWN", "content": runbook}} }},
		{"publish-tree", 8, func() vars { return vars{"input": vars{"treeId": draft, "expectedRevision": revision}} }},
		{"invite-user", 8, func() vars { return vars{"input": vars{"email": "third@example.com", "role": "VIEWER"}} }},
		{"update-tree", 5, func() vars {
			return vars{"input": vars{"treeId": draft, "expectedRevision": 2, "title": "Another title"}}
		}},
		{"accept-invitation", 13, func() vars {
			return vars{"input": vars{"token": invitation, "name": "N", "password": invited.password}}
		}},
		{"start-session", 3, func() vars { return vars{"input": vars{"treeId": tree2}} }},
		{"advance-session", 4, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "optionId": option}} }},
		{"go-back", 4, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step()}} }},
		{"add-note", 4, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "text": "A note."}} }},
		{"update-scratchpad", 3, func() vars { return vars{"input": vars{"sessionId": walk, "text": "x", "expectedRevision": 0}} }},
		{"share-session", 5, func() vars { return vars{"input": vars{"sessionId": walk}} }},
		{"shared-session", 5, func() vars { return vars{"token": token} }}, // the first time also goes into the audit log
		{"revoke-share", 5, func() vars { return vars{"input": vars{"shareId": link}} }},
		{"add-step", 4, func() vars {
			return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "title": "Is the switch on?", "answer": "No"}}
		}},
		{"draft-tree-from-session", 7, func() vars { return vars{"input": vars{"sessionId": walk, "idempotencyKey": "k"}} }},
		{"tree-offers", 1, func() vars { return vars{"first": 10} }},
		{"accept-tree-offer", 7, func() vars { return vars{"input": vars{"offerId": h.offer, "expectedRevision": 2}} }},
		{"dismiss-tree-offer", 3, func() vars { return vars{"input": vars{"offerId": dismissed, "reason": "Known."}} }},
		{"escalate-session", 5, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "reason": "Stuck."}} }},
		{"respond-to-suggestion", 4, func() vars {
			suggest(walk)
			return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "suggestion": 1, "accept": true}}
		}},
		{"take-back-escalation", 5, func() vars { return vars{"input": vars{"sessionId": walk, "escalationStep": step() - 1}} }},
		{"suggest-step", 5, func() vars {
			escalate(h.colleague, asks, 0)
			escalate(h.owner, walk, step()) // lists have more than one element
			return vars{"input": vars{"sessionId": asks, "text": "Look at the plug."}}
		}},
		{"escalations", 2, nil},
		{"answer-escalation", 6, func() vars {
			return vars{"input": vars{"sessionId": asks, "escalationStep": 1, "hint": "It is on the back.", "keepOpen": true}}
		}},
		{"claim-session", 6, func() vars { return vars{"input": vars{"sessionId": asks, "escalationStep": 1}} }},
		{"escalation-figures", 1, nil},
		{"update-session", 4, func() vars { return vars{"input": vars{"sessionId": walk, "ticket": "T-2"}} }},
		{"switch-tree", 5, func() vars {
			return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "treeId": tree2}}
		}},
		{"return-to-tree", 5, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step()}} }},
		{"complete-session", 5, func() vars {
			return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "outcome": "UNRESOLVED", "reason": "No time."}}
		}},
		{"reopen-session", 4, func() vars { return vars{"input": vars{"sessionId": walk, "expectedStep": step()}} }},
		{"hand-over-session", 5, func() vars {
			return vars{"input": vars{"sessionId": walk, "expectedStep": step(), "toUserId": h.colleague.id, "note": "Lunch."}}
		}},
		{"register", 8, func() vars {
			return vars{"input": vars{"accountName": "A", "name": "N", "email": fresh.email, "password": fresh.password}}
		}},
		{"login", 9, func() vars { return vars{"input": vars{"email": h.owner.email, "password": h.owner.password}} }},
		{"refresh", 5, func() vars { return vars{"input": vars{"refreshToken": h.owner.refresh, "attemptId": newAttempt()}} }},
		{"update-session-policy", 9, func() vars { return vars{"input": vars{"preset": "STRICT", "applyNow": true}} }},
		{"revoke-sessions", 6, func() vars { return vars{"input": vars{"scope": "USER", "userId": h.colleague.id}} }},
		{"logout", 5, nil},
	}
	run := map[string]bool{"session-expiry": true, "escalation-queue": true, "watch-session": true, "active-sessions": true, "watch-audit-log": true} // the register and the feeds read for them, once for everybody
	for _, d := range documents {
		run[d.name] = true
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api-examples", d.name+".graphql"))
		check(t, err)
		var v vars
		if d.with != nil {
			v = d.with()
		}
		n.statements.take()
		a := n.post(h.owner.access, string(text), v).ok()
		for _, name := range []string{"accessToken", "refreshToken", "token"} {
			for _, field := range []string{"register", "login", "refresh", "acceptInvitation", "inviteUser", "shareSession"} {
				if secret, ok := lookup(a.Data, field+"."+name); ok && secret != nil {
					n.secret(name, fmt.Sprint(secret))
				}
			}
		}
		list := n.statements.take()
		if len(list) > d.most {
			t.Errorf("%s takes %d statements, want at most %d:\n%s", d.name, len(list), d.most, strings.Join(list, "\n"))
		}
		for words, count := range map[string]int{"One statement": 1, "Two statements": 2} {
			if strings.Contains(string(text), words) && len(list) != count {
				t.Errorf("%s says %q and takes %d", d.name, words, len(list))
			}
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "api-examples", "*.graphql"))
	check(t, err)
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".graphql"); !run[name] {
			t.Errorf("%s is not in the table: say how many statements it may take", name)
		}
	}
}

// TestStatements_SayingWhoAsksCostsNone sends requests that need to know who asks
// and nothing else.
func TestStatements_SayingWhoAsksCostsNone(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	for what, tt := range map[string]struct {
		token, query string
		variables    vars
		count        int
	}{
		"nobody":                           {"", `{ me { id } }`, nil, 0},
		"a name of the schema":             {h.owner.access, `{ __typename serverInfo { version } }`, nil, 0},
		"what only engineers may check":    {h.owner.access, `query($input: ValidateTreeInput!) { validateTree(input: $input) { problems { code } } }`, vars{"input": vars{"title": "A", "graph": smallGraph}}, 0},
		"a refusal":                        {h.colleague.access, `{ accountSecurity { activeUsers { user { id } } } }`, nil, 0},
		"a token that is none":             {"rubbish", `{ account { id } }`, nil, 0},
		"who is signed in, and where":      {h.owner.access, `{ accountSecurity { activeSessions { id device connectedNow user { name role lastLoginAt } } } }`, nil, 2},
		"who chose the policy":             {h.owner.access, `{ accountSecurity { policy { preset chosenAt chosenBy { name } } } }`, nil, 1},
		"one's own login sessions":         {h.owner.access, `{ me { loginSessions { id connectedNow user { name } } currentLoginSession { connectedNow } } }`, nil, 3},
		"the user":                         {h.owner.access, `{ me { id name } }`, nil, 1},
		"the account":                      {h.owner.access, `{ account { id name } }`, nil, 1},
		"the tags":                         {h.owner.access, `{ treeTags { tag treeCount } }`, nil, 1},
		"the templates":                    {h.owner.access, `{ treeTemplates { template title nodeCount } }`, nil, 0},
		"a tree with its versions":         {h.owner.access, `query($id: ID!) { tree(id: $id) { confirmedBy { name } versions { totalCount nodes { number publishedBy { name } graph { root } } } } }`, vars{"id": h.tree}, 2},
		"one version":                      {h.owner.access, `query($id: ID!) { treeVersion(treeId: $id, number: 1) { title publishedBy { name } graph { root } } }`, vars{"id": h.tree}, 1},
		"what is due":                      {h.owner.access, `{ trees(filter: { due: true }, orderBy: { field: REVIEW, direction: ASC }) { totalCount nodes { reviewBy confirmedAt confirmedBy { name } } } }`, nil, 1},
		"what is used most":                {h.owner.access, `{ trees(orderBy: { field: MOST_USED, direction: DESC }) { totalCount nodes { title } } }`, nil, 1},
		"the categories":                   {h.owner.access, `{ treeCategories { id name } }`, nil, 1},
		"a tree with all that is in it":    {h.owner.access, `query($id: ID!) { tree(id: $id) { title category { name } author { name } owner { name } savedBy { name } graph { nodes { nodeId } } problems { code } } }`, vars{"id": h.tree}, 1},
		"a list with all that is in it":    {h.owner.access, `{ trees { totalCount nodes { title category { name } author { name } owner { name } savedBy { name } } edges { node { description } } } }`, nil, 1},
		"an empty list":                    {h.owner.access, `{ trees(filter: { tag: "none" }) { totalCount nodes { id } } }`, nil, 1},
		"the sessions of the team":         {h.owner.access, `{ sessions(filter: { scope: TEAM }) { totalCount nodes { title heldBy { name } startedBy { name } currentNode { title } step } } }`, nil, 1},
		"the resolved ones of a span":      {h.owner.access, `query($f: TreeSessionFilter) { sessions(filter: $f) { totalCount nodes { id } } }`, vars{"f": vars{"outcome": []string{"RESOLVED"}, "beginsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-02-01T00:00:00Z"}}, 1},
		"a session with all that is in it": {h.owner.access, `query($id: ID!) { session(id: $id) { title heldBy { name } startedBy { name } currentNode { title } currentNotes { text by { name } } steps { title by { name } } } }`, vars{"id": h.walk}, 2},
		"the sessions with their links":    {h.owner.access, `{ sessions { nodes { scratchpad scratchpadRevision shares { id createdBy { name } openedCount } } } }`, nil, 1},
		"a link that opens nothing":        {"", `query($token: String!) { sharedSession(token: $token) { expiresAt } }`, vars{"token": h.owner.account + "." + h.link + "." + strings.Repeat("A", 43)}, 1},
		"what is no link":                  {"", `{ sharedSession(token: "rubbish") { expiresAt } }`, nil, 0},
		"the offers of the team":           {h.owner.access, `{ treeOffers(filter: { mine: false }) { totalCount nodes { treeTitle nodeTitle title count latestAt sessionId offeredBy { name } decidedBy { name } } edges { node { note } } } }`, nil, 1},
		"a tree with its offers":           {h.owner.access, `query($id: ID!) { tree(id: $id) { openOfferCount offers(status: [OPEN, DISMISSED]) { totalCount nodes { title count sessionId offeredBy { name } } } } }`, vars{"id": h.tree}, 2},
		"trees with a count of offers":     {h.owner.access, `{ trees { nodes { title openOfferCount } } }`, nil, 1},
		"a session with its client":        {h.owner.access, `query($id: ID!) { session(id: $id) { title clientName client { name facts { text } } values { text } givenValues { text } } }`, vars{"id": h.walk}, 1},
		"the sessions of a client":         {h.owner.access, `query($f: TreeSessionFilter) { sessions(filter: $f) { totalCount nodes { title client { name } } } }`, vars{"f": vars{"clientId": h.client, "ticket": "T-1"}}, 1},
		"a client":                         {h.owner.access, `query($id: ID!) { client(id: $id) { name aliases ticketKey facts { name text } revision } }`, vars{"id": h.client}, 1},
		"the queue without records":        {h.owner.access, `{ escalations { more escalations { urgency reason askedBy { name } session { title heldBy { name } suggestions { by { name } } } } } }`, nil, 1},
		"a session without its record":     {h.owner.access, `query($id: ID!) { session(id: $id) { title status } }`, vars{"id": h.walk}, 1},
	} {
		n.statements.take()
		a := n.post(tt.token, tt.query, tt.variables)
		if a.code() == "INTERNAL_SERVER_ERROR" || a.code() == "BAD_USER_INPUT" {
			t.Errorf("%s: %s", what, a.Body)
		}
		if list := n.statements.take(); len(list) != tt.count {
			t.Errorf("%s takes %d statements, want %d:\n%s", what, len(list), tt.count, strings.Join(list, "\n"))
		}
	}
}
