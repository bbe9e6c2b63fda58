package tree

import (
	"strings"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/fault"
)

// storable says whether s can be kept at all: PostgreSQL refuses invalid UTF-8
// and the NUL character.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// printable says whether s can be kept and holds no control characters but tabs
// and line feeds. Others can move a terminal's cursor or hide text in a record.
func printable(s string) bool {
	plain := true // ASCII without control characters, as most texts are
	for i := range len(s) {
		plain = plain && (s[i] >= ' ' && s[i] < 0x7f || s[i] == '\t' || s[i] == '\n')
	}
	return plain || utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0
	}) < 0
}

// oneLine says whether s holds no line break or tab and is printable.
func oneLine(s string) bool {
	return printable(s) && !strings.ContainsAny(s, "\t\n\u2028\u2029")
}

// cleanLine returns a text of one line without spaces around it. Line breaks,
// control characters and overlong text are BadUserInput; empty text is fine.
func cleanLine(field, text string, limit int) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case !oneLine(text):
		return "", fault.Input(field, "This text holds line breaks, control characters or invalid UTF-8. Remove them.")
	case utf8.RuneCountInString(text) > limit:
		return "", fault.Input(field, "This text is longer than %d characters. Shorten it.", limit)
	}
	return text, nil
}

// requireLine is cleanLine that refuses empty text too.
func requireLine(field, text string, limit int) (string, error) {
	text, err := cleanLine(field, text, limit)
	if err == nil && text == "" {
		return "", fault.Input(field, "Enter a text.")
	}
	return text, err
}

// cleanText returns a text of any number of lines, with line feeds as the only
// line breaks and without white space at its end. Control characters and
// overlong text are BadUserInput; empty text is fine.
func cleanText(field, text string, limit int) (string, error) {
	text = strings.TrimRight(lineFeeds.Replace(text), " \t\n")
	switch {
	case !printable(text):
		return "", fault.Input(field, "This text holds control characters or invalid UTF-8. Remove them.")
	case utf8.RuneCountInString(text) > limit:
		return "", fault.Input(field, "This text is longer than %d characters. Shorten it.", limit)
	}
	return text, nil
}

var lineFeeds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// cleanKey checks an idempotency key. An empty one is fine.
func cleanKey(key string) error {
	if !oneLine(key) || utf8.RuneCountInString(key) > MaxKey {
		return fault.Input("input.idempotencyKey", "An idempotency key is at most %d printable characters.", MaxKey)
	}
	return nil
}
