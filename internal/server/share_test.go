package server_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/pdf/pdftest"
)

// share makes a link to a session and returns its id, its token and the page's path.
func (n *node) share(p *person, in vars) (id, token, path string) {
	n.t.Helper()
	a := n.post(p.access, `mutation($input: ShareSessionInput!) { shareSession(input: $input) { url token share { id } } }`, vars{"input": in}).ok()
	token = a.text("shareSession.token")
	n.secret("link", token)
	_, secret, _ := strings.Cut(token, ".tshr_")
	n.secret("link's secret", secret)
	path = strings.TrimPrefix(a.text("shareSession.url"), "https://branchline.test")
	return a.text("shareSession.share.id"), token, path
}

// opened asks for a shared session as nobody.
func (n *node) opened(token, format string) *answer {
	n.t.Helper()
	return n.post("", `query Shared($token: String!, $format: TreeSessionExportFormat!) { sharedSession(token: $token) { expiresAt file(format: $format) { content encoding mediaType } } }`,
		vars{"token": token, "format": format})
}

// shares reads the links of a session.
func (n *node) shares(p *person, walk string) *answer {
	n.t.Helper()
	return n.post(p.access, `query($id: ID!) { session(id: $id) { shares { id createdBy { id } openedCount lastOpenedAt revokedAt expiresAt } } }`, vars{"id": walk}).ok()
}

