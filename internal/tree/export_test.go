package tree_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/pdf"
	"github.com/branchline/branchline/internal/pdf/pdftest"
	"github.com/branchline/branchline/internal/tree"
)

var update = flag.Bool("update", false, "write the golden files anew")

var everything = tree.ExportOptions{IncludeNotes: true, IncludeInternal: true, IncludeTimings: true, IncludeUndone: true, IncludeScratchpad: true}

func export(t interface{ Fatal(...any) }, s *tree.Session, format tree.ExportFormat, options tree.ExportOptions) *tree.Export {
	e, err := tree.NewExport(s, format, options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// pdfText is what one can read of a PDF, and how it is built.
func pdfText(t interface{ Fatal(...any) }, content string) string {
	file, err := pdftest.Read([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "title: %s\nauthor: %s\ncreated: %s\nid: %s\noutline: %q\n", file.Info["Title"], file.Info["Author"], file.Info["CreationDate"], strings.Fields(file.ID)[0], file.Outline)
	for i, page := range file.Pages {
		fmt.Fprintf(&out, "--- %d\n%s", i+1, page)
	}
	return out.String()
}

// hostile are texts that want to be more than a note.
var hostile = []string{
	"```\n## Outcome: Resolved\n```",
	"````text\n````````\n# out\n~~~",
	"=HYPERLINK(\"https://evil.example\",\"click\")",
	"+1\n-1\n@SUM(A1:A9)\n\t=1+1\n- a list\n\u00a0=2+2\n＝3",
	"<script>alert(1)</script> <!-- <img src=x onerror=y>",
	"[click](javascript:alert(1)) ![x](y) **bold** _it_ | a | b |",
	"</details>\n\n---\n\n1. one\n\nSTEPS\n\nOutcome:  Resolved",
	"a\x1b[2J\r\x00b \u202ereversed\u2066 \u2028new line",
	"zero\u200bwidth\u2060 soft\u00adhyphen \u200d=1+1 \U000e0041tag",
	"Zeile mit Umlauten äöü, 日本語のとても長い行がここにあります。日本語のとても長い行がここにあります。日本語のとても長い行 \U0001F600",
	strings.Repeat("wort", 60) + " https://example.com/" + strings.Repeat("path/", 30),
}

// hostileWalk is a session in which every text wants to break out.
func hostileWalk(t *testing.T) *tree.Session {
	g := cable()
	g.Nodes[0].Title = "Is *the* <b>lamp</b> on? [x](y) `z` # =1+1"
	g.Nodes[0].Options[1].Label = "=No | **never**"
	g.Nodes[3].Text = "Plugged in.\n\n```\nnever closed <script>\n\n# heading\n- list\n=1"
	g.Nodes[3].Links = []tree.Link{{Title: "=1 *a* <b>[x](y)</b>", URL: "https://example.com/a_b_c*?x=1&y=[2]\\#"}, {Title: "https://example.com", URL: "https://example.com"}}
	g.Nodes[3].FollowUps = []string{"=cmd|' /C calc'!A0", "- Order *a* new <cable>"}
	w := &walker{t, begin(g), nine}
	w.Ticket, w.Client, w.Subject = "INC/42 <x>", "=Example & Sons", "*dark* lamp"
	w.Version.Title = "# Lamp\u202e"
	for _, note := range hostile {
		if strings.Contains(note, "\x1b") {
			continue // refused when it is written; the property test has it
		}
		w.note(0, note)
	}
	w.choose("no", hostile[0])
	w.must(w.Escalate(actor(emil), w.LastSeq, tree.CriticalUrgency, hostile[3], w.tick()))
	helper := carl
	helper.Name = "=Carl <b>C.</b>\u202e"
	w.must(w.Answer(helper, w.Escalation.Seq, hostile[6], true, w.tick()))
	for _, text := range []string{hostile[4], hostile[2]} {
		if err := w.Suggest(helper, text, "still", w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.must(w.Respond(actor(emil), w.LastSeq, 1, true, w.tick()))
	w.must(w.Respond(actor(emil), w.LastSeq, 2, false, w.tick()))
	w.choose("still", "")
	w.back(0)
	w.choose("fixed", hostile[2])
	w.note(0, hostile[1])
	w.must(w.AddNote(actor(emil), w.LastSeq, tree.Note{Text: hostile[3], Output: hostile[0], Internal: true}, w.tick()))
	w.Scratchpad = hostile[0] + "\n" + hostile[3] + "\n" + hostile[6]
	w.complete(tree.Completion{})
	return w.Session
}

// busyWalk is a session with all that can happen in one: it asks for values, goes
// through two trees, has steps that are not in them, and changes hands.
func busyWalk(t *testing.T) *tree.Session {
	g := tree.Graph{Root: "who", Nodes: []tree.Node{
		{ID: "who", Kind: tree.Input, Title: "Who calls?", Next: "ring", Fields: []tree.Field{
			{Name: "phone", Label: "Phone number", Type: tree.TextField, Sensitive: true},
			{Name: "seats", Label: "How many desks are affected?", Type: tree.NumberField},
		}},
		{ID: "ring", Kind: tree.Action, Title: "Ring {{phone}} back", Text: "Use *{{phone}}*.", Next: "lamp"},
		{ID: "lamp", Kind: tree.Decision, Title: "Is the lamp on?", Options: []tree.Option{{ID: "no", Label: "No", Target: "end"}, {ID: "yes", Label: "Yes", Target: "end"}}},
		{
			ID: "end", Kind: tree.Solution, Title: "Lamp replaced for {{phone}}", Outcome: tree.Resolved,
			Text:      "## What was done\n\nThe *lamp* was replaced, see [the list](https://example.com/lamps?a=1&b=2) and <https://example.com>.\n\n1. Off\n2. On\n   - wait\n\n| part | number |\n|---|---|\n| lamp | 1 |\n\n```\nlampctl replace\n```\n\n![a picture](https://example.com/x.png) [bad](javascript:alert(1)) <b>bold</b>\n\n<div onclick=x>\nblock\n</div>",
			FollowUps: []string{"Ring {{phone}} tomorrow"},
		},
	}}
	w := &walker{t, begin(g), nine}
	w.Ticket, w.Client, w.Subject = "INC-77", "Example Ltd", "Lamp"
	answer := func(c tree.Choice) {
		w.must(w.Choose(actor(emil), w.LastSeq, c, w.tick()))
	}
	answer(tree.Choice{Values: []tree.GivenValue{{Name: "phone", Text: "+49 30 5550100"}, {Name: "seats", Text: "3"}}})
	answer(tree.Choice{Note: "Number +49 30 5550100 is engaged.", Output: "=> dial +49 30 5550100\n\x09busy\t  17\n-rw-r--r-- 1"})
	w.must(w.AddStep(actor(emil), w.LastSeq, tree.NewStep{Title: "Turned it off and on", Answer: "=nothing", Note: "They had done so before.", Output: "lamp: off\nlamp: on", Internal: true}, w.tick()))
	other := cable()
	w.must(w.Switch(actor(emil), w.LastSeq, &tree.Version{AccountID: emil.AccountID, TreeID: fixed[tree.ID](6), Number: 2, Title: "Cables <i>", Graph: &other}, w.tick()))
	w.choose("no", "")
	w.must(w.Return(actor(emil), w.LastSeq, w.tick()))
	w.must(w.Escalate(actor(emil), w.LastSeq, tree.HighUrgency, "+49 30 5550100 stays engaged.", w.tick()))
	w.must(w.Answer(adam, w.Escalation.Seq, "Try the switchboard; +49 30 5550100 is a fax.", false, w.tick()))
	if err := w.Suggest(adam, "Ask whether the lamp is on.", "no", w.now); err != nil {
		t.Fatal(err)
	}
	w.must(w.Respond(actor(emil), w.LastSeq, 1, true, w.tick()))
	w.must(w.Escalate(actor(emil), w.LastSeq, tree.LowUrgency, "Nobody answers.", w.tick()))
	w.must(w.TakeBack(actor(emil), w.Escalation.Seq, w.tick()))
	w.must(w.Escalate(actor(emil), w.LastSeq, tree.NormalUrgency, "Now somebody answers in Danish.", w.tick()))
	w.must(w.Claim(adam, w.Escalation.Seq, w.tick()))
	if err := w.Suggest(emil, "Speak English.", "", w.now); err != nil {
		t.Fatal(err)
	}
	w.must(w.Respond(actor(adam), w.LastSeq, 2, false, w.tick()))
	w.must(w.HandOver(actor(adam), w.LastSeq, emil, "", w.tick()))
	w.must(w.HandOver(actor(emil), w.LastSeq, carl, "Customer waits.\n- Hurry", w.tick()))
	w.must(w.Choose(actor(carl), w.LastSeq, tree.Choice{Option: "no"}, w.tick()))
	w.must(w.Complete(actor(carl), w.LastSeq, tree.Completion{}, w.tick()))
	w.must(w.Reopen(actor(carl), w.LastSeq, w.tick()))
	w.must(w.AddNote(actor(carl), w.LastSeq, tree.Note{Text: "Still on.", Output: "lamp: on"}, w.tick()))
	w.must(w.AddNote(actor(carl), w.LastSeq, tree.Note{Text: "Bill it to +49 30 5550100, they pay late.", Internal: true}, w.tick()))
	w.Scratchpad = "Ask about +49 30 5550100.\n=1+1"
	w.must(w.Complete(actor(carl), w.LastSeq, tree.Completion{}, w.tick()))
	return w.Session
}

func TestExport_Golden(t *testing.T) {
	t.Parallel()
	plain := &walker{t, begin(cable()), nine}
	plain.Ticket, plain.Client, plain.Subject = "INC-42", "Example Ltd", "Lamp at the desk is dark"
	plain.choose("no", "The customer says it went dark during lunch.")
	plain.choose("still", "Cable looks fine:\n\n  port  state\n  1     up\n  2     down")
	plain.now = plain.now.Add(2 * time.Hour)
	plain.choose("", "")
	plain.back(2)
	plain.note(1, "Third time this month.")
	plain.choose("fixed", "")
	plain.complete(tree.Completion{})

	running := &walker{t, begin(cable()), nine}
	running.choose("no", "")
	running.note(0, "Waiting for the customer to find the cable.")

	early := &walker{t, begin(cable()), nine}
	early.choose("no", "")
	early.complete(tree.Completion{Outcome: tree.Unresolved, Reason: "The customer has to leave; we call again tomorrow at nine, before the shop opens."})

	given := &walker{t, begin(cable()), nine}
	given.must(given.Abandon(actor(emil), 0, "Wrong tree", given.tick()))

	sessions := map[string]*tree.Session{"plain": plain.Session, "running": running.Session, "early": early.Session, "abandoned": given.Session, "hostile": hostileWalk(t), "busy": busyWalk(t)}
	for name, s := range sessions {
		options := map[string]tree.ExportOptions{"full": everything}
		switch name {
		case "plain":
			options["short"] = tree.ExportOptions{}
		case "busy":
			options["redacted"] = tree.ExportOptions{IncludeNotes: true, RedactSensitive: true, IncludeScratchpad: true}
		}
		for variant, options := range options {
			for _, format := range tree.ExportFormats() {
				e := export(t, s, format, options)
				file := filepath.Join("testdata", "export", name+"-"+variant+filepath.Ext(e.Filename))
				shown := e.Content
				if format == tree.PDFExport {
					shown, file = pdfText(t, e.Content), file+".txt"
				}
				if *update {
					if err := os.WriteFile(file, []byte(shown), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), shown); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
				sum := sha256.Sum256([]byte(e.Content))
				if e.SHA256 != hex.EncodeToString(sum[:]) {
					t.Errorf("%s: the sum is %s", file, e.SHA256)
				}
				again := export(t, s, format, options)
				if *again != *e {
					t.Errorf("%s: the same session gives other bytes", file)
				}
				words := []string{"Started", "2026-11-23 09:00:00 UTC", "Completed", "Duration"}
				switch {
				case format == tree.JSONExport:
					words = []string{`"startedAt": "2026-11-23T09:00:00Z"`, `"endedAt"`, `"durationSeconds"`}
				case s.Status == tree.Abandoned:
					words[2] = "Abandoned"
				}
				for _, word := range words {
					if !strings.Contains(shown, word) {
						t.Errorf("%s lacks %q", file, word)
					}
				}
			}
		}
	}
}

func TestExport_Filename(t *testing.T) {
	t.Parallel()
	for ticket, want := range map[string]string{
		"":                     "session-2026-11-23-000005.txt",
		"INC-42":               "inc-42-2026-11-23-000005.txt",
		"../../etc/passwd\"; ": "etc-passwd-2026-11-23-000005.txt",
		"日本":                   "session-2026-11-23-000005.txt",
	} {
		s := begin(cable())
		s.Ticket = ticket
		if e := export(t, s, tree.TextExport, everything); e.Filename != want || e.MediaType != "text/plain; charset=utf-8" {
			t.Errorf("%q: %q, %q", ticket, e.Filename, e.MediaType)
		}
	}
}

// drawn is a finished session whose texts come from anywhere. It stands in the
// log as a store may give it back: nothing of it was cleaned.
func drawn(t *rapid.T) *tree.Session {
	any := func(name string) string {
		if rapid.Bool().Draw(t, name+" hostile") {
			return rapid.SampledFrom(hostile).Draw(t, name)
		}
		return rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("`~=+-@#<>*_[]()|\n\t\\ 1.")))).Draw(t, name)
	}
	g := cable()
	for i := range g.Nodes {
		g.Nodes[i].Title, g.Nodes[i].Text = any("title"), any("text")
	}
	g.Nodes[0].Options[1].Label, g.Nodes[3].FollowUps = any("label"), []string{any("follow-up")}
	s := begin(g)
	s.Ticket, s.Client, s.Subject, s.Version.Title, s.Scratchpad = any("ticket"), any("client"), any("subject"), any("tree"), any("scratchpad")+"."
	links := []tree.Link{{Title: any("link"), URL: "https://example.com/" + rapid.StringMatching(`[a-z_*&?=#()\\~\[\]]{0,9}`).Draw(t, "path")}}
	for i, e := range []tree.Entry{
		{Kind: tree.Noted, NodeID: "lamp", Note: any("note")},
		{Kind: tree.Answered, NodeID: "lamp", NodeKind: tree.Decision, NodeTitle: g.Nodes[0].Title, OptionLabel: g.Nodes[0].Options[1].Label, To: "plug", Note: any("note"), Output: any("output"), Links: links},
		{Kind: tree.OwnStep, NodeID: "plug", NodeTitle: any("own"), OptionLabel: any("finding"), Output: any("own output")},
		{Kind: tree.Noted, NodeID: "plug", Note: any("internal"), Output: any("internal output"), Internal: true},
		{Kind: tree.Called, NodeID: "plug", Urgency: tree.HighUrgency, Reason: any("stuck")},
		{Kind: tree.Hinted, NodeID: "plug", Target: 5, KeepsOpen: true, Note: any("hint")},
		{Kind: tree.Suggested, NodeID: "plug", Person: account.User{ID: emil.ID, Name: any("suggester")}, Note: any("suggestion"), OptionLabel: any("suggested option"), Accepted: rapid.Bool().Draw(t, "accepted")},
		{Kind: tree.Claimed, NodeID: "plug", Target: 5, Person: account.User{ID: emil.ID, Name: any("helper")}},
		{Kind: tree.HandedOver, NodeID: "plug", Person: account.User{ID: emil.ID, Name: any("person")}, Note: any("handover")},
		{Kind: tree.Answered, NodeID: "plug", NodeKind: tree.Action, NodeTitle: g.Nodes[1].Title, OptionLabel: "Fixed", To: "done"},
		{Kind: tree.Finished, NodeID: "done", NodeKind: tree.Solution, NodeTitle: g.Nodes[3].Title, NodeText: g.Nodes[3].Text, Outcome: tree.Resolved, Reason: any("reason")},
	} {
		e.TreeID, e.Version = s.TreeID, s.Version.Number
		e.Seq, e.EnteredAt, e.At, e.By = i+1, nine, nine.Add(time.Duration(i)*time.Minute), carl
		e.By.Name = any("name")
		e.TreeID, e.Version = s.TreeID, s.Version.Number
		s.Log = append(s.Log, e)
	}
	state, err := tree.Fold(begin(cable()).Places, nil, nine, s.Log)
	if err != nil {
		t.Fatal(err)
	}
	s.State, s.CurrentNode = state, &g.Nodes[3]
	return s
}

// No line of a text export is too wide, begins like a formula, holds a control
// character, or looks like a heading of the record's own.
func TestExport_TextHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	headings := map[string]bool{"TROUBLESHOOTING RECORD": true, "STEPS": true, "SOLUTION": true, "FOLLOW-UP": true, "SCRATCHPAD": true}
	rapid.Check(t, func(t *rapid.T) {
		content := export(t, drawn(t), tree.TextExport, everything).Content
		if !utf8.ValidString(content) || strings.ContainsAny(content, "\x00\x1b\t\r\u202e\u2066\u2028") {
			t.Fatalf("it holds characters that nobody sees:\n%q", content)
		}
		seen := map[string]int{}
		for line := range strings.SplitSeq(content, "\n") {
			bare := strings.TrimLeft(line, " \u00a0\u3000")
			if bare != "" && strings.ContainsRune("=+-@", rune(bare[0])) {
				t.Fatalf("the line %q is a formula to a spreadsheet", line)
			}
			if utf8.RuneCountInString(line) > tree.TextColumns && !strings.Contains(line, "://") && !hasMarks(line) {
				t.Fatalf("the line %q is %d columns wide", line, utf8.RuneCountInString(line))
			}
			if line != "" && line[0] != ' ' && line == strings.ToUpper(line) && !strings.Contains(line, ":") {
				seen[line]++
			}
		}
		for line, n := range seen {
			if !headings[line] || n != 1 {
				t.Fatalf("the heading %q stands there %d times", line, n)
			}
		}
	})
}

// hasMarks says whether the line holds runes that take no column.
func hasMarks(line string) bool {
	return strings.IndexFunc(line, func(r rune) bool { return r >= 0x300 }) >= 0
}

// A Markdown export read by another's parser has the record's own headings and
// nothing that a note made: no heading, link, picture, tag, rule or list.
func TestExport_MarkdownHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM))
	rapid.Check(t, func(t *rapid.T) {
		content := []byte(export(t, drawn(t), tree.MarkdownExport, everything).Content)
		document := parser.Parser().Parse(text.NewReader(content))
		var outline []string
		for n := document.FirstChild(); n != nil; n = n.NextSibling() {
			switch n := n.(type) {
			case *ast.Heading:
				if n.Level < 3 {
					outline = append(outline, strings.Repeat("#", n.Level)+" "+string(n.Lines().Value(content)))
				}
			case *ast.Paragraph, *ast.List, *ast.FencedCodeBlock, *ast.Blockquote:
			default:
				t.Fatalf("it has a %s of its own:\n%s", n.Kind(), content)
			}
			if n.Kind() == ast.KindBlockquote {
				continue // the tree's own Markdown may have what it likes, but tags
			}
			err := ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
				switch n.Kind() {
				case ast.KindLink, ast.KindImage, ast.KindRawHTML, ast.KindHTMLBlock, ast.KindCodeSpan:
					t.Fatalf("it has a %s:\n%s", n.Kind(), content)
				}
				return ast.WalkContinue, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"# Troubleshooting record", "## Steps", "## Solution", "## Follow-up", "## Scratchpad"}
		if diff := cmp.Diff(want, outline); diff != "" {
			t.Fatalf("outline (-want +got):\n%s\n%s", diff, content)
		}
		var html bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(content, &html); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(html.String(), "<!-- raw HTML omitted -->") {
			t.Fatalf("it has tags:\n%s", content)
		}
	})
}

