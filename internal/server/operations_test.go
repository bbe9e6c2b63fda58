package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/account"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: graph.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// rootFields returns every field of Query, Mutation and Subscription with its
// kind of operation.
func rootFields(schema *ast.Schema) map[*ast.FieldDefinition]ast.Operation {
	fields := map[*ast.FieldDefinition]ast.Operation{}
	for kind, root := range map[ast.Operation]*ast.Definition{ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription} {
		for _, f := range root.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				fields[f] = kind
			}
		}
	}
	return fields
}

// document returns an operation of one root field, with a variable for each of
// its arguments.
func document(schema *ast.Schema, f *ast.FieldDefinition, kind ast.Operation) string {
	var declared, passed []string
	for _, a := range f.Arguments {
		declared = append(declared, fmt.Sprintf("$%s: %s", a.Name, a.Type))
		passed = append(passed, fmt.Sprintf("%s: $%s", a.Name, a.Name))
	}
	in, out := "", ""
	if len(declared) > 0 {
		in, out = "("+strings.Join(declared, ", ")+")", "("+strings.Join(passed, ", ")+")"
	}
	selection := "{ __typename }"
	if strings.HasSuffix(f.Type.Name(), "Connection") {
		selection = "{ totalCount nodes { id } }"
	}
	return fmt.Sprintf("%s%s { %s%s %s }", kind, in, f.Name, out, selection)
}

// place is an input value somewhere below a root field's arguments.
type place struct {
	path string // dotted, as errors name it: "input.treeId"
	of   string // where it is declared: "UpdateTreeInput.treeId"
	list bool
}

// places returns where a field takes values of a scalar type, through all its
// input types.
func places(schema *ast.Schema, f *ast.FieldDefinition, scalar string) []place {
	var found []place
	var visit func(path, of string, typ *ast.Type, above []string)
	visit = func(path, of string, typ *ast.Type, above []string) {
		if typ.Name() == scalar {
			found = append(found, place{path, of, typ.Elem != nil})
			return
		}
		d := schema.Types[typ.Name()]
		if d == nil || d.Kind != ast.InputObject || slices.Contains(above, d.Name) {
			return
		}
		for _, field := range d.Fields {
			visit(path+"."+field.Name, d.Name+"."+field.Name, field.Type, append(above, d.Name))
		}
	}
	for _, a := range f.Arguments {
		visit(a.Name, f.Name+"."+a.Name, a.Type, nil)
	}
	return found
}

// home is an account with one of everything that has an id.
type home struct {
	owner, colleague                        *person
	tree, draft, walk, category, invitation string
	link                                    string
	offer                                   string
	client, otherClient                     string
	revision                                int
	entry, cursor                           string // of the audit log's first line
}

func (n *node) home() *home {
	n.t.Helper()
	h := &home{owner: n.owner()}
	h.colleague = n.join(h.owner, "ENGINEER")
	h.tree = n.published(h.owner)
	h.walk = n.walk(h.owner, h.tree)
	h.link, _, _ = n.share(h.owner, vars{"sessionId": h.walk})
	h.draft, h.revision = n.imported(h.owner)
	h.offer = n.offered(h.colleague, h.tree)
	h.category = n.category(h.owner, "Lamps")
	h.client, h.otherClient = n.client(h.owner, "Example Ltd"), n.client(h.owner, "Sample Inc")
	h.invitation = n.post(h.owner.access, `mutation($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }`,
		vars{"input": vars{"email": "guest-" + madeUp("x") + "@example.com", "role": "VIEWER"}}).ok().at("inviteUser.invitation.id").(string)
	log := n.post(h.owner.access, `{ accountSecurity { auditLog(first: 100, filter: { actions: [ACCOUNT_REGISTERED] }) { nodes { id cursor } } } }`, nil).ok()
	h.entry, h.cursor = log.text("accountSecurity.auditLog.nodes.0.id"), log.text("accountSecurity.auditLog.nodes.0.cursor")
	n.post(h.colleague.access, `mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id } } }`,
		vars{"input": vars{"title": "On a shelf", "categoryId": h.category}}).ok()
	return h
}

// of returns the home's object of a kind, named by the prefix of its ids.
func (h *home) of(prefix string) string {
	return map[string]string{
		"acct": h.owner.account, "user": h.colleague.id, "lses": h.colleague.session,
		"audt": h.entry, "tree": h.tree, "tses": h.walk, "tcat": h.category, "invt": h.invitation, "tshr": h.link, "toff": h.offer, "clnt": h.client,
	}[prefix]
}

// madeUp returns an id of a kind that nothing has.
func madeUp(prefix string) string {
	_, random, _ := strings.Cut(account.NewID().String(), "_")
	return prefix + "_" + random
}

