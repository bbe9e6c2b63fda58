package tree_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

// places says what the problems are and where.
func places(problems []tree.Problem) []string {
	var list []string
	for _, p := range problems {
		list = append(list, fmt.Sprintf("%s %d:%d", p.Code, p.Line, p.Column))
	}
	return list
}

// checkProblems checks that every problem of a file stands in the file.
func checkProblems(t *testing.T, text string, problems []tree.Problem) {
	t.Helper()
	lines := strings.Split(text, "\n")
	if len(problems) > 100 {
		t.Errorf("%d problems", len(problems))
	}
	for _, p := range problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 || p.Message == "" || p.Severity == "" {
			t.Errorf("%+v is not in the file", p)
		}
	}
}

const runbook = "# VPN does not connect\n" +
	"\n" +
	"For staff who work from home.\n" +
	"\n" +
	"Not for sites.\n" +
	"\n" +
	"Tags: vpn, Remote work\n" +
	"\n" +
	"## Does the client show an error code?\n" +
	"\n" +
	"It stands at the foot of the window.\n" +
	"\n" +
	"- not in the log\n" +
	"\n" +
	"- 691 -> Check the password\n" +
	"- 809 or similar => [the\n" +
	"  line](#is-the-line-up)\n" +
	"- `n` No → **Is the line up?**\n" +
	"\n" +
	"  Open a web page\n" +
	"  of your own.\n" +
	"\n" +
	"  - Yes → Escalate: Call the\n" +
	"    network team.\n" +
	"  - No → Resolved: The line was down\n" +
	"\n" +
	"    Tell the customer.\n" +
	"\n" +
	"    - Ask the provider for\n" +
	"      a credit note\n" +
	"    - Note it in the ticket\n" +
	"\n" +
	"## Check the password {#password}\n" +
	"\n" +
	"1. Open the console -\n" +
	"   as an administrator.\n" +
	"\n" +
	"```\n" +
	"net user NAME /domain\n" +
	"\n" +
	"net accounts\n" +
	"```\n" +
	"\n" +
	"```text\n" +
	"Not a command.\n" +
	"```\n" +
	"\n" +
	"Expected: the account is\n" +
	"not locked.\n" +
	"\n" +
	"See: [Accounts](https://example.com/accounts)\n" +
	"\n" +
	"→ escalate: call the network team\n"

