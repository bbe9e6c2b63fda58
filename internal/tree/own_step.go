package tree

import (
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// MaxOutputs bounds, in bytes, the command output of a whole session, so that
// its log can be read at once.
const MaxOutputs = 1 << 20

// NewStep is a step that is not in the tree: what was asked or tried, and what
// came of it.
type NewStep struct {
	Title    string // one line, 1 to MaxNodeTitle characters
	Answer   string // one line, at most MaxAnswer characters; may be empty
	Note     string // may be empty
	Output   string // of a command; may be empty
	Internal bool   `json:",omitempty"` // the note is for colleagues alone; the output is not
}

// AddStep records a step that is not in the tree. The session stays where it
// stands. Texts that break their bounds are BadUserInput. For the rest see Choose.
func (s *Session) AddStep(actor account.Actor, expectedStep int, n NewStep, now time.Time) (Entry, error) {
	title, err := requireLine("input.title", n.Title, MaxNodeTitle)
	if err != nil {
		return Entry{}, err
	}
	answer, err := cleanLine("input.answer", n.Answer, MaxAnswer)
	if err != nil {
		return Entry{}, err
	}
	note, err := cleanText("input.note", n.Note, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	output, err := s.cleanOutput("input.output", n.Output)
	if err != nil {
		return Entry{}, err
	}
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	e := s.entry(OwnStep, actor, now)
	e.NodeKind, e.NodeTitle, e.NodeText, e.Facts = "", title, "", nil
	e.OptionLabel, e.Note, e.Output, e.Internal = answer, note, output, n.Internal && note != ""
	return e, s.append(e)
}

// cleanOutput returns what a command put out as it was, with line feeds as the
// only line breaks and none at its end. Control characters, such as a terminal's
// colours, are BadUserInput; so is more than MaxOutput, or more than MaxOutputs
// with what the session has already.
func (s *Session) cleanOutput(field, text string) (string, error) {
	text = strings.TrimRight(lineFeeds.Replace(text), "\n")
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	all := len(text)
	for i := range s.Log {
		all += len(s.Log[i].Output)
	}
	switch {
	case !printable(text):
		return "", fault.Input(field, "This output holds control characters or invalid UTF-8. Paste it as plain text.")
	case len(text) > MaxOutput:
		return "", fault.Input(field, "This output is longer than %d KiB. Paste the part that matters.", MaxOutput>>10)
	case all > MaxOutputs:
		return "", fault.Input(field, "This session holds %d KiB of output, the most that one can. Paste the part that matters, or leave it out.", MaxOutputs>>10)
	}
	return text, nil
}