// wrongKind returns the id of something of the home that is of another kind.
func (h *home) wrongKind(prefix string) string {
	if prefix == "tree" {
		return h.walk
	}
	return h.tree
}

var solution = vars{"solution": vars{"nodeId": "end", "title": "It works", "outcome": "RESOLVED"}}

var smallGraph = vars{"root": "end", "nodes": []any{solution}}

// operations says of every root field who may call it, and with which variables:
// valid ones where nothing bad comes of it, else such as are refused behind the
// gate.
var operations = map[string]struct {
	role  account.Role // the least powerful; empty where anybody may
	input func(h *home) vars
}{
	"node":                {account.Viewer, func(h *home) vars { return vars{"id": h.owner.account} }},
	"nodes":               {account.Viewer, func(h *home) vars { return vars{"ids": []any{h.owner.account}} }},
	"me":                  {"", none},
	"account":             {account.Viewer, none},
	"trees":               {account.Viewer, func(*home) vars { return vars{"filter": vars{}} }},
	"searchTrees":         {account.Viewer, func(*home) vars { return vars{"query": "lamp", "filter": vars{}} }},
	"tree":                {account.Viewer, func(h *home) vars { return vars{"id": h.tree} }},
	"treeCategories":      {account.Viewer, none},
	"compareTreeVersions": {account.Engineer, input(func(h *home) vars { return vars{"treeId": h.tree, "from": 1} })},
	"treeTags":            {account.Viewer, none},
	"treeTemplates":       {account.Engineer, none},
	"treeVersion":         {account.Viewer, func(h *home) vars { return vars{"treeId": h.tree, "number": 1} }},
	"treeAnalytics":       {account.Engineer, input(func(*home) vars { return vars{"treeId": madeUp("tree")} })}, // an engineer has figures of their own trees alone
	"treesHealth":         {account.Engineer, none},
	"validateTree":        {account.Engineer, input(func(*home) vars { return vars{"title": "A", "graph": smallGraph} })},
	"sessions":            {account.Viewer, func(*home) vars { return vars{"filter": vars{}} }},
	"session":             {account.Viewer, func(h *home) vars { return vars{"id": h.walk} }},
	"exportSession":       {account.Viewer, input(func(h *home) vars { return vars{"sessionId": h.walk, "format": "TEXT"} })},
	"exportTree":          {account.Viewer, input(func(h *home) vars { return vars{"treeId": h.tree, "format": "JSON"} })},
	"treeOffers":          {account.Engineer, func(*home) vars { return vars{"filter": vars{"mine": false}} }},
	"accountSecurity":     {account.Owner, none},
	"sharedSession":       {"", func(*home) vars { return vars{"token": "t"} }},
	"serverInfo":          {"", none},
	"invitation":          {"", func(*home) vars { return vars{"token": "t"} }},
	"client":              {account.Engineer, func(h *home) vars { return vars{"id": h.client} }},
	"clients":             {account.Engineer, func(*home) vars { return vars{"query": "exa"} }},
	"seenBefore":          {account.Engineer, input(func(*home) vars { return vars{"clientName": "example", "subject": "no light"} })},
	"startLink": {account.Engineer, input(func(h *home) vars {
		return vars{"tree": "lamp", "ticket": "T-7", "clientName": "Example", "values": []any{vars{"name": "phone", "text": "1"}}}
	})},
	"startLinkTemplate": {account.Engineer, func(h *home) vars { return vars{"treeId": h.tree} }},

	"register": {"", input(func(*home) vars {
		return vars{"accountName": "A", "name": "N", "email": "somebody@example.com", "password": "short"}
	})},
	"login":              {"", input(func(*home) vars { return vars{"email": "no address", "password": "p"} })},
	"refresh":            {"", input(func(*home) vars { return vars{"refreshToken": "r", "attemptId": "too short"} })},
	"logout":             {"", none},
	"reauthenticate":     {account.Viewer, input(func(h *home) vars { return vars{"password": h.owner.password} })},
	"changePassword":     {account.Viewer, input(func(h *home) vars { return vars{"currentPassword": h.owner.password, "newPassword": "short"} })},
	"inviteUser":         {account.Admin, input(func(*home) vars { return vars{"email": "no address", "role": "VIEWER"} })},
	"acceptInvitation":   {"", input(func(*home) vars { return vars{"token": "t", "name": "N", "password": "long enough to be one"} })},
	"withdrawInvitation": {account.Admin, input(func(*home) vars { return vars{"invitationId": madeUp("invt")} })},
	"updateUser":         {account.Admin, input(func(*home) vars { return vars{"userId": madeUp("user"), "role": "VIEWER"} })},
	"disableUser":        {account.Admin, input(func(*home) vars { return vars{"userId": madeUp("user")} })},
	"enableUser":         {account.Admin, input(func(*home) vars { return vars{"userId": madeUp("user")} })},
	"createTree":         {account.Engineer, input(func(*home) vars { return vars{"title": "A lamp", "graph": smallGraph} })},
	"updateTree":         {account.Engineer, input(func(h *home) vars { return vars{"treeId": h.draft, "expectedRevision": h.revision} })},
	"publishTree":        {account.Engineer, input(func(h *home) vars { return vars{"treeId": h.draft, "expectedRevision": 99} })},
	"archiveTree":        {account.Engineer, input(func(*home) vars { return vars{"treeId": madeUp("tree")} })},
	"restoreTreeVersion": {account.Engineer, input(func(h *home) vars {
		return vars{"treeId": h.tree, "expectedRevision": 99, "number": 1}
	})},
	"duplicateTree":          {account.Engineer, input(func(h *home) vars { return vars{"treeId": h.tree, "title": "", "version": 1} })},
	"createTreeFromTemplate": {account.Engineer, input(func(*home) vars { return vars{"template": "vpn-does-not-connect", "title": "x\ty"} })},
	"unarchiveTree":          {account.Engineer, input(func(*home) vars { return vars{"treeId": madeUp("tree")} })},
	"confirmTree":            {account.Engineer, input(func(*home) vars { return vars{"treeId": madeUp("tree")} })},
	"updateTreeCategory":     {account.Engineer, input(func(*home) vars { return vars{"categoryId": madeUp("tcat"), "name": "N"} })},
	"moveTreeCategory":       {account.Engineer, input(func(*home) vars { return vars{"categoryId": madeUp("tcat"), "position": 1} })},
	"deleteTreeCategory":     {account.Admin, input(func(*home) vars { return vars{"categoryId": madeUp("tcat")} })},
	"createTreeCategory":     {account.Engineer, input(func(*home) vars { return vars{"name": ""} })},
	"deleteTree":             {account.Admin, input(func(*home) vars { return vars{"treeId": madeUp("tree")} })},
	"importTree":             {account.Engineer, input(func(*home) vars { return vars{"format": "JSON", "content": "{"} })},
	"draftTreeFromSession":   {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "title": "x\ty"} })},
	"acceptTreeOffer":        {account.Engineer, input(func(h *home) vars { return vars{"offerId": h.offer, "expectedRevision": 99} })},
	"dismissTreeOffer":       {account.Engineer, input(func(*home) vars { return vars{"offerId": madeUp("toff")} })},
	"startSession":           {account.Engineer, input(func(h *home) vars { return vars{"treeId": h.tree} })},
	"advanceSession":         {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "optionId": "x"} })},
	"goBack":                 {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99} })},
	"addNote":                {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "text": "x"} })},
	"completeSession":        {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99} })},
	"abandonSession":         {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99} })},
	"addStep":                {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "title": "x"} })},
	"switchTree":             {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "treeId": h.tree} })},
	"returnToTree":           {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99} })},
	"handOverSession":        {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "toUserId": h.colleague.id} })},
	"reopenSession":          {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99} })},
	"updateSession":          {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "ticket": "T-7"} })},
	"createClient":           {account.Engineer, input(func(*home) vars { return vars{"name": ""} })},
	"updateClient":           {account.Engineer, input(func(h *home) vars { return vars{"clientId": h.client, "expectedRevision": 99} })},
	"mergeClients": {account.Engineer, input(func(h *home) vars {
		return vars{"clientId": h.client, "expectedRevision": 99, "mergedClientId": h.client}
	})},
	"deleteClient": {account.Engineer, input(func(*home) vars { return vars{"clientId": madeUp("clnt")} })},
	"updateScratchpad": {account.Engineer, input(func(h *home) vars {
		return vars{"sessionId": h.walk, "text": "x", "expectedRevision": 99}
	})},
	"shareSession":          {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expiresInDays": 31} })},
	"revokeShare":           {account.Engineer, input(func(*home) vars { return vars{"shareId": madeUp("tshr")} })},
	"updateSessionPolicy":   {account.Owner, input(func(*home) vars { return vars{"preset": "CUSTOM"} })},
	"revokeSessions":        {account.Owner, input(func(*home) vars { return vars{"scope": "USER", "userId": madeUp("user")} })},
	"revokeSession":         {account.Viewer, input(func(*home) vars { return vars{"sessionId": madeUp("lses")} })},
	"revokeMyOtherSessions": {account.Viewer, none},
	"sessionExpiry":         {account.Viewer, none},
	"activeSessions":        {account.Owner, none},
	"treeSession":           {account.Viewer, func(h *home) vars { return vars{"id": h.walk} }},
	"activeTreeSessions":    {account.Admin, none},
	"treeChanged":           {account.Engineer, func(h *home) vars { return vars{"id": h.draft} }},
	"auditLog":              {account.Owner, func(h *home) vars { return vars{"after": h.cursor} }},

	"escalations":        {account.Engineer, none}, // the query and the subscription
	"escalationFigures":  {account.Admin, input(func(*home) vars { return vars{} })},
	"escalateSession":    {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "expectedStep": 99, "reason": "x"} })},
	"claimSession":       {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "escalationStep": 99} })},
	"answerEscalation":   {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "escalationStep": 99, "hint": "x"} })},
	"takeBackEscalation": {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "escalationStep": 99} })},
	"suggestStep":        {account.Engineer, input(func(h *home) vars { return vars{"sessionId": h.walk, "text": "x"} })},
	"respondToSuggestion": {account.Engineer, input(func(h *home) vars {
		return vars{"sessionId": h.walk, "expectedStep": 99, "suggestion": 1, "accept": true}
	})},
}

