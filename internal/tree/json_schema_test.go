package tree_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

const schemaFile = "../../docs/branchline-tree.schema.json"

// treeSchema writes the JSON Schema of the format, with the bounds of the source.
// It says what one node, field or branch can say of itself; what only the whole
// graph can tell is for Validate.
func treeSchema() any {
	type o = map[string]any
	const (
		line  = "^[^\\x00-\\x1f\\x7f-\\x9f\u2028\u2029]*$"
		some  = "^[^\\x00-\\x1f\\x7f-\\x9f\u2028\u2029]*[^\\x00-\\x20\\x7f-\\x9f\u2028\u2029][^\\x00-\\x1f\\x7f-\\x9f\u2028\u2029]*$"
		lines = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$"
		key   = "^[A-Za-z0-9_-]{1,64}$"
	)
	ref := func(name string) o { return o{"$ref": "#/$defs/" + name} }
	text := func(pattern string, limit int, description string) o {
		return o{"type": "string", "pattern": pattern, "maxLength": limit, "description": description}
	}
	list := func(items o, limit int, description string) o {
		return o{"type": "array", "items": items, "maxItems": limit, "description": description}
	}
	object := func(description string, required []string, properties o, rules ...any) o {
		def := o{"type": "object", "description": description, "required": required, "additionalProperties": false, "properties": properties}
		if len(rules) > 0 {
			def["allOf"] = rules
		}
		return def
	}
	// when says what holds where a property has a value.
	when := func(property string, value any, then o, otherwise o) o {
		rule := o{"if": o{"properties": o{property: o{"const": value}}, "required": []string{property}}, "then": then}
		if otherwise != nil {
			rule["else"] = o{"properties": otherwise}
		}
		return rule
	}
	none := o{"maxItems": 0}
	empty := o{"maxLength": 0}
	never := o{"const": false}
	filled := o{"minItems": 1}
	return o{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"$id":                  "https://github.com/branchline/branchline/docs/branchline-tree.schema.json",
		"title":                "A troubleshooting tree",
		"description":          "What exportTree writes as JSON and importTree reads. A file that follows this schema may still have problems that only the whole graph shows, such as a way to a node that is not there: docs/tree-problems.md names them. At most 1 MiB.",
		"type":                 "object",
		"required":             []string{"format", "title", "root", "nodes"},
		"additionalProperties": false,
		"properties": o{
			"format":      o{"const": tree.GraphFormat, "description": "The format and its version. A change that old readers would misread gets a new number."},
			"title":       text(some, tree.MaxTitle, "One line."),
			"description": o{"type": "string", "description": "Markdown, at most 10,000 characters."},
			"tags":        o{"type": "array", "items": o{"type": "string", "pattern": "\\S"}, "description": "At most 20, each of one line of at most 40 characters."},
			"root":        ref("id"),
			"nodes":       o{"type": "array", "minItems": 1, "maxItems": tree.MaxNodes, "items": ref("node"), "description": "In the author's order, which carries no meaning."},
		},
		"$defs": o{
			"id": o{"type": "string", "pattern": key, "description": "Unique among the nodes, or among a node's options."},
			"node": object("A place of the graph. Which members it uses depends on its kind; the others are left out or empty.", []string{"id", "kind", "title"},
				o{
					"id":        ref("id"),
					"kind":      o{"enum": []tree.Kind{tree.Decision, tree.Action, tree.Input, tree.Subtree, tree.Solution}, "description": "What it asks of whoever walks."},
					"title":     text(some, tree.MaxNodeTitle, "The question, instruction or outcome in one line."),
					"text":      text(lines, tree.MaxNodeText, "Help, instruction or explanation; Markdown."),
					"commands":  list(text(lines, tree.MaxCommand, "Verbatim."), tree.MaxCommands, "Of an action: commands to copy."),
					"expected":  text(lines, tree.MaxExpected, "Of an action: what one sees when it worked."),
					"options":   list(ref("option"), tree.MaxOptions, "Of a decision: the answers. Of an action: its results."),
					"fields":    list(ref("field"), tree.MaxFields, "Of an input: what is asked for."),
					"tree":      o{"type": "string", "pattern": "^(tree_[0-7][0-9a-hjkmnp-tv-z]{25})?$", "description": "Of a subtree: the id of the tree that the walk goes through."},
					"version":   o{"type": "integer", "minimum": 0, "description": "Of a subtree: the version of it, set by publishing."},
					"next":      o{"anyOf": []any{ref("id"), empty}, "type": "string", "description": "The one way on, of an input, a subtree, and an action without options."},
					"branches":  list(ref("branch"), tree.MaxBranches, "Ways that come before next: the first one whose condition holds is taken."),
					"outcome":   o{"enum": []any{tree.Resolved, tree.Escalated, tree.Unresolved, ""}, "description": "Of a solution."},
					"followUps": list(text(some, tree.MaxFollowUp, "One line."), tree.MaxFollowUps, "Of a solution: what remains to be done."),
					"continue":  o{"type": "boolean", "description": "Of a solution: where the walk came from another tree, it goes on there."},
					"links":     list(ref("link"), tree.MaxLinks, "Further reading."),
				},
				when("kind", tree.Decision, o{"required": []string{"options"}, "properties": o{"options": o{"minItems": 2}, "next": empty, "branches": none}}, nil),
				when("kind", tree.Action, o{
					"if":   o{"properties": o{"options": filled}, "required": []string{"options"}},
					"then": o{"properties": o{"next": empty, "branches": none}},
					"else": o{"properties": o{"next": o{"minLength": 1}}, "required": []string{"next"}},
				}, o{"commands": none, "expected": empty}),
				when("kind", tree.Input, o{"required": []string{"fields", "next"}, "properties": o{"fields": filled, "next": o{"minLength": 1}, "options": none}}, o{"fields": none}),
				when("kind", tree.Subtree, o{"required": []string{"tree", "next"}, "properties": o{"tree": o{"minLength": 1}, "next": o{"minLength": 1}, "options": none}}, o{"tree": empty, "version": o{"const": 0}}),
				when("kind", tree.Solution, o{"required": []string{"outcome"}, "properties": o{"outcome": o{"minLength": 1}, "options": none, "next": empty, "branches": none}},
					o{"outcome": empty, "followUps": none, "continue": never})),
			"option": object("A way that somebody chooses.", []string{"id", "label", "target"}, o{
				"id": ref("id"), "label": text(some, tree.MaxLabel, "Unique in its node."), "target": ref("id"),
				"key": o{"type": "string", "pattern": "^[a-z0-9]?$", "description": "Chooses it on a keyboard."},
			}),
			"field": object("A value to write down.", []string{"name", "label", "type"},
				o{
					"name":      o{"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$", "description": "How texts ({{name}}) and branches refer to the value."},
					"label":     text(some, tree.MaxLabel, "What whoever walks reads."),
					"type":      o{"enum": []tree.FieldType{tree.TextField, tree.NumberField, tree.ChoiceField, tree.YesNoField}},
					"required":  o{"type": "boolean"},
					"pattern":   text(line, tree.MaxPattern, "Of a text: a regular expression (RE2) that the whole value has to match."),
					"choices":   list(text(some, tree.MaxLabel, "Without spaces around it."), tree.MaxChoices, "Of a choice, unique."),
					"sensitive": o{"type": "boolean", "description": "Exports can leave the value out."},
				},
				when("type", tree.TextField, o{}, o{"pattern": empty}),
				when("type", tree.ChoiceField, o{"required": []string{"choices"}, "properties": o{"choices": o{"minItems": 2}}}, o{"choices": none})),
			"branch": object("A way that is taken when a value meets a condition.", []string{"name", "test", "target"},
				o{
					"name":   o{"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$", "description": "Of a field."},
					"test":   o{"enum": []tree.Test{tree.Equals, tree.Contains, tree.Less, tree.Greater, tree.IsSet}, "description": "Texts are compared with case and spacing aside, numbers by their value."},
					"value":  o{"type": "string", "maxLength": tree.MaxValue, "description": "What it is compared with; not with IS_SET."},
					"target": ref("id"),
				},
				o{"if": o{"properties": o{"test": o{"const": tree.IsSet}}, "required": []string{"test"}}, "then": o{"properties": o{"value": empty}}, "else": o{"required": []string{"value"}, "properties": o{"value": o{"pattern": some}}}}),
			"link": object("Further reading.", []string{"title", "url"}, o{
				"title": text(some, tree.MaxLabel, "One line."),
				"url":   o{"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://", "maxLength": tree.MaxURL},
			}),
		},
	}
}

