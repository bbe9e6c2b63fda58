package tree

import (
	"fmt"
	"strings"
)

// markdown writes the record as CommonMark. Words of one line are escaped, notes
// stand in blocks of code whose fence is longer than any within, and the tree's
// own Markdown stands in quotations, whose end closes whatever it left open.
func (r *record) markdown() string {
	m := &markdownWriter{}
	m.line("# Troubleshooting record")
	m.line("")
	for _, f := range r.facts {
		m.line("- **%s:** %s", f.Name, escapeMarkdown(visibleLine(f.Value)))
	}
	if r.reason != "" {
		m.line("")
		m.line("Ended because:")
		m.code(r.reason)
	}
	if len(r.steps) > 0 {
		m.line("")
		m.line("## Steps")
	}
	for i := range r.steps {
		it := &r.steps[i]
		title := escapeMarkdown(visibleLine(it.Title))
		m.line("")
		if it.At != "" {
			m.line("*%s, %s*", title, it.At)
			m.item(it)
			continue
		}
		if it.Undone {
			title = "~~" + title + "~~"
		}
		m.line("### %d. %s", it.Number, strings.TrimRight(title+" "+it.Mark(), " "))
		m.item(it)
	}
	if r.now != nil {
		m.line("")
		m.line("## Stands at")
		m.line("")
		m.line("### %s", escapeMarkdown(visibleLine(r.now.Title)))
		m.item(r.now)
	}
	if r.solution != nil {
		m.line("")
		m.line("## Solution")
		m.line("")
		m.line("### %s", escapeMarkdown(visibleLine(r.solution.Title)))
		m.quote(strings.TrimRight(visible(r.solution.Text), " \n"))
		m.item(r.solution)
	}
	if len(r.followUp) > 0 {
		m.line("")
		m.line("## Follow-up")
		m.line("")
		for _, f := range r.followUp {
			m.line("- %s", escapeMarkdown(visibleLine(f)))
		}
	}
	if r.scratchpad != "" {
		m.line("")
		m.line("## Scratchpad")
		m.code(r.scratchpad)
	}
	return m.String()
}

// item writes what is said under a title.
func (m *markdownWriter) item(it *item) {
	if len(it.Facts)+len(it.Links) > 0 {
		m.line("")
	}
	for _, f := range it.Facts {
		m.line("- **%s** %s", escapeMarkdown(f.Label()), escapeMarkdown(visibleLine(f.Value)))
	}
	for _, l := range it.Links {
		m.line("- **%s** %s", see, strings.TrimLeft(escapeMarkdown(linkWords(l))+" <"+autoLink.Replace(visibleLine(l.URL))+">", " "))
	}
	for _, b := range it.Blocks {
		if b.Caption != "" {
			m.line("")
			m.line("%s", escapeMarkdown(b.Caption))
		}
		m.code(b.Text)
	}
}

type markdownWriter struct{ strings.Builder }

func (m *markdownWriter) line(format string, args ...any) {
	fmt.Fprintf(m, format, args...)
	m.WriteByte('\n')
}

// code writes text as a block of code.
func (m *markdownWriter) code(text string) {
	text = visible(text)
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	m.line("")
	m.line("%stext", fence)
	m.line("%s", text)
	m.line("%s", fence)
}

// quote writes the tree's own Markdown as a quotation. Tags are escaped; where
// that would show in code, all of it is written as a block of code instead.
func (m *markdownWriter) quote(text string) {
	switch {
	case text == "":
		return
	case strings.Contains(text, "<") && strings.ContainsAny(text, "`~"):
		m.code(text)
		return
	}
	m.line("")
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "<", "&lt;"), "\n") {
		m.line("%s", strings.TrimRight("> "+line, " "))
	}
}

// autoLink writes an address so that nothing of it ends the angle brackets around it.
var autoLink = strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20", `\`, "%5C")

// longestRun returns the length of the longest run of c in s.
func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// escapeMarkdown returns text of one line so that it reads as it is. It is for
// text behind other words on its line: what only means something at a line's
// beginning, such as "1.", stays.
var escapeMarkdown = strings.NewReplacer(
	`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`,
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `~`, `\~`, `|`, `\|`, `!`, `\!`, `#`, `\#`, `$`, `\$`,
).Replace
