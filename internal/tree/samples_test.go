package tree_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

func TestSamples_HaveNoProblems(t *testing.T) {
	t.Parallel()
	all := samples.All()
	if len(all) != 8 {
		t.Fatalf("%d samples", len(all))
	}
	for _, sample := range all {
		file, problems := tree.ParseMarkdown(sample.Content)
		for _, p := range problems {
			t.Errorf("samples/%s:%d:%d: %s: %s", sample.Name, p.Line, p.Column, p.Code, p.Message)
		}
		if inputs := len(slices.DeleteFunc(slices.Clone(file.Graph.Nodes), func(n tree.Node) bool { return n.Kind != tree.Input })); inputs == 0 {
			t.Errorf("%s asks for no values", sample.Name)
		}
		if n := len(file.Graph.Nodes); n < 15 || n > 40 || file.Description == "" || len(file.Tags) == 0 {
			t.Errorf("%s has %d nodes, description %q, tags %v", sample.Name, n, file.Description, file.Tags)
		}
	}
}

// Whoever walks a sample and goes back to no node ends at a solution, and every
// node is met on some way. What a node shows was written down on every way to it:
// nobody reads a name in braces on a call.
func TestSamples_EveryWayEndsInASolution(t *testing.T) {
	t.Parallel()
	const mostSteps = 25 // more than that nobody answers on a call
	for _, sample := range samples.All() {
		t.Run(sample.Name, func(t *testing.T) {
			t.Parallel()
			file, _ := tree.ParseMarkdown(sample.Content)
			met, onWay := map[tree.NodeID]bool{}, map[tree.NodeID]bool{}
			known := map[string]int{} // how often each value was written down on the way
			var walk func(id tree.NodeID)
			walk = func(id tree.NodeID) {
				node := file.Graph.Node(id)
				met[id], onWay[id] = true, true
				defer delete(onWay, id)
				for _, place := range regexp.MustCompile(`\{\{([a-z_]+)\}\}`).FindAllStringSubmatch(fmt.Sprint(node.Title, node.Text, node.Expected, node.Commands, node.Options, node.FollowUps), -1) {
					if known[place[1]] == 0 {
						t.Fatalf("on a way to %q the value %q is not asked for", id, place[1])
					}
				}
				for _, f := range node.Fields {
					if f.Required {
						known[f.Name]++
						defer func() { known[f.Name]-- }()
					}
				}
				if len(onWay) > mostSteps {
					t.Fatalf("a way to %q takes more than %d steps", id, mostSteps)
				}
				if node.Kind == tree.Solution {
					return
				}
				targets := []tree.NodeID{}
				if node.Next != "" {
					targets = append(targets, node.Next)
				}
				on := false
				for _, b := range node.Branches {
					if b.Test == tree.IsSet && !onWay[b.Target] {
						on = true
						known[b.Name]++
						walk(b.Target)
						known[b.Name]--
						continue
					}
					targets = append(targets, b.Target)
				}
				for i := range node.Options {
					targets = append(targets, node.Options[i].Target)
				}
				for _, target := range targets {
					if !onWay[target] {
						on = true
						walk(target)
					}
				}
				if !on {
					t.Errorf("from %q every way leads back", id)
				}
			}
			walk(file.Graph.Root)
			for i := range file.Graph.Nodes {
				if id := file.Graph.Nodes[i].ID; !met[id] {
					t.Errorf("no way leads to %q", id)
				}
			}
		})
	}
}