func TestTreeSchema_IsAsPublished(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(treeSchema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("run the tests of this package with -update (-want +got):\n%s", diff)
	}
}

// The schema accepts what the parser accepts, and the parser refuses what the
// schema refuses.
func TestTreeSchema_AgreesWithTheParser(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	follows := func(text string) error {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
	for _, sample := range samples.All() {
		file, _ := tree.ParseMarkdown(sample.Content)
		if err := follows(string(tree.EncodeJSON(file))); err != nil {
			t.Errorf("%s: %v", sample.Name, err)
		}
	}
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		file := tree.File{Title: "T", Tags: []string{"a"}, Description: "d", Graph: rapid.OneOf(richGraph(), soundGraph(), rapid.Just(wan()), rapid.Just(cable())).Draw(t, "graph")}
		text := string(tree.EncodeJSON(file))
		back, problems := tree.ParseJSON(text)
		if diff := cmp.Diff(file, back); diff != "" {
			t.Fatalf("it does not come back (-want +got):\n%s", diff)
		}
		if err := follows(text); err != nil && !tree.HasErrors(problems) {
			t.Fatalf("%v\n%s", err, text)
		}
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		value = mutate(t, value)
		changed, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := follows(string(changed)); err != nil {
			refused++
			if _, problems := tree.ParseJSON(string(changed)); !tree.HasErrors(problems) {
				t.Fatalf("the parser accepts what the schema refuses: %v\n%s", err, changed)
			}
		}
	})
	if refused < 10 {
		t.Errorf("the schema refused %d files", refused)
	}
}