// TestTwoNodes_AShareOpensWithoutASignIn shares on one server, opens on the other,
// and revokes.
func TestTwoNodes_AShareOpensWithoutASignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{}), w.start(nodeOptions{})
	owner := a.owner()
	engineer := a.join(owner, "ENGINEER")
	walk := a.walk(engineer, a.published(owner))
	id, token, path := a.share(engineer, vars{"sessionId": walk})

	if got := b.opened(token, "TEXT").ok().text("sharedSession.file.content"); !strings.Contains(got, "STANDS AT") || !strings.Contains(got, "Is it plugged in?") {
		t.Errorf("it opens to %s", got)
	}
	page := b.get(path)
	if page.Status != http.StatusOK || !strings.HasPrefix(page.Body, "<!doctype html>") || !strings.Contains(page.Body, "Is it plugged in?") {
		t.Fatalf("the page is %d: %s", page.Status, page.Body)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
		"Content-Type": "text/html; charset=utf-8", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	if regexp.MustCompile(`(?i)<script|<form|<img|<link|src=|url\(`).MatchString(page.Body) {
		t.Error("the page loads or runs something")
	}
	if cookies := page.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("it sets %v", cookies)
	}

	// It shows the session as it stands by then.
	a.post(engineer.access, `mutation($input: CompleteSessionInput!) { completeSession(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "expectedStep": 0, "outcome": "UNRESOLVED", "reason": "The customer hung up."}}).ok()
	if page := b.get(path); !strings.Contains(page.Body, "The customer hung up.") {
		t.Errorf("after the end it shows %s", page.Body)
	}
	listed := a.shares(engineer, walk)
	if listed.at("session.shares.0.id") != id || listed.at("session.shares.0.createdBy.id") != engineer.id || listed.number("session.shares.0.openedCount") != 3 || listed.at("session.shares.0.lastOpenedAt") == nil {
		t.Errorf("listed %s", listed.Body)
	}
	line := b.logged("SharePage", 2)[0]
	if line["transport"] != "page" || line["status"] != 200.0 || line["user"] != nil || line["ip"] != "127.0.0.1" {
		t.Errorf("the log line is %v", line)
	}

	// The owner withdraws it: it is dead on the other server, and like one that never was.
	gone := a.post(owner.access, `mutation($input: RevokeShareInput!) { revokeShare(input: $input) { share { revokedAt } session { shares { revokedAt } } } }`, vars{"input": vars{"shareId": id}}).ok()
	if gone.at("revokeShare.share.revokedAt") == nil || gone.at("revokeShare.share.revokedAt") != gone.at("revokeShare.session.shares.0.revokedAt") {
		t.Errorf("revoked %s", gone.Body)
	}
	never := token[:len(token)-5] + "AAAAA"
	n := b.opened(never, "TEXT").refused("NOT_FOUND")
	if dead := b.opened(token, "TEXT").refused("NOT_FOUND"); dead.Body != n.Body {
		t.Errorf("revoked and unknown are told apart: %s, %s", dead.Body, n.Body)
	}
	unknown, dead := b.get("/share/"+never), b.get(path)
	if dead.Status != http.StatusNotFound || dead.Body != unknown.Body || !strings.Contains(dead.Body, "Ask whoever sent it for a new one.") || strings.Contains(dead.Body, "plugged") {
		t.Errorf("the dead page is %d: %s", dead.Status, dead.Body)
	}
	for _, name := range []string{"Cache-Control", "Referrer-Policy", "X-Robots-Tag", "Content-Security-Policy"} {
		if dead.Header.Get(name) != page.Header.Get(name) {
			t.Errorf("the dead page has %s: %s", name, dead.Header.Get(name))
		}
	}
	if listed := a.shares(owner, walk); listed.number("session.shares.0.openedCount") != 3 {
		t.Errorf("dead openings count: %s", listed.Body)
	}
}

func TestShare_ExpiresByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	_, token, path := n.share(h.owner, vars{"sessionId": h.walk, "expiresInDays": 1})
	expires := n.opened(token, "JSON").ok().time("sharedSession.expiresAt")
	if lasts := expires.Sub(n.clock.Now()); lasts > 24*time.Hour || lasts < 24*time.Hour-time.Hour {
		t.Errorf("it lasts %s", lasts)
	}
	n.moveTo(expires.Add(time.Second))
	n.opened(token, "JSON").refused("NOT_FOUND")
	if page := n.get(path); page.Status != http.StatusNotFound {
		t.Errorf("the page is %d", page.Status)
	}
}

// The links stand wherever a session does: in the answers to its changes, and in
// what its watchers are told, too.
func TestShare_IsListedEverywhere(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	admin := n.join(h.owner, "ADMIN")
	s := n.open(admin.access)
	defer s.conn.Close()
	s.subscribe("watch", `subscription($id: ID!) { treeSession(id: $id) {
		... on TreeSessionState { session { step shares { id createdBy { name } } } }
		... on TreeSessionProgress { session { step shares { id createdBy { name } } } } } }`, vars{"id": h.walk})
	if first := s.answer().ok(); first.text("treeSession.session.shares.0.id") != h.link || first.text("treeSession.session.shares.0.createdBy.name") != "Owner" {
		t.Errorf("first told %s", first.Body)
	}
	a := n.post(h.owner.access, `mutation($input: AddNoteInput!) { addNote(input: $input) { session { shares { id openedCount } } } }`,
		vars{"input": vars{"sessionId": h.walk, "expectedStep": 0, "text": "x"}}).ok()
	if a.text("addNote.session.shares.0.id") != h.link {
		t.Errorf("answered %s", a.Body)
	}
	for next := s.answer().ok(); ; next = s.answer().ok() {
		if next.number("treeSession.session.step") == 1 {
			if next.text("treeSession.session.shares.0.id") != h.link {
				t.Errorf("then told %s", next.Body)
			}
			break
		}
	}
	list := n.post(admin.access, `{ sessions(filter: { scope: TEAM, status: [IN_PROGRESS] }) { nodes { shares { id } } } }`, nil).ok()
	if list.text("sessions.nodes.0.shares.0.id") != h.link {
		t.Errorf("listed %s", list.Body)
	}
}

func TestShare_OddRequests(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	_, token, path := n.share(h.owner, vars{"sessionId": h.walk})
	if head := n.request(n.http.Client(), http.MethodHead, path, http.Header{}, ""); head.Status != http.StatusOK || head.Body != "" {
		t.Errorf("HEAD: %d, %q", head.Status, head.Body)
	}
	if posted := n.request(n.http.Client(), http.MethodPost, path, http.Header{}, ""); posted.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", posted.Status)
	}
	// A sign-in is not needed and does no harm.
	if page := n.request(n.http.Client(), http.MethodGet, path, http.Header{"Authorization": {"Bearer rubbish"}}, ""); page.Status != http.StatusOK {
		t.Errorf("with a token that is none: %d", page.Status)
	}
	for name, odd := range map[string]string{"percent": "/share/%00", "not UTF-8": "/share/%ff%fe", "an id": "/share/" + h.walk, "long": "/share/" + strings.Repeat("a", 20_000)} {
		if page := n.get(odd); page.Status != http.StatusNotFound || !strings.Contains(page.Body, "Nothing to see here") {
			t.Errorf("%s: %d, %s", name, page.Status, page.Body)
		}
	}
	// What a link's answer costs is counted, for nobody need be signed in.
	five := `query($token: String!) { sharedSession(token: $token) { a: file(format: PDF) { content } b: file(format: PDF) { content } c: file(format: PDF) { content } d: file(format: PDF) { content } e: file(format: PDF) { content } } }`
	n.post("", five, vars{"token": token}).refused("BAD_USER_INPUT")
}

// TestShare_ShowsNothingThatIsNotForOutside fills a session with everything that
// stays inside, and looks for it in every form in which a link shows it.
func TestShare_ShowsNothingThatIsNotForOutside(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	engineer, colleague := n.join(owner, "ENGINEER"), n.join(owner, "ENGINEER")
	do := func(p *person, field string, in vars) *answer {
		t.Helper()
		kind := strings.ToUpper(field[:1]) + field[1:]
		return n.post(p.access, `mutation($input: `+kind+`Input!) { `+field+`(input: $input) { __typename } }`, vars{"input": in}).ok()
	}
	draft := n.post(owner.access, `mutation($input: CreateTreeInput!) { createTree(input: $input) { tree { id revision } } }`, vars{"input": vars{
		"title": "Badge", "graph": vars{"root": "who", "nodes": []any{
			vars{"input": vars{"nodeId": "who", "title": "Who is it?", "next": "end", "fields": []any{
				vars{"name": "badge", "label": "Badge number", "type": "TEXT", "sensitive": true}, vars{"name": "floor", "label": "Floor", "type": "TEXT"},
			}}},
			vars{"solution": vars{
				"nodeId": "end", "title": "Open for {{badge}}", "text": "It is {{badge}}.", "outcome": "RESOLVED", "followUps": []any{"Tell {{badge}}"},
				"links": []any{vars{"title": "Doors", "url": "https://example.com/doors"}},
			}},
		}},
	}}).ok()
	treeID := draft.text("createTree.tree.id")
	do(owner, "publishTree", vars{"treeId": treeID, "expectedRevision": draft.number("createTree.tree.revision")})
	walk := n.walk(engineer, treeID)
	do(engineer, "updateSession", vars{"sessionId": walk, "ticket": "Shown-1", "subject": "Door of SENSITIVE77"})
	do(engineer, "advanceSession", vars{
		"sessionId": walk, "expectedStep": 0, "values": []any{vars{"name": "badge", "text": "SENSITIVE77"}, vars{"name": "floor", "text": "Shown-2"}},
		"note": "INTERNAL-a", "internal": true, "output": "Shown-3 SENSITIVE77",
	})
	do(engineer, "addNote", vars{"sessionId": walk, "expectedStep": 1, "text": "INTERNAL-b", "output": "INTERNAL-c", "internal": true})
	do(engineer, "addStep", vars{"sessionId": walk, "expectedStep": 2, "title": "Shown-4", "answer": "SENSITIVE77", "note": "INTERNAL-d", "internal": true})
	do(engineer, "handOverSession", vars{"sessionId": walk, "expectedStep": 3, "toUserId": colleague.id, "note": "INTERNAL-e"})
	do(colleague, "addNote", vars{"sessionId": walk, "expectedStep": 4, "text": "Shown-5: SENSITIVE77 is theirs."})
	do(colleague, "updateScratchpad", vars{"sessionId": walk, "text": "INTERNAL-f SENSITIVE77", "expectedRevision": 0})

	shown := []string{"Shown-1", "Shown-2", "Shown-3", "Shown-4", "Shown-5"}
	look := func(when string) {
		t.Helper()
		_, token, path := n.share(colleague, vars{"sessionId": walk, "includeUndone": true})
		forms := map[string]string{"page": n.get(path).Body}
		for _, format := range []string{"TEXT", "MARKDOWN", "HTML", "JSON", "PDF"} {
			a := n.opened(token, format).ok()
			content := a.text("sharedSession.file.content")
			if format == "PDF" {
				raw, err := base64.StdEncoding.DecodeString(content)
				check(t, err)
				file, err := pdftest.Read(raw)
				check(t, err)
				content = strings.Join(file.Pages, "\n") + fmt.Sprint(file.Info, file.Outline)
			}
			forms[format] = content
		}
		for form, content := range forms {
			for _, word := range shown {
				if !strings.Contains(content, word) {
					t.Errorf("%s, %s lacks %s:\n%s", when, form, word, content)
				}
			}
			for what, pattern := range map[string]string{
				"something internal": "INTERNAL", "a sensitive value": "SENSITIVE77", "an id of a person, account or link": `(user|acct|lses|tshr|invt)_[0-9a-z]{26}`,
				"an e-mail address": `[a-z0-9.]+@[a-z0-9.]+`, "the token": regexp.QuoteMeta(token[len(token)-40:]),
			} {
				if found := regexp.MustCompile(pattern).FindString(content); found != "" {
					t.Errorf("%s, %s holds %s, %q:\n%s", when, form, what, found, content)
				}
			}
		}
	}
	look("running")
	do(colleague, "completeSession", vars{"sessionId": walk, "expectedStep": 5})
	shown = append(shown, "https://example.com/doors")
	look("at its end")

	_, token, _ := n.share(colleague, vars{"sessionId": walk, "includeNotes": false, "includeTimings": false})
	if bare := n.opened(token, "TEXT").ok().text("sharedSession.file.content"); strings.Contains(bare, "Shown-5") || strings.Contains(bare, "Shown-3") || strings.Contains(bare, "Time:") {
		t.Errorf("without notes and times it shows %s", bare)
	}
}

// TestTwoNodes_TwoWindowsOnOneScratchpad has one person write in two windows, on
// two servers, while a colleague watches.
func TestTwoNodes_TwoWindowsOnOneScratchpad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{}), w.start(nodeOptions{})
	owner := a.owner()
	engineer := a.join(owner, "ENGINEER")
	walk := a.walk(engineer, a.published(owner))
	s := b.open(owner.access)
	defer s.conn.Close()
	s.subscribe("watch", `subscription($id: ID!) { treeSession(id: $id) { __typename
		... on TreeSessionState { session { step scratchpad scratchpadRevision } }
		... on TreeSessionProgress { session { step scratchpad scratchpadRevision } newSteps { step } } } }`, vars{"id": walk})
	if first := s.answer(); first.text("treeSession.session.scratchpad") != "" || first.number("treeSession.session.scratchpadRevision") != 0 {
		t.Fatalf("first %s", first.Body)
	}
	write := func(n *node, text string, revision int) *answer {
		return n.post(engineer.access, `mutation($input: UpdateScratchpadInput!) { updateScratchpad(input: $input) { session { scratchpad scratchpadRevision step } } }`,
			vars{"input": vars{"sessionId": walk, "text": text, "expectedRevision": revision}})
	}
	write(a, "Gateway 192.0.2.1", 0).ok()
	late := write(b, "Ring Ann back", 0).refused("CONFLICT")
	if late.extension("scratchpad") != "Gateway 192.0.2.1" || late.extension("scratchpadRevision") != "1" {
		t.Errorf("the second window is told %s", late.Body)
	}
	merged := write(b, "Gateway 192.0.2.1\nRing Ann back", 1).ok()
	if merged.number("updateScratchpad.session.scratchpadRevision") != 2 || merged.number("updateScratchpad.session.step") != 0 {
		t.Errorf("merged %s", merged.Body)
	}
	for {
		next := s.answer()
		if next.text("treeSession.session.scratchpad") != "Gateway 192.0.2.1\nRing Ann back" {
			continue // somebody began to watch, or the first save came alone
		}
		if steps, _ := next.at("treeSession.newSteps").([]any); len(steps) != 0 || next.number("treeSession.session.step") != 0 {
			t.Errorf("told %s", next.Body)
		}
		break
	}
	write(a, "mine", 2).ok()
	a.post(owner.access, `mutation($input: UpdateScratchpadInput!) { updateScratchpad(input: $input) { session { id } } }`,
		vars{"input": vars{"sessionId": walk, "text": "the owner's", "expectedRevision": 3}}).refused("FORBIDDEN")
	export := func(with bool) string {
		return a.post(engineer.access, `query($input: ExportSessionInput!) { exportSession(input: $input) { content } }`,
			vars{"input": vars{"sessionId": walk, "format": "TEXT", "includeScratchpad": with}}).ok().text("exportSession.content")
	}
	if with, without := export(true), export(false); !strings.Contains(with, "SCRATCHPAD\n\n     mine") || strings.Contains(without, "mine") {
		t.Errorf("exported %s and %s", with, without)
	}
}
