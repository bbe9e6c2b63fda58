package login

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login/wordlist"
)

// About is what a new password must not be made of. What is not known yet is
// empty.
type About struct{ AccountName, Name, Email string }

const (
	product      = "branchline"
	fewest       = 5 // characters of what is said again and again
	shortestWalk = 5
	shortestWord = 3 // a shorter one may be there by chance
)

// CheckNewPassword says what is wrong with a new password, as BadUserInput of field.
// The rules are those of NIST SP 800-63B-4, 3.1.1.2: a length, no rule about which
// characters, and nothing that whoever guesses tries first: common passwords and the
// names of the people and things around it, also with digits or signs behind, said
// twice, or with digits that stand for letters.
func CheckNewPassword(field string, password Secret, about About) error {
	text := string(password)
	if len(text) > maxPasswordBytes {
		return passwordTooLong(field)
	}
	// What is hashed counts: the same password has as many characters on any keyboard.
	n := utf8.RuneCountInString(norm.NFKC.String(text))
	switch {
	case n > MaxPassword:
		return passwordTooLong(field)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fault.Input(field, "This password holds characters that cannot be typed. Choose another one.")
	case n < MinPassword:
		return fault.Input(field, "This password has %d characters. Choose one of at least %d: three or four words are good.", n, MinPassword)
	}
	plain := folded(text)
	bare := only(plain, alphanumeric)
	spellings := []string{plain, bare}
	for _, leet := range []*strings.Replacer{leetI, leetL} {
		spellings = append(spellings, leet.Replace(bare), leet.Replace(strings.TrimFunc(plain, notLetter)), only(leet.Replace(plain), unicode.IsLetter))
	}
	if letters := only(plain, unicode.IsLetter); 2*utf8.RuneCountInString(letters) > n {
		spellings = append(spellings, letters) // those of a random text say nothing
	}
	switch {
	case slices.ContainsFunc(spellings, common), walks(plain), walks(bare):
		return fault.Input(field, "This password is one of the first that anybody would guess, or one of those with something behind it. Choose three or four words that do not belong together.")
	case slices.ContainsFunc(spellings, about.words().make):
		return fault.Input(field, "This password is made of your name, your e-mail address, or the name of your account or of Branchline. Choose three or four words that do not belong together.")
	}
	return nil
}

func passwordTooLong(field string) error {
	return fault.Input(field, "This password is longer than %d characters. Choose a shorter one.", MaxPassword)
}

// folded returns a text as those are compared that look alike.
func folded(text string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text))) }

// Digits and signs that stand for letters, each of one byte as is what it stands for.
var (
	leetI = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")
	leetL = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "l")
)

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func only(text string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return r
		}
		return -1
	}, text)
}

// period returns the part that a text is several times, one after the other and
// perhaps cut short at the end, or the text.
func period(text string) string {
	for size := 1; size <= (len(text)+1)/2; size++ {
		if text[size:] == text[:len(text)-size] {
			return strings.ToValidUTF8(text[:size], "")
		}
	}
	return text
}

// common says whether a spelling is a common password, once or several times, with
// nothing but digits and signs before or behind, or hardly anything several times.
func common(spelling string) bool {
	once := period(spelling)
	if once != spelling && utf8.RuneCountInString(once) < fewest {
		return true
	}
	for _, text := range []string{spelling, once, once + once} {
		trimmed := strings.TrimFunc(text, notLetter)
		if wordlist.Has(text) || len(trimmed) >= shortestWord && (wordlist.Has(trimmed) || wordlist.Has(period(trimmed))) {
			return true
		}
		tail := len(strings.TrimRightFunc(text, notLetter))
		for cut := len(text) - 1; cut >= max(tail, 1); cut-- {
			if word := text[:cut]; telling(word) && wordlist.Has(word) {
				return true
			}
		}
		head := len(text) - len(strings.TrimLeftFunc(text, notLetter))
		for cut := 1; cut <= head; cut++ {
			if word := text[cut:]; telling(word) && wordlist.Has(word) {
				return true
			}
		}
	}
	return false
}

// telling says whether a part of a password that is on the list is so by more than
// chance: any few digits are.
func telling(word string) bool {
	return len(word) >= 6 || len(word) >= 4 && strings.ContainsFunc(word, unicode.IsLetter)
}

// rows are what fingers walk along.
var rows = []string{"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop[]", "qwertzuiopü", "azertyuiop", "asdfghjkl;'", "zxcvbnm,./", "yxcvbnm"}

// walks says whether at least three quarters of the steps from one character to the
// next stay where they are or go to a neighbour in a row, as in "aaaabbbb" and
// "qwertz123456".
func walks(form string) bool {
	letters := []rune(form)
	away := 0
	for i := 1; i < len(letters); i++ {
		if !beside(letters[i-1], letters[i]) {
			away++
		}
	}
	return len(letters) >= shortestWalk && away*4 < len(letters)
}

func beside(a, b rune) bool {
	if a == b {
		return true
	}
	for _, row := range rows {
		if i := strings.IndexRune(row, a); i >= 0 {
			if rest := row[i+utf8.RuneLen(a):]; strings.HasPrefix(rest, string(b)) || strings.HasSuffix(row[:i], string(b)) {
				return true
			}
		}
	}
	return false
}

// ownWords are the names around a password, folded, the longest first.
type ownWords []string

// words returns what must not make up a password: each name whole and in its words.
func (a About) words() ownWords {
	words := ownWords{product}
	add := func(text string) {
		if word := only(folded(text), alphanumeric); utf8.RuneCountInString(word) >= shortestWord {
			words = append(words, word)
		}
	}
	local, domain, _ := strings.Cut(a.Email, "@")
	site := domain
	if dot := strings.LastIndexByte(domain, '.'); dot > 0 {
		site = domain[:dot]
	}
	for _, text := range []string{a.AccountName, a.Name, local, domain, site, a.Email} {
		add(text)
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !alphanumeric(r) }) {
			add(word)
		}
	}
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	return words
}

// make says whether nothing but own words, digits, signs and a common password is
// left of a form, and an own word is in it.
func (w ownWords) make(form string) bool {
	rest := only(form, alphanumeric)
	before := rest
	for _, word := range w {
		rest = strings.ReplaceAll(rest, word, "")
	}
	if rest == before {
		return false
	}
	rest = only(rest, unicode.IsLetter)
	return utf8.RuneCountInString(rest) < shortestWord || wordlist.Has(rest)
}