// mutate changes one place of a JSON value.
func mutate(t *rapid.T, value any) any {
	odd := rapid.Custom(func(t *rapid.T) any {
		return rapid.SampledFrom([]any{
			nil, true, false, 7.0, -1.0, 1.5, "", " ", "x", "X y", "a\nb", "\x00", "tree_", "DECISION", "INPUT", "SOLUTION", "TEXT", "CHOICE", "IS_SET", "LESS", "RESOLVED", "javascript:x", "(",
			[]any{},
			[]any{"x"},
			[]any{nil},
			map[string]any{},
			map[string]any{"x": 1.0},
			strings.Repeat("long ", 5000), treeID(1).String(),
		}).Draw(t, "value")
	})
	switch v := value.(type) {
	case map[string]any:
		var names []string
		for _, name := range []string{"id", "kind", "title", "text", "commands", "expected", "options", "fields", "tree", "version", "next", "branches", "outcome", "followUps", "continue", "links", "name", "label", "type", "required", "pattern", "choices", "sensitive", "test", "value", "target", "key", "url", "nodes", "root", "format", "tags", "description"} {
			if _, found := v[name]; found {
				names = append(names, name)
			}
		}
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			delete(v, rapid.SampledFrom(append(names, "x")).Draw(t, "deleted"))
		case 1:
			v[rapid.SampledFrom([]string{"x", "id", "next", "options", "branches", "fields", "tree", "version", "outcome", "continue", "commands", "expected", "pattern", "choices", "value", "key"}).Draw(t, "added")] = odd.Draw(t, "to")
		default:
			if len(names) > 0 {
				name := rapid.SampledFrom(append(names, "nodes")).Draw(t, "member")
				if _, found := v[name]; found {
					v[name] = mutate(t, v[name])
				}
			}
		}
		return v
	case []any:
		if len(v) == 0 || rapid.IntRange(0, 5).Draw(t, "list") == 0 {
			return odd.Draw(t, "for the list")
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "element")
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			return append(v[:i:i], v[i+1:]...)
		case 1:
			for range 25 {
				v = append(v, v[i])
			}
			return v
		}
		v[i] = mutate(t, v[i])
		return v
	}
	return odd.Draw(t, "for the value")
}