// An HTML export has the record's own elements and none that a text made, and
// nothing in it runs or loads.
func TestExport_HTMLHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	tag := regexp.MustCompile(`<(/?[a-zA-Z!][^>]*)>`)
	ours := regexp.MustCompile(`^(?:/?(?:html|head|body|main|header|section|h[123]|dl|dt|dd|div|ol|ul|li|p|span|bdi|del|small|pre|time|title|style|strong|em|code|blockquote|table|thead|tbody|tr|th|td)|!doctype html|(?:br|hr)(?: /)?|html lang="en"|meta [a-z-]+="[^"<>]*"(?: content="[^"<>]*")?|` +
		`(?:div|p|dt|dd|h3|li|ul|del|pre|code|section|ol|h2|span|dl|td|th|li)(?: (?:class|dir|id|value|aria-labelledby|tabindex|start|style)="[^"<>]*")+|a href="(?:https?|mailto):[^"<>]*" rel="noopener noreferrer nofollow"|/a)$`)
	rapid.Check(t, func(t *rapid.T) {
		content := export(t, drawn(t), tree.HTMLExport, everything).Content
		if !utf8.ValidString(content) || strings.ContainsAny(content, "\x00\x1b\r\u202e\u2066\u2028\u200b") {
			t.Fatalf("it holds characters that nobody sees:\n%q", content)
		}
		if n := strings.Count(content, "<style>"); n != 1 {
			t.Fatalf("it has %d styles", n)
		}
		body := content[:strings.Index(content, "<style>")] + content[strings.Index(content, "</style>"):]
		for _, found := range tag.FindAllStringSubmatch(body, -1) {
			if !ours.MatchString(found[1]) {
				t.Fatalf("it has <%s>:\n%s", found[1], body)
			}
		}
		for _, heading := range []string{"<h1>", `<h2 id="steps">`, `<h2 id="solution">`} {
			if strings.Count(content, heading) != 1 {
				t.Fatalf("it has %d of %s", strings.Count(content, heading), heading)
			}
		}
	})
}

