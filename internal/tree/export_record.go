package tree

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// recordTitle is the heading of every export.
const recordTitle = "Troubleshooting record"

// record is what the formats for people write. It holds what is said, in words;
// each format says it in its layout. Texts are as people wrote them.
type record struct {
	options    ExportOptions
	starter    string
	facts      []fact   // ticket, tree, times, …
	reason     string   // why it ended before a solution
	steps      []item   // with what happened in between
	now        *item    // where a running session stands; nil once it ended, and outside any tree
	solution   *item    // the one that was reached; nil if none
	followUp   []string // what remains to be done
	scratchpad string
	log        []Entry
}

// scratchpad returns what an export shows of the scratchpad.
func scratchpad(s *Session, options ExportOptions, redact censor) string {
	if !options.IncludeScratchpad {
		return ""
	}
	return strings.TrimRight(redact.text(s.Scratchpad), " \t\n")
}

type fact struct{ Name, Value string }

// item is a step or something that happened between two steps.
type item struct {
	Number int // 1, 2, 3, …; 0 of what is no step
	Title  string
	Text   string // of a solution; Markdown
	Undone bool
	Own    bool
	At     string // when, of what is no step
	Facts  []fact
	Links  []Link // further reading that the node led to
	Blocks []block
}

// Mark says in words what sort of step it is; empty of most.
func (i item) Mark() string {
	switch {
	case i.Undone && i.Own:
		return "(not in the tree, undone)"
	case i.Undone:
		return "(undone)"
	case i.Own:
		return "(not in the tree)"
	}
	return ""
}

// block is text of any number of lines.
type block struct {
	Caption string // who said it and when; empty of what needs none
	Text    string
	Output  bool // of a command
}

func newRecord(s *Session, options ExportOptions) *record {
	redact := newCensor(s, options.RedactSensitive)
	r := &record{options: options, starter: s.Starter.Name, log: s.Log, reason: redact.text(s.Reason), scratchpad: scratchpad(s, options, redact)}
	r.facts = header(s, redact)
	taken := s.Taken(options.IncludeUndone)
	if n := len(taken); n > 0 && taken[n-1].End == Finished && taken[n-1].NodeKind == Solution {
		last := r.item(&taken[n-1], redact)
		last.Text = redact.text(taken[n-1].NodeText)
		last.Facts = slices.DeleteFunc(last.Facts, func(f fact) bool { return f.Name != "Time" })
		r.solution = &last
		if node := s.Shown(); node != nil {
			for _, followUp := range node.FollowUps {
				r.followUp = append(r.followUp, redact.text(followUp))
			}
		}
	}
	number := 0
	events := s.Happened()
	for i := range taken {
		for len(events) > 0 && events[0].Seq < taken[i].Seq {
			r.steps = append(r.steps, r.event(&events[0], redact))
			events = events[1:]
		}
		if r.solution != nil && i == len(taken)-1 {
			break
		}
		it := r.item(&taken[i], redact)
		if it.At == "" {
			number++
			it.Number = number
		}
		r.steps = append(r.steps, it)
	}
	for i := range events {
		r.steps = append(r.steps, r.event(&events[i], redact))
	}
	if s.Status == InProgress && s.CurrentTitle != "" {
		r.now = &item{Title: redact.text(s.CurrentTitle), Blocks: r.notes(s.CurrentNotes(), redact)}
		if node := s.Shown(); node != nil {
			r.now.Links = node.Links
		}
	}
	return r
}

// header says what the session was about, who had it, when, and how it ended.
func header(s *Session, redact censor) []fact {
	var facts []fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Ticket", redact.text(s.Ticket))
	add("Client", redact.text(s.Client))
	add("Subject", redact.text(s.Subject))
	given := make([]string, len(s.Given))
	for i := range s.Given {
		given[i] = s.Given[i].Label + ": " + redact.value(&s.Given[i])
	}
	add("Given at the start", strings.Join(given, "; "))
	for _, v := range walked(s) {
		add("Tree", fmt.Sprintf("%s (version %d)", v.Title, v.Version))
	}
	add("Engineer", s.Starter.Name)
	if s.Holder.ID != s.Starter.ID {
		add("Taken over by", s.Holder.Name)
	}
	add("Started", instant(s.StartedAt))
	switch s.Status {
	case Completed:
		add("Completed", instant(s.EndedAt))
	case Abandoned:
		add("Abandoned", instant(s.EndedAt))
	default:
		add("Completed", "not yet; latest entry "+instant(s.UpdatedAt))
	}
	add("Duration", span(s.UpdatedAt.Sub(s.StartedAt)))
	if elapsed := s.UpdatedAt.Sub(s.StartedAt); elapsed-s.Active >= time.Minute {
		add("Of it active", span(s.Active))
	}
	add("Outcome", outcomeWords[s.Outcome])
	return facts
}