func none(*home) vars { return nil }

func searchForLamp(*home) vars { return vars{"query": "lamp", "filter": vars{}} }

func input(of func(*home) vars) func(*home) vars {
	return func(h *home) vars { return vars{"input": of(h)} }
}

// call calls a root field by a document that is made from the schema, a
// subscription over a socket.
func (n *node) call(schema *ast.Schema, f *ast.FieldDefinition, kind ast.Operation, token string, v vars) *answer {
	n.t.Helper()
	query := document(schema, f, kind)
	if kind != ast.Subscription {
		a := n.post(token, query, v)
		a.request = fmt.Sprint(query, v)
		return a
	}
	s := n.open(token)
	defer s.conn.Close()
	s.subscribe("call", query, v)
	return s.answer()
}

func TestRoles_Matrix(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	n := newNode(t, nodeOptions{})
	h := n.home()
	callers := map[account.Role]*person{"": {}, account.Owner: h.owner}
	for _, role := range []account.Role{account.Admin, account.Engineer, account.Viewer} {
		callers[role] = n.join(h.owner, string(role))
	}
	walks := map[account.Role]string{"": h.walk, account.Viewer: h.walk, account.Owner: h.walk}
	for _, role := range []account.Role{account.Admin, account.Engineer} {
		walks[role] = n.walk(callers[role], h.tree) // whoever has a walk, alone may go on with it
	}
	missing := maps.Clone(operations)
	for f, kind := range rootFields(schema) {
		op, ok := operations[f.Name]
		delete(missing, f.Name)
		if !ok {
			t.Errorf("%s is not in the table: say who may call it", f.Name)
			continue
		}
		if directive := roleOf(f, schema); directive != op.role {
			t.Errorf("%s has @auth for %q, the table says %q", f.Name, directive, op.role)
		}
		for role, caller := range callers {
			token := caller.access
			if f.Name == "logout" && token != "" {
				token = n.again(caller).access // the device that is signed out
			}
			own := *h
			own.walk = walks[role]
			v := op.input(&own)
			if in, ok := v["input"].(vars); ok && f.Name == "reauthenticate" {
				in["password"] = caller.password
			}
			a := n.call(schema, f, kind, token, v)
			got := a.code()
			switch {
			case op.role != "" && role == "":
				if got != "UNAUTHENTICATED" || a.extension("reason") != "NOT_SIGNED_IN" {
					t.Errorf("%s for nobody: %s, want UNAUTHENTICATED and NOT_SIGNED_IN", f.Name, a.Body)
				}
			case op.role != "" && !role.AtLeast(op.role):
				if got != "FORBIDDEN" || a.extension("reason") != "" {
					t.Errorf("%s for %s: %s, want FORBIDDEN", f.Name, role, a.Body)
				}
			case got == "FORBIDDEN", got == "INTERNAL_SERVER_ERROR", got == "UNAUTHENTICATED" && f.Name != "refresh":
				t.Errorf("%s for %q: %s, want it to be allowed", f.Name, role, a.Body)
			}
		}
	}
	for name := range missing {
		t.Errorf("the table has %s, which the schema has not", name)
	}
}

