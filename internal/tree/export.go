package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// ExportFormat is a format in which troubleshooting sessions are written out.
type ExportFormat string

// The formats of exports.
const (
	TextExport     ExportFormat = "TEXT"     // plain text of at most TextColumns columns, to paste into a ticket
	MarkdownExport ExportFormat = "MARKDOWN" // CommonMark
)

// ExportFormats lists the formats in which sessions are written out.
func ExportFormats() []ExportFormat { return []ExportFormat{TextExport, MarkdownExport} }

// ExportOptions say what an export holds beside the steps and their answers.
// Start, end and duration are always there: people bill by them.
type ExportOptions struct {
	IncludeNotes   bool
	IncludeTimings bool // when each step was begun, and how long it took
	IncludeUndone  bool // steps that were undone by going back
}

// Export is a troubleshooting session as a file. The same session with the same
// options gives the same bytes.
type Export struct {
	Filename  string // lower case letters, digits, "-" and "."
	MediaType string
	Content   string // UTF-8, lines end with a line feed
	SHA256    string // of Content, in hexadecimal
}

// NewExport writes a session out. The session needs its log, its version and
// its current node. Nothing that people wrote can pass for the record's own
// words: in text it is set in, in Markdown it is escaped or in a block of code.
func NewExport(s *Session, format ExportFormat, options ExportOptions) *Export {
	r := newRecord(s, options)
	e := &Export{Filename: exportName(s)}
	switch format {
	case MarkdownExport:
		e.Filename += ".md"
		e.MediaType = "text/markdown; charset=utf-8"
		e.Content = r.markdown()
	default:
		e.Filename += ".txt"
		e.MediaType = "text/plain; charset=utf-8"
		e.Content = r.text()
	}
	sum := sha256.Sum256([]byte(e.Content))
	e.SHA256 = hex.EncodeToString(sum[:])
	return e
}

// exportName returns the export's name without its ending: the ticket or the
// word "session", the day, and the end of the id, which tells two of a day apart.
func exportName(s *Session) string {
	name := slug(s.Ticket, 40)
	if name == "" {
		name = "session"
	}
	text := s.ID.String()
	return name + "-" + s.StartedAt.UTC().Format(time.DateOnly) + "-" + text[len(text)-6:]
}

// record is what both formats write, as they share no layout.
type record struct {
	options  ExportOptions
	starter  string
	facts    []fact // ticket, tree, times, …
	steps    []Step
	now      string     // the title of the node where a running session stands; "" once it ended
	nowNotes []StepNote // about that node
	solution *Step      // the solution that was reached; nil if none
	followUp []string
	reason   string // why it ended before a solution
}

type fact struct{ name, value string }

func newRecord(s *Session, options ExportOptions) *record {
	r := &record{options: options, starter: s.Starter.Name, reason: s.Reason}
	add := func(name, value string) {
		if value != "" {
			r.facts = append(r.facts, fact{name, value})
		}
	}
	add("Ticket", s.Ticket)
	add("Client", s.Client)
	add("Subject", s.Subject)
	if s.Version != nil {
		add("Tree", fmt.Sprintf("%s (version %d)", s.Version.Title, s.Version.Number))
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
	add("Outcome", map[Outcome]string{Resolved: "Resolved", Escalated: "Escalated", Unresolved: "Unresolved"}[s.Outcome])

	r.steps = s.Taken(options.IncludeUndone)
	if n := len(r.steps); n > 0 && r.steps[n-1].End == Finished && r.steps[n-1].NodeKind == Solution {
		r.solution = &r.steps[n-1]
		r.steps = r.steps[:n-1]
		if s.CurrentNode != nil {
			r.followUp = s.CurrentNode.FollowUps
		}
	}
	if s.Status == InProgress {
		r.now, r.nowNotes = s.CurrentTitle, s.CurrentNotes()
	}
	return r
}

// answer says in words how a step ended.
func (r *record) answer(step *Step) (name, value string) {
	switch {
	case step.End != Answered:
		return "Answer", "none"
	case step.NodeKind == Decision:
		return "Answer", step.OptionLabel
	case step.OptionLabel != "":
		return "Result", step.OptionLabel
	}
	return "Result", "done"
}

// by names who did something, where that is not who began the session.
func (r *record) by(name string) string {
	if name == r.starter {
		return ""
	}
	return " by " + visibleLine(name)
}

// timing says when a step was begun and how long it took.
func timing(step *Step) string {
	return clock(step.EnteredAt) + ", " + span(step.LeftAt.Sub(step.EnteredAt))
}

func instant(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
func clock(at time.Time) string   { return at.UTC().Format("15:04:05") }

// span writes a duration in hours, minutes and seconds, cut off to the second.
func span(d time.Duration) string {
	d = d.Truncate(time.Second)
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %02d min %02d s", h, m, s)
	case m > 0:
		return fmt.Sprintf("%d min %02d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}

// visible returns text as a reader sees it: line feeds as the only line breaks,
// spaces for tabs, and no characters that turn the direction of writing or
// control a terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			return '\n'
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\u2007', r == '\u202f':
			return ' '
		case r == '\u061c', r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\ufeff':
			return -1
		}
		return r
	}, strings.ReplaceAll(lineFeeds.Replace(strings.ToValidUTF8(text, "\ufffd")), "\t", "    "))
}

// visibleLine is visible for what has to stay on one line.
func visibleLine(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(visible(text), "\n", " "))
}
