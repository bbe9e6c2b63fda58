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
		m.line("- **%s:** %s", f.name, escapeMarkdown(visibleLine(f.value)))
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
		step := &r.steps[i]
		m.line("")
		title := escapeMarkdown(visibleLine(step.NodeTitle))
		if step.Undone {
			title = "~~" + title + "~~ (undone)"
		}
		m.line("### %d. %s", i+1, title)
		m.line("")
		name, value := r.answer(step)
		m.line("- **%s:** %s%s", name, escapeMarkdown(visibleLine(value)), escapeMarkdown(r.by(step.By.Name)))
		if r.options.IncludeTimings {
			m.line("- **Time:** %s", timing(step))
		}
		r.markdownNotes(m, step.Notes)
	}
	if r.now != "" {
		m.line("")
		m.line("## Stands at")
		m.line("")
		m.line("### %s", escapeMarkdown(visibleLine(r.now)))
		r.markdownNotes(m, r.nowNotes)
	}
	if r.solution != nil {
		m.line("")
		m.line("## Solution")
		m.line("")
		m.line("### %s", escapeMarkdown(visibleLine(r.solution.NodeTitle)))
		m.quote(strings.TrimRight(visible(r.solution.NodeText), " \n"))
		if r.options.IncludeTimings {
			m.line("")
			m.line("- **Time:** %s", timing(r.solution))
		}
		r.markdownNotes(m, r.solution.Notes)
	}
	if len(r.followUp) > 0 {
		m.line("")
		m.line("## Follow-up")
		m.line("")
		for _, f := range r.followUp {
			m.line("- %s", escapeMarkdown(visibleLine(f)))
		}
	}
	return m.String()
}

func (r *record) markdownNotes(m *markdownWriter, notes []StepNote) {
	if !r.options.IncludeNotes {
		return
	}
	for _, n := range notes {
		m.line("")
		m.line("Note%s, %s:", escapeMarkdown(r.by(n.By.Name)), clock(n.At))
		m.code(n.Text)
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
