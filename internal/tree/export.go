package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// ExportFormat is a format in which troubleshooting sessions are written out.
type ExportFormat string

// The formats of exports.
const (
	TextExport     ExportFormat = "TEXT"     // plain text of at most TextColumns columns, to paste into a ticket
	MarkdownExport ExportFormat = "MARKDOWN" // CommonMark
	HTMLExport     ExportFormat = "HTML"     // one page that needs nothing else, to read and to print
	JSONExport     ExportFormat = "JSON"     // for programs; see SessionFormat
	PDFExport      ExportFormat = "PDF"      // A4
)

// ExportFormats lists the formats in which sessions are written out.
func ExportFormats() []ExportFormat {
	return []ExportFormat{TextExport, MarkdownExport, HTMLExport, JSONExport, PDFExport}
}

// ExportOptions say what an export holds beside the steps and their answers.
// Start, end and duration are always there: people bill by them.
type ExportOptions struct {
	IncludeNotes bool // and command output
	// IncludeInternal shows, where notes are included, those that are for
	// colleagues alone too, each marked so.
	IncludeInternal bool
	IncludeTimings  bool // when each step was begun, and how long it took
	IncludeUndone   bool // steps that were undone by going back
	// RedactSensitive shows values that the tree marks as sensitive as Redacted,
	// also where other texts repeat them as words of their own.
	RedactSensitive   bool
	IncludeScratchpad bool
}

// Export is a troubleshooting session as a file. The same session with the same
// options gives the same bytes.
type Export struct {
	Filename  string // lower case letters, digits, "-" and "."
	MediaType string
	Content   string // the file's bytes: UTF-8 whose lines end with a line feed, but where it is Binary
	Binary    bool   // it is no text: a PDF
	SHA256    string // of Content, in hexadecimal
}

// NewExport writes a session out. The session needs its log, its version and
// its current node, and its scratchpad where that is included. Nothing that people
// wrote can pass for the record's own words: in text it is set in, in Markdown it
// is escaped or in a block of code, in HTML and JSON it is escaped, and a PDF has no
// markup. A session that is too long for a PDF is BadUserInput.
func NewExport(s *Session, format ExportFormat, options ExportOptions) (*Export, error) {
	if !options.IncludeNotes || !options.IncludeInternal {
		s = s.withoutInternal()
	}
	e := &Export{Filename: exportName(s, newCensor(s, options.RedactSensitive))}
	switch r := newRecord(s, options); format {
	case MarkdownExport:
		e.Filename += ".md"
		e.MediaType = "text/markdown; charset=utf-8"
		e.Content = r.markdown()
	case HTMLExport:
		e.Filename += ".html"
		e.MediaType = "text/html; charset=utf-8"
		e.Content = r.html()
	case JSONExport:
		e.Filename += ".json"
		e.MediaType = "application/json"
		e.Content = sessionJSON(s, options)
	case PDFExport:
		e.Filename += ".pdf"
		e.MediaType = "application/pdf"
		e.Binary = true
		content, err := r.pdf(s)
		if err != nil {
			return nil, err
		}
		e.Content = string(content)
	default:
		e.Filename += ".txt"
		e.MediaType = "text/plain; charset=utf-8"
		e.Content = r.text()
	}
	sum := sha256.Sum256([]byte(e.Content))
	e.SHA256 = hex.EncodeToString(sum[:])
	return e, nil
}

// withoutInternal returns the session as it would be if nothing had been written
// down for colleagues alone, so that no format can show it. What happened stays,
// such as a handover or an escalation, without what was said.
func (s *Session) withoutInternal() *Session {
	public := *s
	public.Log = slices.Clone(s.Log)
	for i := range public.Log {
		if e := &public.Log[i]; e.internal() {
			e.Note = ""
			switch e.Kind {
			case Noted:
				e.Output = ""
			case Called:
				e.Reason = ""
			}
		}
	}
	public.Steps = slices.Clone(s.Steps)
	for i := range public.Steps {
		step := &public.Steps[i]
		step.Notes = slices.DeleteFunc(slices.Clone(step.Notes), func(n StepNote) bool { return n.Internal })
	}
	return &public
}

// exportName returns the export's name without its ending: the ticket or the
// word "session", the day, and the end of the id, which tells two of a day apart.
func exportName(s *Session, redact censor) string {
	name := slug(redact.text(s.Ticket), 40)
	if name == "" {
		name = "session"
	}
	text := s.ID.String()
	return name + "-" + s.StartedAt.UTC().Format(time.DateOnly) + "-" + text[len(text)-6:]
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
// spaces for tabs, and no characters that turn the direction of writing, control
// a terminal, or cannot be seen at all.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			return '\n'
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\u2007', r == '\u202f':
			return ' '
		case r == '\u200c', r == '\u200d': // joiners change how letters and emoji look
			return r
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ReplaceAll(lineFeeds.Replace(strings.ToValidUTF8(text, "\ufffd")), "\t", "    "))
}

// visibleLine is visible for what has to stay on one line.
func visibleLine(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(visible(text), "\n", " "))
}