// A JSON export follows its schema, and gives back what was written.
func TestExport_JSONHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	schema := sessionSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		content := export(t, s, tree.JSONExport, everything).Content
		if at := strings.IndexFunc(content, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) || strings.ContainsRune("<>&", r) }); at >= 0 {
			t.Fatalf("it holds %q", content[at:])
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		var got struct {
			Ticket string
			Steps  []struct{ Title string }
		}
		if err := json.Unmarshal([]byte(content), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s.Steps[0].NodeTitle, "\ufffd"); got.Steps[0].Title != want {
			t.Fatalf("the title is %q, not %q", got.Steps[0].Title, want)
		}
	})
}

func sessionSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/branchline-session.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Every golden file follows the schema, and the schema refuses what is no record.
func TestExport_Schema(t *testing.T) {
	t.Parallel()
	schema := sessionSchema(t)
	files, err := filepath.Glob("testdata/export/*.json")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for change, ok := range map[string]bool{
			``: true,
			`"branchline-session/1"→"branchline-session/2"`: false,
			`"startedAt"→"startet"`:                         false,
			`"durationSeconds": →"durationSeconds": -`:      false,
			`"how": "ANSWER"→"how": "GUESS"`:                !strings.Contains(string(content), `"how": "ANSWER"`),
		} {
			from, to, _ := strings.Cut(change, "→")
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(content), from, to, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); (err == nil) != ok {
				t.Errorf("%s, changed by %q: %v", file, change, err)
			}
		}
	}
}

