package tree

import (
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of what colleagues suggest.
const (
	MaxSuggestions = 5    // open beside one session
	MaxSuggestion  = 1000 // characters
)

// Suggestion is what a colleague proposes as the next step. It stands beside the
// walk and moves nothing, so that whoever walks is not interrupted, until they
// accept or dismiss it: then it goes into the log.
type Suggestion struct {
	Number int // 1, 2, 3, … within the session
	Text   string

	NodeID      NodeID   // where the session stood; empty outside any tree
	NodeTitle   string   // as it was shown
	OptionID    OptionID // of that node, where the suggestion is to take it; may be empty
	OptionLabel string   // as it was shown

	At time.Time
	By account.User
}

// Suggest puts a suggestion beside the walk: what to do, and, where option is not
// empty, which option of the present node to take. Whoever may read the session
// may suggest, if they are an engineer at least; whoever has it gets a Conflict, as
// do a session that ended and one with MaxSuggestions. A text that is empty or too
// long, and another node's option, are BadUserInput. What the same person suggests
// already stays one suggestion.
func (s *Session) Suggest(by account.User, text string, option OptionID, now time.Time) error {
	text, err := cleanText("input.text", text, MaxSuggestion)
	switch {
	case err != nil:
		return err
	case text == "":
		return fault.Input("input.text", "Write what to do next.")
	case s.Status != InProgress:
		return s.conflict("This session has ended. There is no next step.")
	case by.ID == s.Holder.ID:
		return s.conflict("You have this session yourself. Take the step.")
	case !by.Role.AtLeast(account.Engineer) || !by.DisabledAt.IsZero():
		return fault.New(fault.Forbidden, "Only active engineers, admins and owners can suggest a step.")
	}
	suggestion := Suggestion{Text: text, NodeID: s.CurrentNodeID, NodeTitle: s.CurrentTitle, OptionID: option, At: now, By: by}
	if option != "" {
		node := s.Shown()
		if node == nil || node.Option(option) == nil {
			return fault.Input("input.nodeOptionId", "The node where the session stands has no such option. Choose one of its options, or leave it out.")
		}
		suggestion.OptionLabel = node.Option(option).Label
	}
	if slices.ContainsFunc(s.Suggestions, func(o Suggestion) bool {
		return o.By.ID == by.ID && o.Text == text && o.NodeID == suggestion.NodeID && o.OptionID == option
	}) {
		return nil
	}
	if len(s.Suggestions) >= MaxSuggestions {
		return s.conflict("%d suggestions are open, the most that there can be. Wait until one is accepted or dismissed.", MaxSuggestions)
	}
	s.SuggestionCount++
	suggestion.Number = s.SuggestionCount
	s.Suggestions = append(slices.Clip(s.Suggestions), suggestion)
	s.join(by.ID)
	return nil
}

// Respond accepts or dismisses the suggestion with that number, which is recorded
// either way. It takes no step. Whoever has the session may. One that is not open
// is BadUserInput. For the rest see Choose.
func (s *Session) Respond(actor account.Actor, expectedStep, number int, accept bool, now time.Time) (Entry, error) {
	if err := s.mayRecord(actor, expectedStep, false); err != nil {
		return Entry{}, err
	}
	i := slices.IndexFunc(s.Suggestions, func(o Suggestion) bool { return o.Number == number })
	if i < 0 {
		return Entry{}, fault.Input("input.suggestion", "There is no open suggestion %d. Choose one of those beside the session.", number)
	}
	suggestion := s.Suggestions[i]
	e := s.entry(Suggested, actor, now)
	e.Person, e.Note, e.Accepted, e.OptionLabel = suggestion.By, suggestion.Text, accept, suggestion.OptionLabel
	if suggestion.NodeID == e.NodeID {
		e.OptionID = suggestion.OptionID
	}
	if err := s.append(e); err != nil {
		return Entry{}, err
	}
	s.Suggestions = slices.Delete(slices.Clone(s.Suggestions), i, i+1)
	if len(s.Suggestions) == 0 {
		s.Suggestions = nil
	}
	return e, nil
}