// roleOf returns what a field's @auth says, or "" where it has none.
func roleOf(f *ast.FieldDefinition, schema *ast.Schema) account.Role {
	auth := f.Directives.ForName("auth")
	if auth == nil {
		return ""
	}
	if role := auth.Arguments.ForName("role"); role != nil {
		return account.Role(role.Value.Raw)
	}
	return account.Role(schema.Directives["auth"].Arguments.ForName("role").DefaultValue.Raw)
}

// localIDs are ids within one graph or one record. They are looked for inside an
// object that the caller may read, so they are nobody's secret.
var localIDs = []string{
	"TreeGraphInput.root", "DecisionNodeInput.nodeId", "ActionNodeInput.nodeId", "ActionNodeInput.next",
	"InputNodeInput.nodeId", "InputNodeInput.next", "SubtreeNodeInput.nodeId", "SubtreeNodeInput.next", "TreeBranchInput.target",
	// A draft may name any tree; publishing says the same of a stranger's as of none.
	"SubtreeNodeInput.treeId",
	"SolutionNodeInput.nodeId", "TreeOptionInput.optionId", "TreeOptionInput.target", "AdvanceSessionInput.optionId",
	"SuggestStepInput.nodeOptionId",
}

// idPlaces says of every place that takes a global id which kind it is, and what a
// stranger's id brings: NOT_FOUND, or nothing in a list.
var idPlaces = map[string]struct {
	kind    string
	nothing string             // the answer's data, where it is no error
	with    func(h *home) vars // the variables, if not those of the table of operations
	field   string             // that a wrong kind names, if not the place's path
}{
	"node id":                             {kind: "tree"},
	"nodes ids":                           {kind: "tree", nothing: `{"nodes":[null]}`, field: "ids[0]"},
	"trees filter.categoryId":             {kind: "tcat", nothing: `{"trees":{"totalCount":0,"nodes":[]}}`},
	"trees filter.ownerId":                {kind: "user", nothing: `{"trees":{"totalCount":0,"nodes":[]}}`},
	"treeVersion treeId":                  {kind: "tree"},
	"validateTree input.treeId":           {kind: "tree", nothing: `{"validateTree":{"__typename":"ValidateTreePayload"}}`},
	"compareTreeVersions input.treeId":    {kind: "tree"},
	"restoreTreeVersion input.treeId":     {kind: "tree"},
	"duplicateTree input.treeId":          {kind: "tree"},
	"unarchiveTree input.treeId":          {kind: "tree"},
	"confirmTree input.treeId":            {kind: "tree"},
	"updateTreeCategory input.categoryId": {kind: "tcat"},
	"moveTreeCategory input.categoryId":   {kind: "tcat"},
	"deleteTreeCategory input.categoryId": {kind: "tcat"},
	"createTreeFromTemplate input.categoryId": {kind: "tcat", with: func(*home) vars {
		return vars{"input": vars{"template": "vpn-does-not-connect"}}
	}},
	"updateTree input.ownerId":              {kind: "user"},
	"trees filter.authorId":                 {kind: "user", nothing: `{"trees":{"totalCount":0,"nodes":[]}}`},
	"searchTrees filter.categoryId":         {kind: "tcat", nothing: `{"searchTrees":{"totalCount":0,"nodes":[]}}`, with: searchForLamp},
	"searchTrees filter.ownerId":            {kind: "user", nothing: `{"searchTrees":{"totalCount":0,"nodes":[]}}`, with: searchForLamp},
	"searchTrees filter.authorId":           {kind: "user", nothing: `{"searchTrees":{"totalCount":0,"nodes":[]}}`, with: searchForLamp},
	"tree id":                               {kind: "tree"},
	"client id":                             {kind: "clnt"},
	"updateClient input.clientId":           {kind: "clnt"},
	"deleteClient input.clientId":           {kind: "clnt"},
	"mergeClients input.clientId":           {kind: "clnt", with: mergeOther},
	"mergeClients input.mergedClientId":     {kind: "clnt", with: mergeOther},
	"startSession input.clientId":           {kind: "clnt"},
	"updateSession input.clientId":          {kind: "clnt"},
	"seenBefore input.clientId":             {kind: "clnt", nothing: `{"seenBefore":{"__typename":"SeenBefore"}}`, with: input(func(*home) vars { return vars{} })},
	"seenBefore input.treeId":               {kind: "tree", nothing: `{"seenBefore":{"__typename":"SeenBefore"}}`},
	"startLinkTemplate treeId":              {kind: "tree"},
	"sessions filter.clientId":              {kind: "clnt", nothing: `{"sessions":{"totalCount":0,"nodes":[]}}`, with: func(*home) vars { return vars{"filter": vars{"scope": "TEAM"}} }},
	"sessions filter.treeId":                {kind: "tree", nothing: `{"sessions":{"totalCount":0,"nodes":[]}}`, with: func(*home) vars { return vars{"filter": vars{"scope": "TEAM"}} }},
	"treeSession id":                        {kind: "tses"},
	"treeChanged id":                        {kind: "tree"},
	"session id":                            {kind: "tses"},
	"exportSession input.sessionId":         {kind: "tses"},
	"exportTree input.treeId":               {kind: "tree"},
	"withdrawInvitation input.invitationId": {kind: "invt"},
	"updateUser input.userId":               {kind: "user"},
	"disableUser input.userId":              {kind: "user"},
	"enableUser input.userId":               {kind: "user"},
	"treeAnalytics input.treeId":            {kind: "tree"},
	"createTree input.categoryId":           {kind: "tcat"},
	"updateTree input.treeId":               {kind: "tree"},
	"updateTree input.categoryId":           {kind: "tcat"},
	"publishTree input.treeId":              {kind: "tree"},
	"archiveTree input.treeId":              {kind: "tree"},
	"deleteTree input.treeId":               {kind: "tree"},
	"startSession input.treeId":             {kind: "tree"},
	"draftTreeFromSession input.sessionId":  {kind: "tses"},
	"draftTreeFromSession input.categoryId": {kind: "tcat", with: input(func(h *home) vars { return vars{"sessionId": h.walk} })},
	"treeOffers filter.treeId":              {kind: "tree", nothing: `{"treeOffers":{"totalCount":0,"nodes":[]}}`},
	"acceptTreeOffer input.offerId":         {kind: "toff"},
	"dismissTreeOffer input.offerId":        {kind: "toff"},
	"advanceSession input.sessionId":        {kind: "tses"},
	"goBack input.sessionId":                {kind: "tses"},
	"addNote input.sessionId":               {kind: "tses"},
	"completeSession input.sessionId":       {kind: "tses"},
	"abandonSession input.sessionId":        {kind: "tses"},
	"addStep input.sessionId":               {kind: "tses"},
	"switchTree input.sessionId":            {kind: "tses"},
	"switchTree input.treeId": {kind: "tree", with: input(func(h *home) vars {
		return vars{"sessionId": h.walk, "expectedStep": 0, "treeId": h.tree}
	})},
	"returnToTree input.sessionId":     {kind: "tses"},
	"handOverSession input.sessionId":  {kind: "tses"},
	"handOverSession input.toUserId":   {kind: "user"},
	"reopenSession input.sessionId":    {kind: "tses"},
	"updateSession input.sessionId":    {kind: "tses"},
	"updateScratchpad input.sessionId": {kind: "tses"},
	"shareSession input.sessionId":     {kind: "tses", with: input(func(h *home) vars { return vars{"sessionId": h.walk} })},
	"revokeShare input.shareId":        {kind: "tshr"},
	"revokeSessions input.userId":      {kind: "user"},
	"revokeSession input.sessionId":    {kind: "lses"},

	"escalateSession input.sessionId":     {kind: "tses"},
	"claimSession input.sessionId":        {kind: "tses"},
	"answerEscalation input.sessionId":    {kind: "tses"},
	"takeBackEscalation input.sessionId":  {kind: "tses"},
	"suggestStep input.sessionId":         {kind: "tses"},
	"respondToSuggestion input.sessionId": {kind: "tses"},
}

