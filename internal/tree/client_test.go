package tree_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func TestNameKeys_SpellingsOfOneNameMeet(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		a, b string
		meet bool
	}{
		"case":                            {"Acme GmbH", "ACME gmbh", true},
		"spaces":                          {" Acme   GmbH ", "Acme\u00a0GmbH", true},
		"an umlaut and two letters":       {"Müller", "Mueller", true},
		"an umlaut and one letter":        {"Müller", "MULLER", true},
		"accents":                         {"Café Noël", "cafe noel", true},
		"a sharp s":                       {"Straße 9", "STRASSE 9", true},
		"composed and not":                {"\u00e9tude", "e\u0301tude", true},
		"a telephone's apostrophe":        {"Joe’s – Bar", "Joe's - Bar", true},
		"one letter and two":              {"Muller", "Mueller", false},
		"signs that tell names apart":     {"C++", "C", false},
		"a hyphen in a key":               {"C-10", "C10", false},
		"another name":                    {"Acme", "Acme 2", false},
		"names without letters of theirs": {"東京", "京東", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := tree.NameKeys(one.a), tree.NameKeys(one.b)
			meet := slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
			if meet != one.meet {
				t.Errorf("%q has %q, %q has %q; they meet: %v", one.a, a, one.b, b, meet)
			}
		})
	}
	if keys := tree.NameKeys("  "); keys != nil {
		t.Errorf("an empty name has %q", keys)
	}
}

// A form can be kept and indexed, and looking for it finds it.
func FuzzNameKeys(f *testing.F) {
	for _, seed := range []string{"Müller", "ß", "\u0301", "ﷺ" + strings.Repeat("ﷺ", 199), "a\tb", "İ", "東京", "Å", "½", "\u200b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) || strings.TrimSpace(name) == "" {
			return
		}
		keys := tree.NameKeys(name)
		if len(keys) < 1 || len(keys) > 2 {
			t.Fatalf("%q has %q", name, keys)
		}
		for _, key := range keys {
			if key == "" || len(key) > 800 || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
				t.Fatalf("%q has %q", name, key)
			}
		}
		if again := tree.NameKeys(" " + name + "\n"); !slices.Equal(keys, again) {
			t.Fatalf("%q has %q, with spaces around it %q", name, keys, again)
		}
	})
}

var acme = &tree.Client{
	AccountID: emil.AccountID, ID: fixed[tree.ClientID](30), Name: "Acme", Revision: 1,
	Facts: []tree.ClientFact{{Name: "gateway", Text: "10.0.0.1"}, {Name: "vpn", Text: "vpn.acme [x](y)"}},
}

// office shows facts in each text in which values are shown.
func office() tree.Graph {
	return tree.Graph{Root: "dial", Nodes: []tree.Node{
		{
			ID: "dial", Kind: tree.Action, Title: "Dial {{client.vpn}} of {{client.name}}", Text: "{{client.vpn}}, {{client.building}}",
			Commands: []string{"ping {{client.gateway}}"}, Expected: "{{client.gateway}} answers",
			Options: []tree.Option{{ID: "ok", Label: "{{client.gateway}} answers", Target: "end"}, {ID: "no", Label: "No", Target: "end"}},
		},
		{ID: "end", Kind: tree.Solution, Title: "Done", Outcome: tree.Resolved, FollowUps: []string{"Tell {{client.name}}"}},
	}}
}