var outcomeWords = map[Outcome]string{Resolved: "Resolved", Escalated: "Escalated", Unresolved: "Unresolved"}

var urgencyWords = map[Urgency]string{LowUrgency: "Low", NormalUrgency: "Normal", HighUrgency: "High", CriticalUrgency: "Critical"}

// walked returns the trees that the walk went through, in order.
func walked(s *Session) []Place {
	var trees []Place
	add := func(p Place) {
		if _, ok := p.Ref(); ok && !slices.ContainsFunc(trees, func(q Place) bool { return q.TreeID == p.TreeID && q.Version == p.Version }) {
			trees = append(trees, p)
		}
	}
	if s.Version != nil {
		add(Place{TreeID: s.TreeID, Version: s.Version.Number, Title: s.Version.Title})
	}
	for i := range s.Steps {
		for _, p := range s.Steps[i].Places {
			add(p)
		}
	}
	return trees
}

// withoutEvents leaves out what was written when something happened: it stands there.
func withoutEvents(notes []StepNote, log []Entry) []StepNote {
	return slices.DeleteFunc(slices.Clone(notes), func(n StepNote) bool {
		return n.Seq > 0 && n.Seq <= len(log) && !log[n.Seq-1].Kind.Step() && log[n.Seq-1].Kind != Noted
	})
}

// event says in words what happened.
func (r *record) event(e *Entry, redact censor) item {
	it := item{At: clock(e.At)}
	person := e.Person.Name
	if person == "" {
		person = "a colleague"
	}
	switch e.Kind {
	case HandedOver:
		it.Title = "Handed over to " + person
	case Claimed:
		it.Title = "Claimed by " + person
	case Called:
		it.Title = "Asked the team for help"
	case CalledOff:
		it.Title = "Took back the request for help"
	case Hinted:
		it.Title = "Hint"
	case Suggested:
		it.Title = "Suggestion of " + person + map[bool]string{true: " accepted", false: " dismissed"}[e.Accepted]
	case Reopened:
		it.Title = "Reopened"
	case Finished:
		it.Title = "Completed as " + strings.ToLower(outcomeWords[e.Outcome])
	case GaveUp:
		it.Title = "Abandoned"
	}
	if e.Kind != Claimed {
		it.Title += r.by(e.By.Name)
	}
	switch {
	case e.Kind == Called:
		it.Facts = append(it.Facts, fact{"Urgency", urgencyWords[e.Urgency]})
	case e.Kind == Suggested && e.OptionLabel != "":
		it.Facts = append(it.Facts, fact{"Option", redact.text(e.OptionLabel)})
	}
	for _, text := range []string{e.Reason, e.Note} {
		if text != "" {
			said := block{Text: redact.text(text)}
			if e.internal() {
				said.Caption = noteCaption(true, false) + ":"
			}
			it.Blocks = append(it.Blocks, said)
		}
	}
	return it
}

// item says in words what a step was.
func (r *record) item(step *Step, redact censor) item {
	it := item{Title: redact.text(step.NodeTitle), Undone: step.Undone, Own: step.Own, Links: step.Links}
	label := redact.text(step.OptionLabel)
	add := func(name, value string) { it.Facts = append(it.Facts, fact{name, value + r.by(step.By.Name)}) }
	switch {
	case step.End == Switched, step.End == Returned:
		it.At = clock(step.LeftAt)
		it.Title = map[EntryKind]string{Switched: "Switched to ", Returned: "Returned to "}[step.End]
		if label == "" {
			label = "steps outside any tree"
		}
		it.Title += label + r.by(step.By.Name)
	case step.Own:
		if label != "" {
			add("Result", label)
		}
	case step.End != Answered:
		add("Answer", "none")
	case step.NodeKind == Decision:
		add("Answer", label)
	case step.NodeKind == Input:
		for i := range step.Values {
			add(step.Values[i].Label, redact.value(&step.Values[i]))
		}
		if len(step.Values) == 0 {
			add("Answer", "left empty")
		}
	case step.NodeKind == Solution:
		add("Result", "went on in the tree that led here")
	case label != "":
		add("Result", label)
	default:
		add("Result", "done")
	}
	if r.options.IncludeTimings && it.At == "" {
		it.Facts = append(it.Facts, fact{"Time", clock(step.EnteredAt) + ", " + span(step.LeftAt.Sub(step.EnteredAt))})
	}
	if step.Output != "" && r.options.IncludeNotes {
		it.Blocks = append(it.Blocks, block{"Output:", redact.text(step.Output), true})
	}
	it.Blocks = append(it.Blocks, r.notes(step.Notes, redact)...)
	return it
}