func TestParseMarkdown_ReadsARunbook(t *testing.T) {
	t.Parallel()
	got, problems := tree.ParseMarkdown(runbook)
	want := tree.File{
		Title:       "VPN does not connect",
		Description: "For staff who work from home.\n\nNot for sites.",
		Tags:        []string{"vpn", "Remote work"},
		Graph: tree.Graph{Root: "does-the-client-show-an-error-code", Nodes: []tree.Node{
			{
				ID: "does-the-client-show-an-error-code", Kind: tree.Decision, Title: "Does the client show an error code?",
				Text: "It stands at the foot of the window.\n\n- not in the log",
				Options: []tree.Option{
					{ID: "691", Label: "691", Target: "password"},
					{ID: "809-or-similar", Label: "809 or similar", Target: "is-the-line-up"},
					{ID: "no", Label: "No", Key: "n", Target: "is-the-line-up"},
				},
			},
			{
				ID: "is-the-line-up", Kind: tree.Decision, Title: "Is the line up?", Text: "Open a web page\nof your own.",
				Options: []tree.Option{{ID: "yes", Label: "Yes", Target: "call-the-network-team"}, {ID: "no", Label: "No", Target: "the-line-was-down"}},
			},
			{
				ID: "the-line-was-down", Kind: tree.Solution, Title: "The line was down", Text: "Tell the customer.", Outcome: tree.Resolved,
				FollowUps: []string{"Ask the provider for a credit note", "Note it in the ticket"},
			},
			{
				ID: "password", Kind: tree.Action, Title: "Check the password", Text: "1. Open the console -\n   as an administrator.\n\n```text\nNot a command.\n```",
				Commands: []string{"net user NAME /domain", "net accounts"}, Expected: "the account is not locked.",
				Links: []tree.Link{{Title: "Accounts", URL: "https://example.com/accounts"}}, Next: "call-the-network-team",
			},
			{ID: "call-the-network-team", Kind: tree.Solution, Title: "Call the network team.", Outcome: tree.Escalated},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"SOLUTION_WITHOUT_TEXT 23:11"}, places(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%+v", diff, problems)
	}
}

func TestParseMarkdown_AnOutlineNeedsNoHeadings(t *testing.T) {
	t.Parallel()
	got, problems := tree.ParseMarkdown("# No light\r\n\r\n* Is the lamp on?\r\n\t* Yes → Resolved: Nothing to do\r\n\t* No → Plug it in\r\n\r\n\t\tAt both ends.\r\n\r\n\t\t→ Is the lamp on?\r\n")
	if tree.HasErrors(problems) {
		t.Fatalf("%+v", problems)
	}
	var ids []string
	for _, n := range got.Graph.Nodes {
		ids = append(ids, string(n.ID)+" "+string(n.Kind)+" "+n.Text+" "+string(n.Next))
	}
	want := []string{"is-the-lamp-on DECISION  ", "plug-it-in ACTION At both ends. is-the-lamp-on", "nothing-to-do SOLUTION  "}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseMarkdown_NamesEachProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	const head = "# T\n\n## Q?\n\n"
	const input = "# T\n\n## Input: I\n\n- `a` A (text)\n\n"
	tests := map[string]struct {
		text string
		want []string
	}{
		"nothing":                    {"", []string{"SYNTAX 1:1"}},
		"no title":                   {"## Q?\n- a → Resolved: A\n- b → Resolved: B\n", []string{"SYNTAX 1:1"}},
		"two titles":                 {"# A\n# B\n", []string{"SYNTAX 2:1"}},
		"no nodes":                   {"# A\n\ntext\n", []string{"NO_ROOT 1:1"}},
		"a node that is missing":     {head + "- é → Nowhere\n- b → Resolved: B\n", []string{"MISSING_TARGET 5:7"}},
		"nothing behind the arrow":   {head + "- a →\n- b → Resolved: B\n", []string{"MISSING_TARGET 5:6"}},
		"a link that leads nowhere":  {head + "- a → [A](#nowhere)\n- b → Resolved: B\n", []string{"MISSING_TARGET 5:7"}},
		"a name twice":               {head + "- a → X\n- b → X\n\n## X\n→ Q?\n\n## x\n→ Q?\n", []string{"SYNTAX 11:4"}},
		"described twice":            {head + "- a → X\n  - more → Q?\n- b → Resolved: B\n\n## X\n→ Q?\n", []string{"SYNTAX 9:4"}},
		"described under a link":     {head + "- a → [X](#x)\n  - more → Q?\n- b → Resolved: B\n\n## X\n→ Q?\n", []string{"SYNTAX 5:7"}},
		"two ways on":                {head + "- a → X\n- b → Resolved: B\n\n## X\n→ Q?\n\n→ Q?\n", []string{"SYNTAX 11:1"}},
		"no link":                    {head + "See: here\n\n- a → Resolved: A\n- b → Resolved: B\n", []string{"INVALID_LINK 5:1"}},
		"a block left open":          {head + "```\nx\n", []string{"SYNTAX 7:1"}},
		"an empty heading":           {head + "- a → Resolved: A\n- b → Resolved: B\n\n##\n", []string{"EMPTY_TITLE 8:1"}},
		"what the rules say":         {"# T\n\n## Q?\n\n- a → Resolved: A\n- A → Resolved: B\n", []string{"DUPLICATE_OPTION_LABEL 6:1", "SOLUTION_WITHOUT_TEXT 5:7", "SOLUTION_WITHOUT_TEXT 6:7"}},
		"a question with one answer": {"# T\n\n## Q?\n\n- a → Resolved: A\n- b, Resolved: B\n", []string{"TOO_FEW_OPTIONS 3:4", "SOLUTION_WITHOUT_TEXT 5:7"}},
		"an arrow without a label":   {head + "- → Resolved: A\n- b → Resolved: A\n", []string{"EMPTY_LABEL 5:1", "SOLUTION_WITHOUT_TEXT 5:5"}},
		"an arrow on the next line":  {head + "- a → Resolved: A\n- b → Resolved: B\n- c\n  or d → Q?\n", []string{"SYNTAX 8:3"}},
		"a NUL":                      {"# T\n\x00", []string{"INVALID_TEXT 2:1"}},
		"a tag that is too long":     {"# T\n\nTags: " + strings.Repeat("x", 41) + "\n\n## Resolved: X\n\nx\n", []string{"INVALID_TEXT 3:1"}},
		"a description too long":     {"# T\n\n" + strings.Repeat("long ", 2001) + "\n\n## Resolved: X\n\nx\n", []string{"INVALID_TEXT 3:1"}},
		"another encoding":           {"# \xe9\n", []string{"INVALID_TEXT 1:3"}},
		"a name of two nodes":        {head + "- a → X\n- b → [X](#x2)\n\n## X\n→ Q?\n\n## X {#x2}\n→ Resolved: B\n", []string{"MISSING_TARGET 5:7"}},
		"no condition":               {input + "- If {{a}} was b → Resolved: A\n- Otherwise → Resolved: B\n", []string{"SYNTAX 7:1"}},
		"a value that nobody asks":   {input + "- If {{b}} is c → Resolved: A\n- Otherwise → Resolved: B\n", []string{"UNKNOWN_INPUT 7:1", "SOLUTION_WITHOUT_TEXT 7:19", "SOLUTION_WITHOUT_TEXT 8:15"}},
		"a bad pattern":              {"# T\n\n## Input: I\n\n- `a` A (matches `(`)\n\n→ Resolved: A\n", []string{"INVALID_PATTERN 5:1", "SOLUTION_WITHOUT_TEXT 7:3"}},
		"no tree's id":               {"# T\n\n## Subtree: S\n\nTree: Slow Wi-Fi\n\n→ Resolved: A\n", []string{"SYNTAX 5:1"}},
		"a subtree without a tree":   {"# T\n\n## Subtree: S\n\n→ Resolved: A\n", []string{"NO_SUBTREE 3:4", "SOLUTION_WITHOUT_TEXT 5:3"}},
		"a block that is no JSON":    {head + "- a → Resolved: A\n- b → Resolved: B\n\n```branchline\n{\n\"titel\": \"x\", \"text\": 1, \"expected\": 7}\n```\n", []string{"UNKNOWN_FIELD 10:1", "UNKNOWN_FIELD 10:15", "SYNTAX 10:38"}},
		"a bad member of a block":    {head + "- a → Resolved: A\n- b → Resolved: B\n\n```branchline\n{\n\"expected\": \"x\"}\n```\n", []string{"MISPLACED_FIELD 10:13", "SOLUTION_WITHOUT_TEXT 5:7", "SOLUTION_WITHOUT_TEXT 6:7"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := tree.ParseMarkdown(tt.text)
			if diff := cmp.Diff(tt.want, places(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%+v", diff, problems)
			}
			checkProblems(t, tt.text, problems)
		})
	}
}

// Ids do not depend on what stands elsewhere, nor on how often the file is read.
func TestParseMarkdown_IdsAreStable(t *testing.T) {
	t.Parallel()
	before, _ := tree.ParseMarkdown(runbook)
	after, _ := tree.ParseMarkdown(strings.Replace(runbook, "## Check the password", "## Is it raining?\n\nLook outside.\n\n- Yes → Check the password\n- No → Check the password\n\n## Check the password", 1))
	for _, n := range before.Graph.Nodes {
		if diff := cmp.Diff(&n, after.Graph.Node(n.ID)); diff != "" {
			t.Errorf("%s changed (-before +after):\n%s", n.ID, diff)
		}
	}
	odd, problems := tree.ParseMarkdown("# T\n\n## 電源?\n\n- はい → Resolved: 終わり\n- いいえ → Resolved: A!\n- vielleicht → Resolved: A?\n")
	if tree.HasErrors(problems) {
		t.Fatalf("%+v", problems)
	}
	seen := map[tree.NodeID]bool{}
	for _, n := range odd.Graph.Nodes {
		if seen[n.ID] || !n.ID.Valid() {
			t.Errorf("the id %q of %q", n.ID, n.Title)
		}
		seen[n.ID] = true
	}
}

// Whatever is written, the parser says where it is wrong or gives a graph that
// can be published.
func TestParseMarkdown_AnyOutline(t *testing.T) {
	t.Parallel()
	line := rapid.Custom(func(t *rapid.T) string {
		indent := strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent"))
		return indent + rapid.SampledFrom([]string{
			"# Title", "## Is it on?", "## Do it", "## Resolved: Done", "- Yes → Do it", "- No → Resolved: Done", "- No → Is it off?", "→ Do it",
			"- `a` Maybe -> Escalate: Call", "text", "- text", "", "```", "~~~", "Expected: x", "See: [x](https://example.com)", "Tags: a", "---", "\tx", "- →", "## ", "1. x",
			"## Input: What?", "- `a` A (number; required)", "- If {{a}} < 5 → Do it", "- Otherwise → Do it", "## Subtree: S", "Tree: tree_00000000000000000000000001", "→ continue", "```branchline text", "```branchline", "{}", "```command", "## Do it {#x .action}",
		}).Draw(t, "line")
	})
	rapid.Check(t, func(t *rapid.T) {
		text := "# T\n" + strings.Join(rapid.SliceOfN(line, 0, 25).Draw(t, "lines"), "\n")
		file, problems := tree.ParseMarkdown(text)
		lines := strings.Split(text, "\n")
		for _, p := range problems {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 {
				t.Fatalf("%+v is not in the file", p)
			}
		}
		if !tree.HasErrors(problems) && tree.HasErrors(tree.Check(file.Title, file.Graph)) {
			t.Fatal("it has errors that were not named")
		}
	})
}

func FuzzParseMarkdown(f *testing.F) {
	f.Add(runbook)
	f.Add("# T\n- Q?\n  - a → b\n    - c → d?\n")
	f.Add("# T\n## Q? {#q}\n```\n~~~\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, problems := tree.ParseMarkdown(text)
		checkProblems(t, text, problems)
	})
}

// Files of the largest size that are all of one kind: each is read in time that
// is in proportion, or this test would be seen to hang.
func TestParseMarkdown_Bounds(t *testing.T) {
	t.Parallel()
	fill := func(begin, line string) string {
		return begin + strings.Repeat(line, (tree.MaxGraphBytes-len(begin))/len(line))
	}
	var deep strings.Builder
	for i := 0; deep.Len() < tree.MaxGraphBytes-2000; i++ {
		fmt.Fprintf(&deep, "%s- a → n%d?\n", strings.Repeat(" ", i), i)
	}
	for name, text := range map[string]string{
		"a line that goes on": fill("# T\n## Q?\n- a → b\n", "x\n"),
		"expectations":        fill("# T\n## Do\n", "Expected: x\n"),
		"options":             fill("# T\n## Q?\n", "- a → Resolved: n\n"),
		"nodes":               fill("# T\n", "## a\n"),
		"spaces":              fill("# T\n", " "),
		"steps inwards":       "# T\n- q?\n" + deep.String(),
		"too large":           strings.Repeat("x", tree.MaxGraphBytes+1),
	} {
		if _, problems := tree.ParseMarkdown(text); !tree.HasErrors(problems) || len(problems) > 100 {
			t.Errorf("%s: %d problems", name, len(problems))
		}
	}
}