func TestSession_ShowsWhatIsKnownOfItsClient(t *testing.T) {
	t.Parallel()
	if problems := tree.Validate(office()); tree.HasErrors(problems) {
		t.Fatalf("facts are no values that an input asks for: %v", problems)
	}
	w := &walker{t, begin(office()), nine}
	w.Client, w.Facts = acme.Name, acme.Facts
	shown := w.Shown()
	got := []string{shown.Title, shown.Text, shown.Commands[0], shown.Expected, shown.Options[0].Label}
	want := []string{
		"Dial vpn.acme [x](y) of Acme", `vpn.acme \[x\](y), {{client.building}}`, "ping 10.0.0.1", "10.0.0.1 answers", "10.0.0.1 answers",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	w.choose("ok", "")
	w.Facts = nil // as after the record was changed
	step := w.Steps[0]
	facts := []tree.ClientFact{{Name: "gateway", Text: "10.0.0.1"}, {Name: "name", Text: "Acme"}, {Name: "vpn", Text: "vpn.acme [x](y)"}}
	if diff := cmp.Diff(facts, step.Facts); diff != "" || step.NodeTitle != want[0] || step.NodeText != want[1] || step.OptionLabel != want[4] {
		t.Errorf("the record says %+v\n%s", step, diff)
	}
	w.must(w.AddStep(actor(emil), w.LastSeq, tree.NewStep{Title: "Looked at it"}, w.tick()))
	if own := w.Steps[1]; !own.Own || own.Facts != nil {
		t.Errorf("a step of one's own shows %v", own.Facts)
	}
	w.complete(tree.Completion{})
	for _, format := range []tree.ExportFormat{tree.TextExport, tree.MarkdownExport, tree.HTMLExport, tree.JSONExport} {
		file, err := tree.NewExport(w.Session, format, tree.ExportOptions{})
		if err != nil || !strings.Contains(file.Content, "Acme") || !strings.Contains(file.Content, "10.0.0.1 answers") || strings.Contains(file.Content, "{{client.gateway}}") {
			t.Errorf("%s: %v\n%s", format, err, file.Content)
		}
		if format == tree.JSONExport {
			followsSchema(t, file.Content, `"clientFacts"`)
		}
	}
}

func TestSession_Give(t *testing.T) {
	t.Parallel()
	s := startGiven(t, siteTree, tree.GivenValue{Name: "phone", Text: " 030 1 "}, tree.GivenValue{Name: "people", Text: "+07"}, tree.GivenValue{Name: "asset", Text: "PC-7"}, tree.GivenValue{Name: "name", Text: " "})
	want := []tree.Value{
		{Name: "phone", Label: "Phone", Type: tree.TextField, Text: "030 1", Sensitive: true},
		{Name: "people", Label: "People", Type: tree.NumberField, Text: "7"},
		{Name: "asset", Label: "asset", Type: tree.TextField, Text: "PC-7"},
	}
	if diff := cmp.Diff(want, s.Given); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
	if s.CurrentNodeID != "who" || len(s.Log) != 0 {
		t.Errorf("what is given is not asked any more: it stands at %s", s.CurrentNodeID)
	}

	err := startWalk(t, siteTree).Give([]tree.GivenValue{
		{Name: "people", Text: "many"}, {Name: "No name", Text: "x"}, {Name: "a", Text: "x\ny"}, {Name: "b", Text: strings.Repeat("x", tree.MaxValue+1)}, {Name: "c", Text: "1"}, {Name: "c", Text: "2"},
	})
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
		if f.Code != fault.BadUserInput {
			t.Errorf("%v", f)
		}
	}
	all := []string{"input.values[0].text", "input.values[1].name", "input.values[2].text", "input.values[3].text", "input.values[5].name"}
	if diff := cmp.Diff(all, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if err := startWalk(t, tree.ID{}).Give(make([]tree.GivenValue, tree.MaxGiven+1)); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("too many: %v", err)
	}
	if err := startWalk(t, tree.ID{}).Give([]tree.GivenValue{{Name: "name", Text: "Ann"}}); err != nil {
		t.Errorf("without a tree: %v", err)
	}
}

func TestSession_WhatIsGivenIsConfirmedChangedOrEmptied(t *testing.T) {
	t.Parallel()
	w := &walker{t, startGiven(t, siteTree, tree.GivenValue{Name: "phone", Text: "030 1"}, tree.GivenValue{Name: "people", Text: "60"}, tree.GivenValue{Name: "name", Text: "Bob"}), nine}
	known := func(want string) {
		t.Helper()
		var got []string
		for _, v := range w.Values {
			got = append(got, v.Name+"="+v.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("known is %q, want %q", got, want)
		}
	}
	if _, err := w.Choose(actor(emil), 0, tree.Choice{}, w.now); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a required value counts as confirmed: %v", err)
	}
	w.values(tree.GivenValue{Name: "name", Text: "Ann"}, tree.GivenValue{Name: "people", Text: ""}) // 1: nobody counted them
	known("phone=030 1 name=Ann")
	if w.CurrentNodeID != "ask" || w.Shown().Text != "Call 030 1." {
		t.Errorf("what was emptied decides, or what was given does not stay: at %s, %q", w.CurrentNodeID, w.Shown().Text)
	}
	w.choose("no", "") // 2, back at the input by the tree's own way
	w.values(tree.GivenValue{Name: "name", Text: "Eve"}, tree.GivenValue{Name: "phone", Text: " "})
	known("name=Eve")
	w.back(1)
	known("phone=030 1 people=60 name=Bob")
	w.values(tree.GivenValue{Name: "name", Text: "Ann"}) // one that is left out stays
	known("phone=030 1 people=60 name=Ann")
	w.stands("Site:big")

	text, err := tree.NewExport(w.Session, tree.TextExport, tree.ExportOptions{RedactSensitive: true})
	if err != nil || strings.Contains(text.Content, "030 1") || !strings.Contains(text.Content, "Given at the start") {
		t.Errorf("%v\n%s", err, text.Content)
	}
	file, err := tree.NewExport(w.Session, tree.JSONExport, tree.ExportOptions{RedactSensitive: true})
	if err != nil || strings.Contains(file.Content, "030 1") {
		t.Errorf("%v\n%s", err, file.Content)
	}
	followsSchema(t, file.Content, `"given"`)
}

// followsSchema checks that a JSON export has a property and follows its schema.
func followsSchema(t *testing.T, content, property string) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := sessionSchema(t).Validate(value); err != nil || !strings.Contains(content, property) {
		t.Errorf("%v\n%s", err, content)
	}
}