func mergeOther(h *home) vars {
	return vars{"input": vars{"clientId": h.client, "expectedRevision": 1, "mergedClientId": h.otherClient}}
}

// nodeKinds are the kinds that node and nodes find, each a stranger's too.
var nodeKinds = []string{"acct", "user", "lses", "audt", "tree", "tses", "toff", "clnt"}

func TestStranger_WalksTheSchema(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	n := newNode(t, nodeOptions{})
	theirs := n.home()
	before := n.everything(theirs)
	mine := n.home()
	if after := n.everything(theirs); after != before {
		t.Errorf("another account shows in the lists of the first:\n%s\n%s", before, after)
	}
	missing := maps.Clone(idPlaces)
	for f, kind := range rootFields(schema) {
		for _, p := range places(schema, f, "ID") {
			if slices.Contains(localIDs, p.of) {
				continue
			}
			key := f.Name + " " + p.path
			at, ok := idPlaces[key]
			delete(missing, key)
			if !ok {
				t.Errorf("%s takes an id and is not in the table: say of which kind, and what a stranger's brings", key)
				continue
			}
			with := at.with
			if with == nil {
				with = operations[f.Name].input
			}
			call := func(id string) *answer {
				t.Helper()
				var value any = id
				if p.list {
					value = []any{id}
				}
				return n.call(schema, f, kind, mine.owner.access, put(with(mine), p.path, value))
			}
			kinds := []string{at.kind}
			if f.Name == "node" || f.Name == "nodes" {
				kinds = nodeKinds
			}
			for _, k := range kinds {
				stranger, nobody := call(theirs.of(k)), call(madeUp(k))
				if at.nothing != "" {
					if got := dataOf(t, stranger); got != at.nothing || len(stranger.Errors) > 0 {
						t.Errorf("%s with a stranger's %s: %s, want %s", key, k, stranger.Body, at.nothing)
					}
				} else if stranger.code() != "NOT_FOUND" {
					t.Errorf("%s with a stranger's %s: %s, want NOT_FOUND", key, k, stranger.Body)
				}
				if stranger.Body != nobody.Body || stranger.Status != nobody.Status {
					t.Errorf("%s: a stranger's %s is told from a made-up one: %s and %s", key, k, stranger.Body, nobody.Body)
				}
			}
			field := at.field
			if field == "" {
				field = p.path
			}
			wrong := []string{mine.wrongKind(at.kind), "", "tree_", "rubbish", at.kind + "_0000000000000000000000000u", strings.ToUpper(mine.of(at.kind))}
			if f.Name == "node" || f.Name == "nodes" {
				wrong[0] = mine.category // a kind that node does not find
			}
			for _, id := range wrong {
				if a := call(id); a.code() != "BAD_USER_INPUT" || a.extension("field") != field {
					t.Errorf("%s with the id %q: %s, want BAD_USER_INPUT and the field %s", key, id, a.Body, field)
				}
			}
		}
	}
	for key := range missing {
		t.Errorf("the table has %s, which the schema has not", key)
	}
	if after := n.everything(theirs); after != before {
		t.Errorf("a stranger changed something:\n%s\n%s", before, after)
	}
}

