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
		t.set(fmt.Sprintf("%-15s", f.Name+":"), strings.Repeat(" ", 15), visibleLine(f.Value))
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
		it := &r.steps[i]
		t.put("")
		title := visibleLine(it.Title)
		switch {
		case it.At != "":
			t.set("   > ", "     ", title+", "+it.At)
		case it.Undone:
			t.set(fmt.Sprintf("%3d. ", it.Number), "     ", "[undone] "+title)
		case it.Own:
			t.set(fmt.Sprintf("%3d. ", it.Number), "     ", title+" "+it.Mark())
		default:
			t.set(fmt.Sprintf("%3d. ", it.Number), "     ", title)
		}
		t.item(it)
	}
	if r.now != nil {
		t.put("")
		t.put("STANDS AT")
		t.put("")
		t.set("     ", "     ", visibleLine(r.now.Title))
		t.item(r.now)
	}
	if r.solution != nil {
		t.put("")
		t.put("SOLUTION")
		t.put("")
		t.set("     ", "     ", visibleLine(r.solution.Title))
		if r.solution.Text != "" {
			t.put("")
			t.block("     ", r.solution.Text)
		}
		t.item(r.solution)
	}
	if len(r.followUp) > 0 {
		t.put("")
		t.put("FOLLOW-UP")
		t.put("")
		for _, f := range r.followUp {
			t.set("   * ", "     ", visibleLine(f))
		}
	}
	if r.scratchpad != "" {
		t.put("")
		t.put("SCRATCHPAD")
		t.put("")
		t.block("     ", r.scratchpad)
	}
	return t.String()
}

// item writes what is said under a title.
func (t *textWriter) item(it *item) {
	for _, f := range it.Facts {
		name := harmless(f.Label()) + " "
		if width(name) > TextColumns/2 { // a field's label may be a sentence
			t.set("     ", "       ", name)
			name = "  "
		}
		t.set("     "+name, "       ", visibleLine(f.Value))
	}
	for _, l := range it.Links {
		t.set("     "+see+" ", "       ", strings.TrimLeft(linkWords(l)+" "+l.URL, " "))
	}
	for _, b := range it.Blocks {
		if b.Caption != "" {
			t.set("     "+b.Caption, "       ", "")
		}
		t.block("       ", b.Text)
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
	rest := strings.TrimLeftFunc(line, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.IsMark(r) })
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
