package server_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const auditLogQuery = `query($first: Int, $after: String, $filter: AuditLogFilter) { accountSecurity { auditLog(first: $first, after: $after, filter: $filter) {
	nodes { id happenedAt action summary actor { id name } subject { id name } loginSessionId device ip details { name value } cursor }
	pageInfo { hasNextPage hasPreviousPage endCursor } } } }`

func TestAuditLog_OwnersRead(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	engineer := n.join(owner, "ENGINEER")
	n.tryLogin(engineer.email, n.newPerson().password).refused("UNAUTHENTICATED", "INVALID_CREDENTIALS")
	n.post(owner.access, `mutation { updateUser(input: { userId: "`+engineer.id+`", role: VIEWER }) { user { id } } }`, nil).ok()

	n.statements.take()
	a := n.post(owner.access, auditLogQuery, vars{"first": 2}).ok()
	if list := n.statements.take(); len(list) != 2 { // the policy, and the log with its people and devices
		t.Errorf("the log takes %d statements:\n%s", len(list), strings.Join(list, "\n"))
	}
	const first, second = "accountSecurity.auditLog.nodes.0.", "accountSecurity.auditLog.nodes.1."
	if a.text(first+"summary") != "Owner changed the role of engineer from ENGINEER to VIEWER." || a.text(first+"action") != "USER_ROLE_CHANGED" ||
		a.text(first+"actor.id") != owner.id || a.text(first+"subject.id") != engineer.id || a.text(first+"loginSessionId") != owner.session ||
		!strings.HasPrefix(a.text(first+"device"), "Go-http-client") || a.text(first+"ip") != "127.0.0.1" || a.text(first+"details.1.name") != "old" || a.text(first+"details.1.value") != "ENGINEER" {
		t.Errorf("the newest line is %s", a.Body)
	}
	if a.text(second+"action") != "SIGN_IN_FAILED" || a.at(second+"actor") != nil || a.text(second+"subject.id") != engineer.id || a.at(second+"device") != nil {
		t.Errorf("the line before is %s", a.Body)
	}
	next := n.post(owner.access, auditLogQuery, vars{"after": a.text("accountSecurity.auditLog.pageInfo.endCursor"), "filter": vars{"userId": engineer.id, "actions": []string{"SIGNED_IN", "USER_INVITED"}}}).ok()
	if next.text(first+"action") != "SIGNED_IN" || next.at("accountSecurity.auditLog.pageInfo.hasNextPage") != false || next.at("accountSecurity.auditLog.pageInfo.hasPreviousPage") != true {
		t.Errorf("the next page is %s", next.Body)
	}
	for field, wrong := range map[string]vars{
		"first": {"first": 101}, "after": {"after": "rubbish"}, "filter.userId": {"filter": vars{"userId": owner.account}},
	} {
		if a := n.post(owner.access, auditLogQuery, wrong); a.code() != "BAD_USER_INPUT" || a.extension("field") != field {
			t.Errorf("%v: %s, want BAD_USER_INPUT and the field %s", wrong, a.Body, field)
		}
	}
	stranger := n.owner()
	if a := n.post(stranger.access, auditLogQuery, vars{"filter": vars{"userId": engineer.id}}).ok(); len(a.at("accountSecurity.auditLog.nodes").([]any)) != 0 {
		t.Errorf("a stranger reads %s", a.Body)
	}
}

const watchAuditLog = `subscription($after: String) { auditLog(after: $after) { id action summary actor { name } cursor } }`