// everything reads all that the account's owner can see, and so all that a
// stranger could have changed or added.
func (n *node) everything(h *home) string {
	n.t.Helper()
	return n.post(h.owner.access, `query($walk: ID!, $author: ID!, $category: ID!) {
		account { name members { id name role disabledAt } }
		trees(filter: { status: [DRAFT, PUBLISHED, ARCHIVED] }) { totalCount nodes { id revision status category { id } } }
		ofAuthor: trees(filter: { authorId: $author }) { totalCount nodes { id } }
		inCategory: trees(filter: { categoryId: $category }) { totalCount nodes { id } }
		treeCategories { id name }
		treeTags { tag treeCount }
		clients { totalCount nodes { id name aliases ticketKey revision facts { name text } } }
		session(id: $walk) { step status currentNotes { text } scratchpad scratchpadRevision shares { id openedCount revokedAt } }
		treeOffers(filter: { mine: false, status: [OPEN, ACCEPTED, DISMISSED] }) { totalCount nodes { id status count } }
		sessions(filter: { scope: TEAM }) { totalCount nodes { id } }
		accountSecurity { policy { preset } activeUsers { user { id } loginSessionCount } activeSessions { id user { id } } }
		me { loginSessions { id } }
	}`, vars{"walk": h.walk, "author": h.colleague.id, "category": h.category}).ok().Body
}