// A PDF holds every letter that its fonts have, and no text stops it.
func TestExport_PDFHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	for seed := range 25 { // a document takes 15 ms, and ten times that with the race detector
		shown := pdfText(t, export(t, rapid.Custom(drawn).Example(seed), tree.PDFExport, everything).Content)
		for _, word := range []string{"Troubleshooting record", "Duration", "Steps", "Solution", "Follow-up", "page 1 of "} {
			if !strings.Contains(shown, word) {
				t.Fatalf("it lacks %q:\n%s", word, shown)
			}
		}
	}
}

func TestExport_PDFRefusesWhatIsTooLong(t *testing.T) {
	t.Parallel()
	s := hostileWalk(t)
	s.Scratchpad = strings.Repeat("x", pdf.MaxLetters)
	_, err := tree.NewExport(s, tree.PDFExport, everything)
	if !errors.Is(err, fault.BadUserInput) {
		t.Errorf("%v", err)
	}
}

// A value that is kept out stands nowhere: not in a title that shows it, not in a
// note that repeats it. Without the option it does.
func TestExport_Redacts(t *testing.T) {
	t.Parallel()
	s := busyWalk(t)
	for _, format := range tree.ExportFormats() {
		for _, redact := range []bool{true, false} {
			options := everything
			options.RedactSensitive = redact
			content := export(t, s, format, options).Content
			if format == tree.PDFExport {
				content = pdfText(t, content)
			}
			// HTML writes the plus as a reference.
			if strings.Contains(content, "49 30 5550100") == redact {
				t.Errorf("%s, redacted %v:\n%s", format, redact, content)
			}
		}
	}
}

