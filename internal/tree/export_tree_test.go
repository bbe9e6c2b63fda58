package tree_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

// What is exported of each sample is imported again as the same tree.
func TestNewTreeExport_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		want, _ := tree.ParseMarkdown(sample.Content)
		for _, format := range tree.FileFormats() {
			e, err := tree.NewTreeExport(want, "draft", format)
			if err != nil {
				t.Errorf("%s as %s: %v", sample.Name, format, err)
				continue
			}
			got, problems, err := tree.ParseFile(format, e.Content)
			if err != nil || tree.HasErrors(problems) {
				t.Errorf("%s as %s: %v %v", sample.Name, format, err, problems)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s (-want +got):\n%s", sample.Name, format, diff)
			}
		}
	}
}

func TestNewTreeExport_NamesTheFile(t *testing.T) {
	t.Parallel()
	for format, want := range map[tree.FileFormat][2]string{
		tree.JSONFile:     {"a-site-is-down-v3.json", "application/json"},
		tree.MarkdownFile: {"a-site-is-down-v3.md", "text/markdown; charset=utf-8"},
		tree.MermaidFile:  {"a-site-is-down-v3.mmd", "text/vnd.mermaid; charset=utf-8"},
	} {
		e, err := tree.NewTreeExport(tree.File{Title: "A site is down!", Graph: wan()}, "v3", format)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(e.Content))
		if diff := cmp.Diff(want, [2]string{e.Filename, e.MediaType}); diff != "" || e.SHA256 != hex.EncodeToString(sum[:]) || e.Binary {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	if e, err := tree.NewTreeExport(tree.File{Title: "電源"}, "draft", tree.JSONFile); err != nil || e.Filename != "tree-draft.json" {
		t.Errorf("%+v %v", e, err)
	}
}