// What was written down decides where the samples lead.
func TestSamples_ValuesLeadOn(t *testing.T) {
	t.Parallel()
	signal := func(text string) map[string]string { return map[string]string{"spot": "Kitchen", "signal": text} }
	load := func(cpu, memory, disk, heldBack string) map[string]string {
		return map[string]string{"cpu": cpu, "memory": memory, "disk": disk, "held_back": heldBack}
	}
	for _, tt := range []struct {
		sample string
		at     tree.NodeID
		values map[string]string
		want   string // the title of the node after it; empty where the values are refused
	}{
		{"slow-wifi.md", "how-strong-is-the-signal-there", signal("-67"), "Which band do the devices use?"},
		{"slow-wifi.md", "how-strong-is-the-signal-there", signal("-75"), "Strengthen the signal"},
		{"slow-wifi.md", "how-strong-is-the-signal-there", signal("66"), "Which band do the devices use?"},
		{"slow-wifi.md", "how-strong-is-the-signal-there", signal("40"), "Strengthen the signal"},
		{"windows-pc-is-slow.md", "what-is-used-up-in-task-manager", load("30", "90", "100", "no"), "Make room in memory"},
		{"windows-pc-is-slow.md", "what-is-used-up-in-task-manager", load("30", "60", "99.5", "no"), "Read how much room is left on C:"},
		{"windows-pc-is-slow.md", "what-is-used-up-in-task-manager", load("100", "60", "5", "yes"), "Find out why the CPU is held back"},
		{"windows-pc-is-slow.md", "what-is-used-up-in-task-manager", load("5", "40", "1", "no"), "Is it slow in another user's sign-in too?"},
		{"vpn-does-not-connect.md", "what-does-the-client-show", map[string]string{"shows": "a certificate error", "error": "13806"}, "Is there a valid certificate on the PC?"},
		{"vpn-does-not-connect.md", "what-does-the-client-show", map[string]string{"shows": "no answer from the server", "error": "809"}, "Does the gateway's name resolve?"},
		{"vpn-does-not-connect.md", "who-is-it-and-does-the-internet-work-without-the-vpn", map[string]string{"user": "ann", "gateway": "vpn.example.com", "internet": "no"}, "Get the internet connection to work"},
		{"vpn-does-not-connect.md", "who-is-it-and-does-the-internet-work-without-the-vpn", map[string]string{"user": "ann & del", "gateway": "vpn.example.com", "internet": "no"}, ""},
		{"kubernetes-deployment-not-ready.md", "what-is-the-status-of-the-pods", map[string]string{"pod": "web-7d4b9-x2x", "status": "imagepullbackoff"}, "What does the pull say?"},
		{"kubernetes-deployment-not-ready.md", "what-is-the-status-of-the-pods", map[string]string{"pod": "web-7d4b9-x2x", "status": "Error"}, "How did the container end?"},
		{"kubernetes-deployment-not-ready.md", "which-deployment-is-it", map[string]string{"namespace": "shop; id", "deployment": "web"}, ""},
		{"no-internet-at-a-site.md", "what-address-does-the-device-have", map[string]string{"address": "169.254.7.9", "alike": "no"}, "Are other devices without an address too?"},
		{"no-internet-at-a-site.md", "what-address-does-the-device-have", map[string]string{"address": "192.0.2.9", "alike": "no"}, "Renew the device's address"},
		{"printer-is-offline.md", "what-is-the-printers-address", map[string]string{"alike": "yes"}, "Restart the printer in its network"},
		{"printer-is-offline.md", "what-is-the-printers-address", map[string]string{"address": "192.0.2.50", "alike": "yes"}, "Does the printer answer?"},
		{"account-locked-out-or-mfa-lost.md", "which-account-is-it-and-does-it-have-special-rights", map[string]string{"user": "ann", "sign_in": "ann@example.com", "proof": "the manager's word", "special": "yes"}, "A reset that needs two people"},
		{"e-mail-does-not-arrive.md", "does-the-mail-server-answer-on-port-25", map[string]string{"mx": "mx1.example.com", "mx_answers": "no", "mx_ours": "yes"}, "Our mail service is down"},
	} {
		i := slices.IndexFunc(samples.All(), func(s samples.Sample) bool { return s.Name == tt.sample })
		file, _ := tree.ParseMarkdown(samples.All()[i].Content)
		file.Graph.Root = tt.at
		s := begin(file.Graph)
		c := tree.Choice{}
		for name, text := range tt.values {
			c.Values = append(c.Values, tree.GivenValue{Name: name, Text: text})
		}
		_, err := s.Choose(actor(emil), 0, c, nine)
		if (err != nil) != (tt.want == "") || err == nil && s.CurrentTitle != tt.want {
			t.Errorf("%s: with %v it stands at %q, %v; want %q", tt.sample, tt.values, s.CurrentTitle, err, tt.want)
		}
	}
}

func TestSamples_RoundTripThroughJSON(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		want, _ := tree.ParseMarkdown(sample.Content)
		got, problems := tree.ParseJSON(string(tree.EncodeJSON(want)))
		if len(problems) > 0 {
			t.Errorf("%s: %+v", sample.Name, problems)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
		}
	}
}

// A file whose nodes stand in another order gives the same tree, so an edit
// moves no id.
func TestSamples_IDsDoNotHangOnTheOrder(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		parts := strings.Split(sample.Content, "\n## ")
		slices.Reverse(parts[2:]) // the title and the root stay first
		want, _ := tree.ParseMarkdown(sample.Content)
		got, _ := tree.ParseMarkdown(strings.Join(parts, "\n## "))
		for _, g := range []tree.Graph{want.Graph, got.Graph} {
			slices.SortFunc(g.Nodes, func(a, b tree.Node) int { return strings.Compare(string(a.ID), string(b.ID)) })
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
		}
	}
}

// The documentation's examples are read as it says.
func TestDocumentation_ExamplesHaveNoErrors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/tree-markdown.md")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, block := range strings.Split(string(page), "\n```markdown\n")[1:] {
		example, _, _ := strings.Cut(block, "\n```\n")
		if !strings.HasPrefix(example, "# ") {
			continue // a part of a file
		}
		read++
		if _, problems := tree.ParseMarkdown(example); tree.HasErrors(problems) {
			t.Errorf("%+v in the example\n%s", problems, example)
		}
	}
	if read != 3 {
		t.Errorf("%d examples", read)
	}
}