// TestTwoNodes_TheAuditLogIsWatched has owners on another server told of what happens
// on this one, with hints and by the read alone.
func TestTwoNodes_TheAuditLogIsWatched(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]nodeOptions{"told by a hint": {}, "with the hint channel cut": {deaf: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := w.start(nodeOptions{}), w.start(o)
			owner := a.owner()
			engineer := a.join(owner, "ENGINEER")
			oldest := a.post(owner.access, auditLogQuery, vars{"filter": vars{"actions": []string{"ACCOUNT_REGISTERED"}}}).ok().text("accountSecurity.auditLog.nodes.0.cursor")
			s, fresh := b.open(owner.access), b.open(owner.access)
			defer s.conn.Close()
			defer fresh.conn.Close()
			s.subscribe("log", watchAuditLog, vars{"after": oldest})
			for _, want := range []string{"SIGNED_IN", "USER_INVITED", "INVITATION_ACCEPTED", "SIGNED_IN"} {
				if line := s.answer().ok(); line.text("auditLog.action") != want {
					t.Errorf("of what was: %s, want %s", line.Body, want)
				}
			}
			newest := a.post(owner.access, auditLogQuery, vars{"first": 1}).ok().text("accountSecurity.auditLog.nodes.0.cursor")
			fresh.subscribe("log", watchAuditLog, vars{"after": newest})

			a.revoke(owner, "USER", engineer.id)
			var cursor string
			for _, socket := range []*socket{s, fresh} {
				line := socket.answer().ok()
				if line.text("auditLog.summary") != "Owner signed engineer out: 1 login session." || line.text("auditLog.actor.name") != "Owner" {
					t.Errorf("then %s", line.Body)
				}
				cursor = line.text("auditLog.cursor")
			}
			a.again(owner)
			if line := s.answer().ok(); line.text("auditLog.action") != "SIGNED_IN" {
				t.Errorf("after a sign-in %s", line.Body)
			}
			back := a.open(owner.access)
			defer back.conn.Close()
			back.subscribe("log", watchAuditLog, vars{"after": cursor})
			if line := back.answer().ok(); line.text("auditLog.action") != "SIGNED_IN" {
				t.Errorf("who comes back is told %s", line.Body)
			}
		})
	}
}

func TestAuditLogCSV(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{origins: []string{"https://tools.example.com"}})
	owner := n.owner()
	admin := n.join(owner, "ADMIN")
	ask := func(token, query string, more http.Header) *answer {
		t.Helper()
		header := http.Header{}
		if more != nil {
			header = more
		}
		if token != "" {
			header.Set("Authorization", "Bearer "+token)
		}
		return n.request(n.http.Client(), http.MethodGet, "/audit-log.csv"+query, header, "")
	}
	a := ask(owner.access, "", http.Header{"Origin": {"https://tools.example.com"}})
	rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	check(t, err)
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || len(rows) != 6 || rows[5][2] != "ACCOUNT_REGISTERED" ||
		!strings.HasPrefix(a.Header.Get("Content-Disposition"), `attachment; filename="audit-log-`) || a.Header.Get("Cache-Control") != "no-store" ||
		a.Header.Get("Access-Control-Allow-Origin") != "https://tools.example.com" {
		t.Errorf("%d %v\n%s", a.Status, a.Header, a.Body)
	}
	line := n.logged("AuditLogCSV", 1)[0]
	if line["kind"] != "export" || line["user"] != owner.id || line["bytes"] != float64(len(a.Body)) {
		t.Errorf("the log line is %v", line)
	}
	if newest := n.post(owner.access, auditLogQuery, vars{"first": 1}).ok(); newest.text("accountSecurity.auditLog.nodes.0.action") != "AUDIT_LOG_EXPORTED" {
		t.Errorf("the newest entry is %s", newest.Body)
	}
	if a := ask(owner.access, "?from=2020-01-01&to=2020-02-01T00:00:00Z", nil); a.Status != http.StatusOK || strings.Count(a.Body, "\r\n") != 1 {
		t.Errorf("of another time: %d %s", a.Status, a.Body)
	}
	if a := ask(owner.access, "?action=INVITATION_ACCEPTED&action=ACCOUNT_REGISTERED&user="+admin.id, nil); a.Status != http.StatusOK || strings.Count(a.Body, "\r\n") != 2 || !strings.Contains(a.Body, "INVITATION_ACCEPTED") {
		t.Errorf("of two kinds and a person: %d %s", a.Status, a.Body)
	}
	for name, tt := range map[string]struct {
		a      *answer
		status int
		code   string
	}{
		"nobody":          {ask("", "", nil), 401, "UNAUTHENTICATED"},
		"a bad token":     {ask("rubbish", "", nil), 401, "UNAUTHENTICATED"},
		"an admin":        {ask(admin.access, "", nil), 403, "FORBIDDEN"},
		"a wrong moment":  {ask(owner.access, "?from=yesterday", nil), 400, "BAD_USER_INPUT"},
		"a wrong action":  {ask(owner.access, "?action=SIGNED_UP", nil), 400, "BAD_USER_INPUT"},
		"a wrong id":      {ask(owner.access, "?user=tree_00000000000000000000000000", nil), 400, "BAD_USER_INPUT"},
		"the wrong order": {ask(owner.access, "?from=2026-02-01&to=2026-01-01", nil), 400, "BAD_USER_INPUT"},
		"POST":            {n.request(n.http.Client(), http.MethodPost, "/audit-log.csv", http.Header{"Authorization": {"Bearer " + owner.access}}, ""), 405, "BAD_USER_INPUT"},
	} {
		if tt.a.Status != tt.status || tt.a.code() != tt.code || tt.a.Header.Get("Content-Disposition") != "" || tt.a.Errors[0].Message == "" {
			t.Errorf("%s: %d %s, want %d and %s", name, tt.a.Status, tt.a.Body, tt.status, tt.code)
		}
	}
	if preflight := n.request(n.http.Client(), http.MethodOptions, "/audit-log.csv", http.Header{
		"Origin": {"https://tools.example.com"}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"authorization"},
	}, ""); preflight.Status != http.StatusNoContent {
		t.Errorf("the preflight: %d %v", preflight.Status, preflight.Header)
	}
	if _, err := n.db.ExecContext(t.Context(), `ALTER TABLE audit_log RENAME TO gone`); err != nil {
		t.Fatal(err)
	}
	if a := ask(owner.access, "", nil); a.Status != http.StatusInternalServerError || strings.Contains(a.Body, "gone") || a.extension("errorId") == "" {
		t.Errorf("a broken database: %d %s", a.Status, a.Body)
	}
}

