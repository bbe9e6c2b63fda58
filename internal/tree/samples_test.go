package tree_test

import (
	"os"
	"strings"
	"testing"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

func TestSamples_HaveNoProblems(t *testing.T) {
	t.Parallel()
	all := samples.All()
	if len(all) < 2 {
		t.Fatalf("%d samples", len(all))
	}
	for _, sample := range all {
		file, problems := tree.ParseMarkdown(sample.Content)
		for _, p := range problems {
			t.Errorf("samples/%s:%d:%d: %s: %s", sample.Name, p.Line, p.Column, p.Code, p.Message)
		}
		if n := len(file.Graph.Nodes); n < 15 || n > 40 || file.Description == "" || len(file.Tags) == 0 {
			t.Errorf("%s has %d nodes, description %q, tags %v", sample.Name, n, file.Description, file.Tags)
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
	if read != 2 {
		t.Errorf("%d examples", read)
	}
}
