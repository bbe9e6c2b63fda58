package tree

import (
	"fmt"
	"strings"
	"unicode"
)

// TextColumns is the width of exports as text. A word that is a web address may
// be longer: broken, it would lead nowhere.
const TextColumns = 76

// text writes the record as plain text. No line begins with a character that
// makes a spreadsheet take it for a formula.
func (r *record) text() string {
	t := &textWriter{}
	t.put("TROUBLESHOOTING RECORD")
	t.put("")
	for _, f := range r.facts {
		t.set(fmt.Sprintf("%-15s", f.name+":"), strings.Repeat(" ", 15), visibleLine(f.value))
	}
	if r.reason != "" {
		t.set("Ended because:", "    ", "")
		t.block("    ", r.reason)
	}
	if len(r.steps) > 0 {
		t.put("")
		t.put("STEPS")
	}
	for i := range r.steps {
		step := &r.steps[i]
		t.put("")
		title := visibleLine(step.NodeTitle)
		if step.Undone {
			title = "[undone] " + title
		}
		t.set(fmt.Sprintf("%3d. ", i+1), "     ", title)
		name, value := r.answer(step)
		t.set("     "+name+": ", "       ", visibleLine(value)+r.by(step.By.Name))
		if r.options.IncludeTimings {
			t.set("     Time: ", "       ", timing(step))
		}
		r.textNotes(t, step.Notes)
	}
	if r.now != "" {
		t.put("")
		t.put("STANDS AT")
		t.put("")
		t.set("     ", "     ", visibleLine(r.now))
		r.textNotes(t, r.nowNotes)
	}
	if r.solution != nil {
		t.put("")
		t.put("SOLUTION")
		t.put("")
		t.set("     ", "     ", visibleLine(r.solution.NodeTitle))
		if r.solution.NodeText != "" {
			t.put("")
			t.block("     ", r.solution.NodeText)
		}
		if r.options.IncludeTimings {
			t.set("     Time: ", "       ", timing(r.solution))
		}
		r.textNotes(t, r.solution.Notes)
	}
	if len(r.followUp) > 0 {
		t.put("")
		t.put("FOLLOW-UP")
		t.put("")
		for _, f := range r.followUp {
			t.set("   * ", "     ", visibleLine(f))
		}
	}
	return t.String()
}

func (r *record) textNotes(t *textWriter, notes []StepNote) {
	if !r.options.IncludeNotes {
		return
	}
	for _, n := range notes {
		t.set("     Note"+r.by(n.By.Name)+", "+clock(n.At)+":", "       ", "")
		t.block("       ", n.Text)
	}
}

type textWriter struct{ strings.Builder }

// put writes a line of our own words.
func (t *textWriter) put(line string) {
	t.WriteString(strings.TrimRight(line, " "))
	t.WriteByte('\n')
}

// block writes text of any number of lines, each set in. Lines that fit stay as
// they are, so that pasted tables keep their columns.
func (t *textWriter) block(indent, text string) {
	for line := range strings.SplitSeq(visible(text), "\n") {
		t.set(indent, indent, strings.TrimRight(line, " "))
	}
}

// set writes a line behind first, broken into lines that begin with indent.
func (t *textWriter) set(first, indent, line string) {
	line = harmless(line)
	prefix := first
	if width(prefix)+width(line) <= TextColumns {
		t.put(prefix + line)
		return
	}
	space := len(line) - len(strings.TrimLeft(line, " ")) // pasted text keeps how far it was set in
	current := strings.Repeat(" ", min(space, 16))
	empty := true
	for word := range strings.FieldsSeq(line) {
		if !empty && width(prefix)+width(current)+1+width(word) > TextColumns {
			t.put(prefix + current)
			prefix, current, empty = indent, "", true
			word = harmless(word)
		}
		for !strings.Contains(word, "://") && width(prefix)+width(current)+width(word) > TextColumns {
			if !empty {
				break
			}
			head, tail := cut(word, TextColumns-width(prefix)-width(current))
			t.put(prefix + current + head)
			prefix, current, word = indent, "", harmless(tail)
		}
		if !empty {
			current += " "
		}
		current += word
		empty = false
	}
	if !empty {
		t.put(prefix + current)
	}
}

// harmless keeps a line from being taken for a formula when it is pasted into a
// spreadsheet: a list's "-" and "+" become "*", and any other =, +, - or @ at
// the beginning gets an apostrophe, which spreadsheets read as "this is text".
func harmless(line string) string {
	rest := strings.TrimLeft(line, " \u00a0\u3000")
	if rest == "" || !strings.ContainsRune("=+-@＝＋－＠", []rune(rest)[0]) {
		return line
	}
	space := line[:len(line)-len(rest)]
	if strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "+ ") {
		return space + "*" + rest[1:]
	}
	return space + "'" + rest
}

// cut splits a word before the column limit; the head is not empty.
func cut(word string, limit int) (head, tail string) {
	columns := 0
	for i, r := range word {
		if columns += runeWidth(r); columns > limit && i > 0 {
			return word[:i], word[i:]
		}
	}
	return word, ""
}

// width returns how many columns a text takes in a fixed-width font.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// runeWidth returns 0 for marks that are drawn over the letter before, 2 for
// the wide letters of East Asia and emoji (Unicode's UAX 11, by its large
// blocks), and 1 for the rest.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