// TestSignInLimits_OverHTTP has somebody guess, on two servers, at a name that exists
// and at one that does not.
func TestSignInLimits_OverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start(nodeOptions{}), w.start(nodeOptions{})
	owner := a.owner()
	guess := a.newPerson()
	var bodies []string
	for _, email := range []string{owner.email, "nobody@example.com"} {
		for i := range 10 {
			[]*node{a, b}[i%2].tryLogin(email, guess.password).refused("UNAUTHENTICATED", "INVALID_CREDENTIALS")
		}
		limited := b.tryLogin(email, owner.password).refused("RATE_LIMITED")
		if seconds, ok := limited.Errors[0].Extensions["retryAfterSeconds"].(float64); !ok || seconds < 1 || seconds > 60 {
			t.Errorf("how long to wait is not said: %s", limited.Body)
		}
		bodies = append(bodies, strings.Map(func(r rune) rune { // seconds may have passed
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, limited.Body))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("a known name is told from an unknown one:\n%s\n%s", bodies[0], bodies[1])
	}
	log := a.post(owner.access, auditLogQuery, vars{"first": 1}).ok()
	if got := log.text("accountSecurity.auditLog.nodes.0.action"); got != "SIGN_IN_LIMITED" {
		t.Errorf("the log tells %s", log.Body)
	}
	if counts := fmt.Sprint(b.server.Resolver.Logins.Refusals()["NAME_FROM_ADDRESS"]); counts != "2" {
		t.Errorf("%s refusals are counted on the second server", counts)
	}
}

func TestServerInfo_TellsThePasswordRules(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	a := n.post("", `{ serverInfo { passwordRules { minLength maxLength } } }`, nil).ok()
	if a.number("serverInfo.passwordRules.minLength") != 12 || a.number("serverInfo.passwordRules.maxLength") != 256 {
		t.Errorf("the rules are %s", a.Body)
	}
	for field, call := range map[string]*answer{
		"input.password": n.post("", `mutation { register(input: { accountName: "A", name: "N", email: "n@example.com", password: "Password-2026" }) { accessToken } }`, nil),
		"input.newPassword": func() *answer {
			p := n.owner()
			return n.post(p.access, `mutation($old: String!) { changePassword(input: { currentPassword: $old, newPassword: "qwertyuiop12" }) { revokedCount } }`, vars{"old": p.password})
		}(),
	} {
		if call.code() != "BAD_USER_INPUT" || call.extension("field") != field || !strings.Contains(call.Errors[0].Message, "three or four words") {
			t.Errorf("%s: %s", field, call.Body)
		}
	}
}
