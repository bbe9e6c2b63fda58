package tree_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/tree"
)

var update = flag.Bool("update", false, "write the golden files anew")

var everything = tree.ExportOptions{IncludeNotes: true, IncludeTimings: true, IncludeUndone: true}

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
	"Zeile mit Umlauten äöü, 日本語のとても長い行がここにあります。日本語のとても長い行がここにあります。日本語のとても長い行 \U0001F600",
	strings.Repeat("wort", 60) + " https://example.com/" + strings.Repeat("path/", 30),
}

// hostileWalk is a session in which every text wants to break out.
func hostileWalk(t *testing.T) *tree.Session {
	g := cable()
	g.Nodes[0].Title = "Is *the* <b>lamp</b> on? [x](y) `z` # =1+1"
	g.Nodes[0].Options[1].Label = "=No | **never**"
	g.Nodes[3].Text = "Plugged in.\n\n```\nnever closed <script>\n\n# heading\n- list\n=1"
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
	w.choose("still", "")
	w.back(0)
	w.choose("fixed", hostile[2])
	w.note(0, hostile[1])
	w.complete(tree.Completion{})
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

	sessions := map[string]*tree.Session{"plain": plain.Session, "running": running.Session, "early": early.Session, "abandoned": given.Session, "hostile": hostileWalk(t)}
	for name, s := range sessions {
		for variant, options := range map[string]tree.ExportOptions{"full": everything, "short": {}} {
			if variant == "short" && name != "plain" {
				continue
			}
			for _, format := range tree.ExportFormats() {
				e := tree.NewExport(s, format, options)
				file := filepath.Join("testdata", "export", name+"-"+variant+filepath.Ext(e.Filename))
				if *update {
					if err := os.WriteFile(file, []byte(e.Content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), e.Content); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
				sum := sha256.Sum256([]byte(e.Content))
				if e.SHA256 != hex.EncodeToString(sum[:]) {
					t.Errorf("%s: the sum is %s", file, e.SHA256)
				}
				again := tree.NewExport(s, format, options)
				if *again != *e {
					t.Errorf("%s: the same session gives other bytes", file)
				}
				for _, word := range []string{"Started", "2026-11-23 09:00:00 UTC", "Duration"} {
					if !strings.Contains(e.Content, word) {
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
		if e := tree.NewExport(s, tree.TextExport, everything); e.Filename != want || e.MediaType != "text/plain; charset=utf-8" {
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
	s.Ticket, s.Client, s.Subject, s.Version.Title = any("ticket"), any("client"), any("subject"), any("tree")
	for i, e := range []tree.Entry{
		{Kind: tree.Noted, NodeID: "lamp", Note: any("note")},
		{Kind: tree.Answered, NodeID: "lamp", NodeKind: tree.Decision, NodeTitle: g.Nodes[0].Title, OptionLabel: g.Nodes[0].Options[1].Label, To: "plug", Note: any("note")},
		{Kind: tree.Answered, NodeID: "plug", NodeKind: tree.Action, NodeTitle: g.Nodes[1].Title, OptionLabel: "Fixed", To: "done"},
		{Kind: tree.Finished, NodeID: "done", NodeKind: tree.Solution, NodeTitle: g.Nodes[3].Title, NodeText: g.Nodes[3].Text, Outcome: tree.Resolved, Reason: any("reason")},
	} {
		e.Seq, e.EnteredAt, e.At, e.By = i+1, nine, nine.Add(time.Duration(i)*time.Minute), carl
		e.By.Name = any("name")
		s.Log = append(s.Log, e)
	}
	state, err := tree.Fold("lamp", nine, s.Log)
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
	headings := map[string]bool{"TROUBLESHOOTING RECORD": true, "STEPS": true, "SOLUTION": true, "FOLLOW-UP": true}
	rapid.Check(t, func(t *rapid.T) {
		content := tree.NewExport(drawn(t), tree.TextExport, everything).Content
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
		content := []byte(tree.NewExport(drawn(t), tree.MarkdownExport, everything).Content)
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
		want := []string{"# Troubleshooting record", "## Steps", "## Solution", "## Follow-up"}
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
