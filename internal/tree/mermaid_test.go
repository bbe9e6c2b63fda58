package tree_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

func TestEncodeMermaid_Golden(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]tree.Graph{"cable": cable(), "wan": wan(), "hostile": hostileGraph()} {
		got := tree.EncodeMermaid(tree.File{Title: `A "tree" of: ` + name, Graph: g})
		golden := filepath.Join("testdata", "mermaid", name+".mmd")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// hostileTitles are titles that would break a diagram, or bring something into it.
var hostileTitles = []string{
	`"]; click n0 "javascript:alert(1)"`, "%%{init: {}}%%", "end", "1. first", "- item", "`markdown`", "**bold** _it_", "<script>alert(1)</script>", "a --> b", "#quot;", "&lt;", "subgraph", "x|y", "\\", "}}", "é 日本 😀", "A: b (c) 1.2", "---", "style n0 fill:#f00", "http://example.com", "a\u202eb", "+ plus", "#35;",
}

func hostileGraph() tree.Graph {
	g := tree.Graph{Root: "n0"}
	for i, title := range hostileTitles {
		n := tree.Node{ID: nodeID(i), Kind: tree.Decision, Title: title, Options: []tree.Option{{ID: "a", Label: title, Target: nodeID(i + 1)}, {ID: "b", Label: "End", Target: nodeID(len(hostileTitles))}}}
		switch i % 4 {
		case 1:
			n = tree.Node{ID: nodeID(i), Kind: tree.Input, Title: title, Fields: []tree.Field{{Name: "a", Label: title, Type: tree.TextField}}, Next: nodeID(i + 1), Branches: []tree.Branch{{Name: "a", Test: tree.Equals, Value: title, Target: nodeID(i + 1)}}}
		case 2:
			n = tree.Node{ID: nodeID(i), Kind: tree.Subtree, Title: title, Tree: treeID(1), Next: nodeID(i + 1)}
		case 3:
			n = tree.Node{ID: nodeID(i), Kind: tree.Action, Title: title, Next: nodeID(i + 1)}
		}
		g.Nodes = append(g.Nodes, n)
	}
	return tree.Graph{Root: g.Root, Nodes: append(g.Nodes, tree.Node{ID: nodeID(len(hostileTitles)), Kind: tree.Solution, Title: "End", Text: "x", Outcome: tree.Escalated})}
}

// Mermaid itself reads the diagrams, and finds the titles and labels in them.
func TestEncodeMermaid_IsReadByMermaid(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: Mermaid is not run")
	}
	dir := filepath.Join("testdata", "mermaid")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "mermaid")); err != nil {
		t.Skip("Mermaid is not installed (npm ci in internal/tree/testdata/mermaid): it is not run")
	}
	files := []tree.File{{Title: `a "b": #`, Graph: hostileGraph()}, {Title: "---", Graph: wan()}, {Graph: cable()}}
	for _, sample := range samples.All() {
		file, _ := tree.ParseMarkdown(sample.Content)
		files = append(files, file)
	}
	var diagrams []string
	for _, f := range files {
		diagrams = append(diagrams, tree.EncodeMermaid(f))
	}
	input, err := json.Marshal(diagrams)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "parse.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(files) {
		t.Fatalf("%d answers to %d diagrams", len(lines), len(files))
	}
	for i, line := range lines {
		answer, ok := strings.CutPrefix(line, "ok\t")
		if !ok {
			t.Errorf("%s\n%s", line, diagrams[i])
			continue
		}
		var got struct {
			Texts []string `json:"texts"`
			Edges [][3]string
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		want := []string{""} // where it starts
		ways := map[[3]string]int{{"start", "n0", ""}: 1}
		for j := range files[i].Graph.Nodes {
			n := &files[i].Graph.Nodes[j]
			want = append(want, shown(n.Title))
			for _, o := range n.Options {
				ways[[3]string{fmt.Sprint("n", j), place(&files[i].Graph, o.Target), shown(o.Label)}]++
			}
		}
		for j := range got.Texts {
			got.Texts[j] = decoded(got.Texts[j])
		}
		if diff := cmp.Diff(want, got.Texts); diff != "" {
			t.Errorf("titles (-want +got):\n%s", diff)
		}
		for _, e := range got.Edges {
			e[2] = decoded(e[2])
			ways[e]--
		}
		for way, n := range ways {
			if n > 0 {
				t.Errorf("there is no way %q", way)
			}
		}
	}
}

func place(g *tree.Graph, id tree.NodeID) string {
	for i := range g.Nodes {
		if g.Nodes[i].ID == id {
			return fmt.Sprint("n", i)
		}
	}
	return ""
}

// shown is a title as a reader sees it.
func shown(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u202e", "")), " ")
}

var mermaidCode = regexp.MustCompile(`ﬂ°°([0-9]+)¶ß`)

// decoded puts characters in place of their codes, as Mermaid does when it draws.
func decoded(s string) string {
	return mermaidCode.ReplaceAllStringFunc(s, func(code string) string {
		n, _ := strconv.Atoi(mermaidCode.FindStringSubmatch(code)[1])
		return string(rune(n))
	})
}
