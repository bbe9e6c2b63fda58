package tree_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestProblemCodes_AreAllDocumented compares the codes in the source with the page
// that the schema names.
func TestProblemCodes_AreAllDocumented(t *testing.T) {
	t.Parallel()
	read := func(file, pattern string) []string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			codes = append(codes, string(match[1]))
		}
		slices.Sort(codes)
		return codes
	}
	source := read("problem.go", `ProblemCode += "([A-Z_]+)"`)
	page := read("../../docs/tree-problems.md", "(?m)^\\| `([A-Z_]+)` \\|")
	if len(source) < 20 || !slices.Equal(source, page) {
		t.Errorf("the source has %v\nthe page has   %v", source, page)
	}
}