// notes returns what was written about a step.
func (r *record) notes(notes []StepNote, redact censor) []block {
	var blocks []block
	if !r.options.IncludeNotes {
		return nil
	}
	for _, n := range withoutEvents(notes, r.log) {
		behind := r.by(n.By.Name) + ", " + clock(n.At) + ":"
		if n.Text != "" {
			blocks = append(blocks, block{noteCaption(n.Internal, false) + behind, redact.text(n.Text), false})
		}
		if n.Output != "" {
			blocks = append(blocks, block{noteCaption(n.Internal, true) + behind, redact.text(n.Output), true})
		}
	}
	return blocks
}

// noteCaption says what sort of note it is.
func noteCaption(internal, output bool) string {
	switch {
	case internal && output:
		return "Internal output"
	case internal:
		return "Internal note"
	case output:
		return "Output"
	}
	return "Note"
}

// see is what stands before a link.
const see = "See:"

// linkWords says where a link leads; empty where the address says it all.
func linkWords(l Link) string {
	if words := visibleLine(l.Title); words != l.URL {
		return words
	}
	return ""
}

// Label is the fact's name with a colon, unless it is a question.
func (f fact) Label() string {
	if name := visibleLine(f.Name); !strings.HasSuffix(name, "?") && !strings.HasSuffix(name, ":") {
		return name + ":"
	}
	return visibleLine(f.Name)
}

// by names who did something, where that is not who began the session.
func (r *record) by(name string) string {
	if name == r.starter || name == "" {
		return ""
	}
	return " by " + visibleLine(name)
}

// Redacted stands in an export in place of a value that is kept out of it.
const Redacted = "•••"

// censor keeps sensitive values out of an export. The zero value keeps none out.
type censor struct {
	on    bool
	texts []string // the longest first
}

// minRedacted is the length from which a value is looked for in other texts, in
// characters. Shorter ones, such as a number of devices, stand in too many.
const minRedacted = 3

func newCensor(s *Session, on bool) censor {
	c := censor{on: on}
	if on {
		c.add(s.Given)
		for i := range s.Steps {
			c.add(s.Steps[i].Values)
		}
	}
	return c
}

// add keeps the sensitive ones of some values out too.
func (c *censor) add(values []Value) {
	for _, v := range values {
		if v.Sensitive && (v.Type == TextField || v.Type == NumberField) && utf8.RuneCountInString(v.Text) >= minRedacted {
			// In a node's Markdown it stands escaped.
			c.texts = append(c.texts, v.Text, escapeMarkdown(v.Text))
		}
	}
	slices.SortStableFunc(c.texts, func(a, b string) int { return len(b) - len(a) })
	c.texts = slices.Compact(c.texts)
}

// value returns what an export shows of a value.
func (c censor) value(v *Value) string {
	if c.on && v.Sensitive {
		return Redacted
	}
	return c.text(v.Text)
}

// text replaces sensitive values where they are words of their own.
func (c censor) text(text string) string {
	for _, secret := range c.texts {
		var out strings.Builder
		rest := text
		for {
			at := strings.Index(rest, secret)
			if at < 0 {
				break
			}
			before, _ := utf8.DecodeLastRuneInString(rest[:at])
			after, _ := utf8.DecodeRuneInString(rest[at+len(secret):])
			out.WriteString(rest[:at])
			if at > 0 && wordRune(before) || wordRune(after) {
				out.WriteString(secret)
			} else {
				out.WriteString(Redacted)
			}
			rest = rest[at+len(secret):]
		}
		text = out.String() + rest
	}
	return text
}

func wordRune(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