// put returns a copy of variables with a value at a dotted path.
func put(v map[string]any, path string, value any) vars {
	out := maps.Clone(v)
	if out == nil {
		out = vars{}
	}
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		out[first] = value
		return out
	}
	below, _ := out[first].(vars)
	out[first] = put(below, rest, value)
	return out
}

func dataOf(t *testing.T, a *answer) string {
	t.Helper()
	var body struct{ Data json.RawMessage }
	check(t, json.Unmarshal([]byte(a.Body), &body))
	return string(body.Data)
}

// TestInput_NothingBreaksTheServer sends what is likely to break something in
// every text, id and number of every operation: a NUL, which PostgreSQL cannot
// keep, and numbers at the ends of their range.
func TestInput_NothingBreaksTheServer(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	n := newNode(t, nodeOptions{})
	h := n.home()
	texts := []any{"", "a\x00b", "\x00", strings.Repeat("long enough ", 9) + "\x00", strings.Repeat("x", 5000), "\u202e\ufffe\U0010ffff"}
	values := map[string][]any{"String": texts, "ID": texts, "Int": {-1, 0, 1 << 30, math.MaxInt32, math.MinInt32}}
	for f, kind := range rootFields(schema) {
		for scalar, values := range values {
			for _, p := range places(schema, f, scalar) {
				for _, value := range values {
					sent := value
					if p.list {
						sent = []any{value}
					}
					token := h.owner.access
					if f.Name == "logout" { // what comes after it has to be signed in
						token = n.again(h.owner).access
					}
					a := n.call(schema, f, kind, token, putDeep(operations[f.Name].input(h), p.path, sent))
					if a.code() == "INTERNAL_SERVER_ERROR" {
						t.Errorf("%s with %q at %s: %s", f.Name, value, p.path, a.Body)
					}
				}
			}
		}
	}
	if lines := n.log.lines(t, "resolver failed"); len(lines) > 0 {
		t.Errorf("resolvers failed: %v", lines)
	}
}

