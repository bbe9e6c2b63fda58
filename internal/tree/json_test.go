package tree_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

func TestJSON_RoundTrip(t *testing.T) {
	t.Parallel()
	want := tree.File{Title: "Lamp <is> dark", Description: "Two\nlines", Tags: []string{"a", "b"}, Graph: cable()}
	text := string(tree.EncodeJSON(want))
	got, problems := tree.ParseJSON(text)
	if len(problems) != 0 {
		t.Fatalf("problems %+v", problems)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(text, "<is>") || !strings.HasPrefix(text, "{\n  \"format\": \"branchline-tree/1\"") {
		t.Errorf("people would not want to read:\n%s", text)
	}
}

func TestGraph_RoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(anyGraph(), soundGraph()).Draw(t, "graph")
		got, err := tree.DecodeGraph(tree.EncodeGraph(want))
		if err != nil || got.Root != want.Root || len(got.Nodes) != len(want.Nodes) {
			t.Fatal(got, err)
		}
		for i := range want.Nodes {
			if diff := cmp.Diff(want.Nodes[i], got.Nodes[i]); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
	})
	if _, err := tree.DecodeGraph([]byte(`{"format":"branchline-tree/2","root":"","nodes":[]}`)); err == nil {
		t.Error("a format of the future was read")
	}
}

func TestParseJSON_NamesEachProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	const good = `{
  "format": "branchline-tree/1",
  "title": "T",
  "root": "q",
  "nodes": [
    {"id": "q", "kind": "DECISION", "title": "Q?", "options": [
      {"id": "y", "label": "Yes", "target": "s"},
      {"id": "n", "label": "No", "target": "s"}]},
    {"id": "s", "kind": "SOLUTION", "title": "S", "text": "é", "outcome": "RESOLVED"}
  ]
}`
	tests := map[string]struct {
		change []string // pairs: old, new
		want   []string // code line:column, in order
	}{
		"nothing wrong":            {nil, nil},
		"not closed":               {[]string{"\n  ]\n}", ""}, []string{"SYNTAX 9:86"}},
		"no JSON":                  {[]string{`"root": "q",`, `"root": q,`}, []string{"SYNTAX 4:11"}},
		"another format":           {[]string{"tree/1", "tree/9"}, []string{"SYNTAX 2:13"}},
		"no format":                {[]string{"\n  \"format\": \"branchline-tree/1\",", ""}, []string{"SYNTAX 1:1"}},
		"an unknown member":        {[]string{`"text": "é"`, `"txt": "é"`}, []string{"UNKNOWN_FIELD 9:51"}},
		"a member twice":           {[]string{`"title": "S"`, `"title": "S", "title": "S"`}, []string{"SYNTAX 9:51"}},
		"a number for a text":      {[]string{`"title": "Q?"`, `"title": 7`}, []string{"SYNTAX 6:46"}},
		"a list for an object":     {[]string{`{"id": "y", "label": "Yes", "target": "s"}`, `[["deep", {"a": []}]]`}, []string{"SYNTAX 7:7"}},
		"an object for a list":     {[]string{`"title": "S"`, `"title": "S", "links": {"a": [1]}`}, []string{"SYNTAX 9:60"}},
		"something behind the end": {[]string{"\n  ]\n}", "\n  ]\n} {}"}, []string{"SYNTAX 11:3"}},
		"a missing member":         {[]string{`"label": "Yes", `, ``}, []string{"SYNTAX 7:7"}},
		"what the rules say":       {[]string{`"target": "s"}]`, `"target": "x"}]`}, []string{"MISSING_TARGET 8:44"}},
		"two at once":              {[]string{`"Yes"`, `""`, `"RESOLVED"`, `"FINE"`}, []string{"EMPTY_LABEL 7:28", "INVALID_OUTCOME 9:75"}},
		"behind wide characters":   {[]string{`"RESOLVED"`, `"FINE"`}, []string{"INVALID_OUTCOME 9:75"}},
		"a NUL, escaped":           {[]string{`"é"`, `"\u0000"`}, []string{"INVALID_TEXT 9:59"}},
		"a NUL":                    {[]string{`"é"`, "\"\x00\""}, []string{"INVALID_TEXT 9:60"}},
		"another encoding":         {[]string{`"é"`, "\"\xe9\""}, []string{"INVALID_TEXT 9:60"}},
		"a tag of two lines":       {[]string{`"title": "T",`, `"title": "T", "tags": ["a\nb"],`}, []string{"INVALID_TEXT 3:25"}},
		"no title":                 {[]string{`"T"`, `""`}, []string{"EMPTY_TITLE 3:12"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer(tt.change...).Replace(good)
			_, problems := tree.ParseJSON(text)
			if diff := cmp.Diff(tt.want, places(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%+v", diff, problems)
			}
		})
	}
}

func TestParseJSON_Bounds(t *testing.T) {
	t.Parallel()
	if _, problems := tree.ParseJSON(strings.Repeat(" ", tree.MaxGraphBytes+1)); len(problems) != 1 || problems[0].Code != tree.TooLarge {
		t.Errorf("a large file: %+v", problems)
	}
	if _, problems := tree.ParseJSON(`{"x":` + strings.Repeat("[", 500_000)); len(problems) == 0 {
		t.Error("half a million brackets are fine")
	}
	many := `{"format":"branchline-tree/1","root":"a","nodes":[` + strings.Repeat("7,", 100_000) + "7]}"
	if _, problems := tree.ParseJSON(many); len(problems) != 100 {
		t.Errorf("%d problems", len(problems))
	}
	if _, _, err := tree.ParseFile("YAML", ""); err == nil {
		t.Error("a format that nobody knows")
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add(string(tree.EncodeJSON(tree.File{Title: "T", Graph: cable()})))
	f.Add(`{"format":"branchline-tree/1","root":"a","nodes":[{"id":1,"options":[[]]}]}`)
	f.Add(`{"a":`)
	f.Fuzz(func(t *testing.T, text string) {
		file, problems := tree.ParseJSON(text)
		checkProblems(t, text, problems)
		if tree.HasErrors(problems) {
			return
		}
		again, more := tree.ParseJSON(string(tree.EncodeJSON(file)))
		if diff := cmp.Diff(file, again); diff != "" || tree.HasErrors(more) {
			t.Errorf("it does not come back (-want +got):\n%s\n%+v", diff, more)
		}
	})
}
