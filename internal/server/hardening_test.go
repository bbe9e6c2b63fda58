package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

const registerIt = `mutation($input: RegisterInput!) { register(input: $input) { user { id } } }`

// TestRegister_ClosedByTheOperator opens an account while anybody may, and then invites
// into it.
func TestRegister_ClosedByTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open, closed := w.start(nodeOptions{}), w.start(nodeOptions{closed: true})
	owner := open.owner()
	for n, want := range map[*node]bool{open: true, closed: false} {
		if a := n.post("", `{ serverInfo { registrationOpen } }`, nil).ok(); a.at("serverInfo.registrationOpen") != want {
			t.Errorf("registration is open: %s, want %t", a.Body, want)
		}
	}
	in := vars{"accountName": "Rival", "name": "Eve", "email": "eve@rival.example", "password": owner.password}
	for _, email := range []string{"eve@rival.example", owner.email} { // taken or not
		in["email"] = email
		refused := closed.post("", registerIt, vars{"input": in}).refused("FORBIDDEN")
		if text := refused.Errors[0].Message; !strings.Contains(text, "invitation") {
			t.Errorf("it is refused with %q", text)
		}
	}
	if joined := closed.join(owner, "ENGINEER"); joined.access == "" {
		t.Error("who was invited cannot come")
	}
}

// TestInviteUser_AliasesCountEach asks for many addresses in one mutation.
func TestInviteUser_AliasesCountEach(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	owner := n.owner()
	n.server.Resolver.Logins.Settings.Tries.Invite = login.Rate{Burst: 2, Every: login.DefaultTryLimits().Invite.Every}
	const many = `mutation($taken: InviteUserInput!) { a: inviteUser(input: $taken) { token } b: inviteUser(input: $taken) { token } c: inviteUser(input: $taken) { token } }`
	codes := func(a *answer) string {
		var list []string
		for _, e := range a.Errors {
			list = append(list, e.Extensions["code"].(string))
		}
		return strings.Join(list, " ")
	}
	taken := vars{"taken": vars{"email": owner.email, "role": "VIEWER"}}
	var got []string
	for range 3 {
		got = append(got, codes(n.post(owner.access, many, taken)))
	}
	if all := strings.Join(got, " "); strings.Count(all, "CONFLICT") != 2 {
		t.Errorf("of three mutations with three invitations each: %q", got)
	}
}

// TestSocket_NobodiesOfANetworkShareABound opens sockets from one customer's addresses.
func TestSocket_NobodiesOfANetworkShareABound(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, limits: live.Limits{Sockets: 2}})
	from := func(ip string) *socket {
		s, _ := n.dial(http.Header{"X-Forwarded-For": {ip}})
		s.init("")
		return s
	}
	for _, ip := range []string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:100::1"} {
		if f := from(ip).next(); f.Type != "connection_ack" {
			t.Fatalf("from %s: %s %s", ip, f.Type, f.Payload)
		}
	}
	from("2001:db8:0:ff::1").closed(4429)
}

// TestSocket_WhoWaitsGivesWayInItsNetwork opens sockets that sign nobody in.
func TestSocket_WhoWaitsGivesWayInItsNetwork(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, limits: live.Limits{WaitingOfNetwork: 1}})
	owner := n.owner()
	from := func(ip string) *socket {
		s, _ := n.dial(http.Header{"X-Forwarded-For": {ip}})
		return s
	}
	elsewhere, first := from("2001:db8:0:100::1"), from("2001:db8::1")
	late := from("2001:db8:0:ff::1")
	first.closed(4408)
	for _, s := range []*socket{elsewhere, late} {
		s.init(owner.access)
		if f := s.next(); f.Type != "connection_ack" {
			t.Errorf("who was not in the way gets %s %s", f.Type, f.Payload)
		}
	}
}