// What is for colleagues alone stands in no format, unless it is asked for, with
// notes. What is said with a handover is such a thing; that there was one is not.
func TestExport_LeavesOutWhatIsInternal(t *testing.T) {
	t.Parallel()
	w := &walker{t, begin(cable()), nine}
	w.must(w.Choose(actor(emil), 0, tree.Choice{Option: "no", Note: "inside-1", Output: "outside-1", Internal: true}, w.tick()))
	w.must(w.AddNote(actor(emil), 1, tree.Note{Text: "inside-2", Output: "inside-3", Internal: true}, w.tick()))
	w.must(w.AddStep(actor(emil), 2, tree.NewStep{Title: "outside-2", Note: "inside-4", Output: "outside-3", Internal: true}, w.tick()))
	w.must(w.AddNote(actor(emil), 3, tree.Note{OnStep: 1, Text: "outside-4"}, w.tick()))
	w.must(w.HandOver(actor(emil), 4, carl, "inside-5", w.tick()))
	w.Scratchpad = "scratched"
	for _, format := range tree.ExportFormats() {
		for name, options := range map[string]tree.ExportOptions{
			"with notes":              {IncludeNotes: true},
			"with all notes":          {IncludeNotes: true, IncludeInternal: true},
			"internal, without notes": {IncludeInternal: true},
			"with the scratchpad":     {IncludeScratchpad: true},
		} {
			content := export(t, w.Session, format, options).Content
			if format == tree.PDFExport {
				content = pdfText(t, content)
			}
			for i := range 5 {
				word, want := fmt.Sprint("inside-", i+1), options.IncludeNotes && options.IncludeInternal
				if strings.Contains(content, word) != want {
					t.Errorf("%s, %s: that it has %s is not %v:\n%s", format, name, word, want, content)
				}
			}
			for i := range 4 {
				word, want := fmt.Sprint("outside-", i+1), options.IncludeNotes || i == 1
				if strings.Contains(content, word) != want {
					t.Errorf("%s, %s: that it has %s is not %v:\n%s", format, name, word, want, content)
				}
			}
			if strings.Contains(content, "scratched") != options.IncludeScratchpad {
				t.Errorf("%s, %s: the scratchpad", format, name)
			}
			if !strings.Contains(content, "Carl Colleague") {
				t.Errorf("%s, %s: the handover is gone", format, name)
			}
		}
	}
	if w.Log[4].Note != "inside-5" || len(w.Steps[0].Notes) != 2 || !w.Steps[0].Notes[0].Internal {
		t.Error("writing it out changed the session")
	}
}
