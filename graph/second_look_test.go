package graph

import (
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestSecondLook_KnowsWhatEndsLogins holds that the list names mutations, and all of
// those for which nobody has to be signed in: with another's token beside, they would
// be judged by it.
func TestSecondLook_KnowsWhatEndsLogins(t *testing.T) {
	t.Parallel()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: Schema()})
	if err != nil {
		t.Fatal(err)
	}
	mutations := schema.Mutation.Fields
	for name := range loginEnders {
		if mutations.ForName(name) == nil {
			t.Errorf("there is no mutation %s", name)
		}
	}
	for _, f := range mutations {
		if f.Directives.ForName("auth") == nil && !loginEnders[f.Name] {
			t.Errorf("%s is for people who are not signed in, so no answer to it is refused for who asked", f.Name)
		}
	}
}
