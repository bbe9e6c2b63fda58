package tree

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the length from which a word is cut, in characters. Nobody types
// that much of a word to find it.
const maxWord = 40

// word is a word of a text, as search finds it.
type word struct {
	from, to int    // where it stands in the text, in bytes
	text     string // in lower case, without accents
	spelled  string // with umlauts spelled out, "gerat" and "geraet"; empty where that is the same
	joined   bool   // a compound such as "wi-fi", written as one; its parts follow
	// dense is of a script that is written without spaces: the word is two
	// characters that follow one another, or the last one of their row.
	dense bool
}

// matches says whether the word is what a search looks for.
func (w *word) matches(text string, prefix bool) bool {
	if prefix {
		return strings.HasPrefix(w.text, text) || w.spelled != "" && strings.HasPrefix(w.spelled, text)
	}
	return w.text == text || w.spelled != "" && w.spelled == text
}

// words finds the words of any text, whatever its language: rows of letters and
// digits. A compound of two or three with hyphens or apostrophes between them is
// also one word, before its parts. Scripts without spaces give each character
// with the one after it.
func words(text string) iter.Seq[word] {
	return func(yield func(word) bool) {
		for from := 0; from < len(text); {
			r, size := utf8.DecodeRuneInString(text[from:])
			if !inWord(r) {
				from += size
				continue
			}
			if isDense(r) {
				to := rowEnd(text, from, true)
				if !pairs(text, from, to, yield) {
					return
				}
				from = to
				continue
			}
			parts := compound(text, from)
			if len(parts) > 1 {
				var joined word
				joined.from, joined.to, joined.joined = from, parts[len(parts)-1].to, true
				for _, p := range parts {
					joined.spelled += spelledOr(p)
					joined.text += p.text
				}
				joined.text, joined.spelled = cutWord(joined.text), cutWord(joined.spelled)
				if joined.spelled == joined.text {
					joined.spelled = ""
				}
				if joined.text != "" && !yield(joined) {
					return
				}
			}
			for _, p := range parts {
				if p.text != "" && !yield(p) {
					return
				}
			}
			from = parts[len(parts)-1].to
		}
	}
}

func spelledOr(w word) string {
	if w.spelled != "" {
		return w.spelled
	}
	return w.text
}

// compound returns the word at from, or the words where others follow with a
// hyphen or an apostrophe between. More than three are a row of words.
func compound(text string, from int) []word {
	var parts []word
	for at := from; ; {
		to := rowEnd(text, at, false)
		plain, spelled := foldWord(text[at:to])
		if plain == spelled {
			spelled = ""
		}
		parts = append(parts, word{from: at, to: to, text: plain, spelled: spelled})
		r, size := utf8.DecodeRuneInString(text[to:])
		next, _ := utf8.DecodeRuneInString(text[to+size:])
		if !isJoint(r) || !inWord(next) || isDense(next) {
			return parts
		}
		if before, _ := utf8.DecodeLastRuneInString(text[:from]); len(parts) == 3 || isJoint(before) {
			return parts[:1]
		}
		at = to + size
	}
}

func isJoint(r rune) bool { return strings.ContainsRune("-'’\u2010\u2011", r) }

// rowEnd returns where the row of letters and digits ends that begins at from.
func rowEnd(text string, from int, dense bool) int {
	for i, r := range text[from:] {
		if !inWord(r) || (isDense(r) != dense && !unicode.IsMark(r)) {
			return from + i
		}
	}
	return len(text)
}

// pairs yields each character of a row with the one after it, and the last alone.
func pairs(text string, from, to int, yield func(word) bool) bool {
	for at := from; at < to; {
		_, size := utf8.DecodeRuneInString(text[at:to])
		_, next := utf8.DecodeRuneInString(text[at+size : to])
		w := word{from: at, to: at + size + next, dense: true}
		if w.text, _ = foldWord(text[w.from:w.to]); w.text != "" && !yield(w) {
			return false
		}
		at += size
	}
	return true
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// isDense says whether r is of a script that is written without spaces.
func isDense(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// letters are those that Unicode does not take apart into a letter and an accent.
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ħ", "h", "ı", "i", "ς", "σ")

// foldWord returns a word in lower case and without accents, in its one form, and
// the same with ä, ö, ü, å and ø spelled out as two letters. Some letters fall apart
// into what is none: that is left out.
func foldWord(s string) (plain, spelled string) {
	plain, spelled = foldLetters(s, inWord)
	return cutWord(plain), cutWord(spelled)
}

// foldLetters returns those characters of a text that are to be kept, as foldWord
// does. Accents are dropped where they are signs of their own on a letter; scripts
// that need their marks keep them.
func foldLetters(s string, keep func(rune) bool) (plain, spelled string) {
	if isASCII(s) {
		s = strings.ToLower(s)
		return s, s
	}
	var p, q strings.Builder
	base := rune(0)
	for _, r := range norm.NFKD.String(s) {
		r = unicode.ToLower(r)
		switch {
		case r >= 0x300 && r <= 0x36f: // combining diacritical marks
			if r == 0x308 && (base == 'a' || base == 'o' || base == 'u') {
				q.WriteByte('e')
			} else if r == 0x30a && base == 'a' {
				q.WriteByte('a')
			}
			base = 0
			continue
		case !keep(r):
			continue
		case r == 'ø':
			p.WriteByte('o')
			q.WriteString("oe")
		default:
			p.WriteRune(r)
			q.WriteRune(r)
		}
		base = r
	}
	return letters.Replace(norm.NFC.String(p.String())), letters.Replace(norm.NFC.String(q.String()))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cutWord returns the first maxWord characters.
func cutWord(s string) string {
	if len(s) <= maxWord {
		return s
	}
	n := 0
	for i := range s {
		if n++; n > maxWord {
			return s[:i]
		}
	}
	return s
}