// TestColleague_SeesWhatTheRoleAllows looks from inside one account: what is not
// for a role is not found, as if it were a stranger's.
func TestColleague_SeesWhatTheRoleAllows(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	admin, viewer := n.join(h.owner, "ADMIN"), n.join(h.owner, "VIEWER")
	const one = `query($id: ID!) { node(id: $id) { id } }`
	tests := map[string]struct {
		caller *person
		id     string
		found  bool
	}{
		"an engineer does not find a colleague's walk": {h.colleague, h.walk, false},
		"a viewer does not find a colleague's walk":    {viewer, h.walk, false},
		"an admin finds everybody's walks":             {admin, h.walk, true},
		"a viewer does not find a draft":               {viewer, h.draft, false},
		"a viewer does not find a client":              {viewer, h.client, false},
		"an engineer finds a client":                   {h.colleague, h.client, true},
		"a viewer finds a published tree":              {viewer, h.tree, true},
		"an engineer finds a draft":                    {h.colleague, h.draft, true},
		"an admin does not find a colleague's login":   {admin, h.colleague.session, false},
		"a viewer does not find the owner's login":     {viewer, h.owner.session, false},
		"an owner finds a colleague's login":           {h.owner, h.colleague.session, true},
		"an owner finds a line of the audit log":       {h.owner, h.entry, true},
		"an admin does not find it":                    {admin, h.entry, false},
		"everybody finds their own login":              {viewer, viewer.session, true},
		"a viewer does not find an offer":              {viewer, h.offer, false},
		"an engineer finds an offer":                   {h.colleague, h.offer, true},
		"a viewer finds a colleague":                   {viewer, h.owner.id, true},
		"a viewer finds the account":                   {viewer, h.owner.account, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := n.post(tt.caller.access, one, vars{"id": tt.id})
			if tt.found {
				a.ok()
			} else {
				a.refused("NOT_FOUND")
			}
		})
	}
	for who, caller := range map[string]*person{"an admin": admin, "an engineer": h.colleague} {
		a := n.post(caller.access, `mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { revokedCount } }`, vars{"input": vars{"sessionId": h.owner.session}})
		if a.code() != "NOT_FOUND" {
			t.Errorf("%s ends the owner's login session: %s", who, a.Body)
		}
		if a := n.post(caller.access, `{ sessions(filter: { scope: TEAM }) { nodes { id } } }`, nil); (a.code() == "") != (caller == admin) {
			t.Errorf("%s lists the team's sessions: %s", who, a.Body)
		}
	}
	if a := n.post(h.colleague.access, `{ account { members { id } } }`, nil).ok(); a.at("account.members") != nil {
		t.Errorf("an engineer sees the members: %s", a.Body)
	}
	const private = `query($id: ID!) { node(id: $id) { ... on User { name loginSessions { id } lastLoginAt disabledAt currentLoginSession { id } } } }`
	for _, field := range []string{"loginSessions", "lastLoginAt", "currentLoginSession"} {
		if a := n.post(h.colleague.access, private, vars{"id": h.owner.id}).ok(); a.at("node."+field) != nil {
			t.Errorf("an engineer sees the owner's %s: %s", field, a.Body)
		}
		if a := n.post(h.owner.access, private, vars{"id": h.owner.id}).ok(); a.at("node."+field) == nil {
			t.Errorf("the owner does not see their own %s: %s", field, a.Body)
		}
	}
	if a := n.post(h.colleague.access, `{ account { invitations { id } } }`, nil).ok(); a.at("account.invitations") != nil {
		t.Errorf("an engineer sees the invitations: %s", a.Body)
	}
	n.me(h.owner.access).ok()
}

// putDeep is put for paths that go through the nodes of a graph, which are lists.
func putDeep(v vars, path string, value any) vars {
	at, rest, deep := strings.Cut(path, ".graph.nodes.")
	if !deep {
		return put(v, path, value)
	}
	kind, field, _ := strings.Cut(rest, ".")
	node := map[string]vars{
		"decision": {"nodeId": "d", "title": "T", "options": []any{}},
		"action":   {"nodeId": "a", "title": "T", "next": "end"},
		"solution": {"nodeId": "s", "title": "T", "outcome": "RESOLVED"},
	}[kind]
	list, inner, nested := strings.Cut(field, ".")
	switch {
	case !nested:
		node = put(node, field, value)
	case list == "links":
		node = put(node, list, []any{put(vars{"title": "L", "url": "https://example.com"}, inner, value)})
	default:
		node = put(node, list, []any{put(vars{"optionId": "o", "label": "L", "target": "end"}, inner, value)})
	}
	return put(v, at+".graph", vars{"root": kind[:1], "nodes": []any{solution, vars{kind: node}}})
}
