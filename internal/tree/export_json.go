package tree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// SessionFormat names the JSON in which sessions are written out. A change that
// old readers would misread gets a new number. Its schema is
// docs/branchline-session.schema.json.
const SessionFormat = "branchline-session/1"

// The JSON of a session. What is empty is left out, but for what readers count
// on: those fields are null.
type (
	sessionFile struct {
		Format          string        `json:"format"`
		ID              SessionID     `json:"id"`
		Ticket          string        `json:"ticket,omitempty"`
		Client          string        `json:"client,omitempty"`
		Subject         string        `json:"subject,omitempty"`
		Given           []valueFile   `json:"given,omitempty"`
		Trees           []treeRef     `json:"trees"`
		Status          SessionStatus `json:"status"`
		Outcome         *Outcome      `json:"outcome"`
		Reason          string        `json:"reason,omitempty"`
		StartedBy       string        `json:"startedBy"`
		HeldBy          string        `json:"heldBy"`
		StartedAt       string        `json:"startedAt"`
		EndedAt         *string       `json:"endedAt"`
		UpdatedAt       string        `json:"updatedAt"`
		DurationSeconds int           `json:"durationSeconds"`
		ActiveSeconds   int           `json:"activeSeconds"`
		Steps           []stepFile    `json:"steps"`
		Events          []eventFile   `json:"events,omitempty"`
		Current         *currentFile  `json:"current,omitempty"`
		FollowUps       []string      `json:"followUps,omitempty"`
		Scratchpad      string        `json:"scratchpad,omitempty"`
	}
	treeRef struct {
		ID      ID     `json:"id"`
		Version int    `json:"version"`
		Title   string `json:"title"`
	}
	stepFile struct {
		Step      int         `json:"step"`
		How       EntryKind   `json:"how"`
		Undone    bool        `json:"undone,omitempty"`
		Own       bool        `json:"own,omitempty"`
		Tree      *treeRef    `json:"tree,omitempty"`
		NodeID    NodeID      `json:"nodeId,omitempty"`
		NodeKind  Kind        `json:"nodeKind,omitempty"`
		Title     string      `json:"title"`
		Text      string      `json:"text,omitempty"`
		Answer    string      `json:"answer,omitempty"`
		Values    []valueFile `json:"values,omitempty"`
		Links     []linkJSON  `json:"links,omitempty"`
		Facts     []factFile  `json:"clientFacts,omitempty"`
		Output    string      `json:"output,omitempty"`
		Notes     []noteFile  `json:"notes,omitempty"`
		EnteredAt string      `json:"enteredAt,omitempty"`
		LeftAt    string      `json:"leftAt,omitempty"`
		By        string      `json:"by"`
	}
	valueFile struct {
		Name      string    `json:"name"`
		Label     string    `json:"label"`
		Type      FieldType `json:"type"`
		Text      string    `json:"text"`
		Sensitive bool      `json:"sensitive,omitempty"`
		Redacted  bool      `json:"redacted,omitempty"`
	}
	factFile struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	noteFile struct {
		Text     string `json:"text,omitempty"`
		Output   string `json:"output,omitempty"`
		Internal bool   `json:"internal,omitempty"`
		At       string `json:"at"`
		By       string `json:"by"`
	}
	eventFile struct {
		Step     int       `json:"step"`
		Kind     EntryKind `json:"kind"`
		At       string    `json:"at"`
		By       string    `json:"by"`
		Person   string    `json:"person,omitempty"`
		Note     string    `json:"note,omitempty"`
		Internal bool      `json:"internal,omitempty"` // the note is
		Outcome  Outcome   `json:"outcome,omitempty"`

		Urgency    Urgency `json:"urgency,omitempty"`
		Escalation int     `json:"escalation,omitempty"`
		KeepsOpen  bool    `json:"keepsOpen,omitempty"`
		Option     string  `json:"option,omitempty"`
		Accepted   *bool   `json:"accepted,omitempty"`
	}
	currentFile struct {
		NodeID NodeID     `json:"nodeId,omitempty"`
		Title  string     `json:"title"`
		Links  []linkJSON `json:"links,omitempty"`
		Notes  []noteFile `json:"notes,omitempty"`
	}
)

// sessionJSON writes a session in the format SessionFormat.
func sessionJSON(s *Session, options ExportOptions) string {
	redact := newCensor(s, options.RedactSensitive)
	file := sessionFile{
		Format: SessionFormat, ID: s.ID, Ticket: redact.text(s.Ticket), Client: redact.text(s.Client), Subject: redact.text(s.Subject),
		Given: valuesJSON(s.Given, redact), Trees: []treeRef{}, Status: s.Status, Reason: redact.text(s.Reason), StartedBy: s.Starter.Name, HeldBy: s.Holder.Name,
		StartedAt: stamp(s.StartedAt), UpdatedAt: stamp(s.UpdatedAt),
		DurationSeconds: int(s.UpdatedAt.Sub(s.StartedAt).Seconds()), ActiveSeconds: int(s.Active.Seconds()),
		Steps: []stepFile{}, Scratchpad: scratchpad(s, options, redact),
	}
	if s.Outcome != "" {
		file.Outcome = &s.Outcome
	}
	if !s.EndedAt.IsZero() {
		at := stamp(s.EndedAt)
		file.EndedAt = &at
	}
	for _, p := range walked(s) {
		file.Trees = append(file.Trees, treeRef{p.TreeID, p.Version, p.Title})
	}
	notes := func(from []StepNote) (to []noteFile) {
		if !options.IncludeNotes {
			return nil
		}
		for _, n := range withoutEvents(from, s.Log) {
			to = append(to, noteFile{redact.text(n.Text), redact.text(n.Output), n.Internal, stamp(n.At), n.By.Name})
		}
		return to
	}
	taken := s.Taken(options.IncludeUndone)
	for i := range taken {
		file.Steps = append(file.Steps, stepJSON(&taken[i], options, redact, notes))
	}
	if n := len(taken); n > 0 && taken[n-1].End == Finished && taken[n-1].NodeKind == Solution {
		if node := s.Shown(); node != nil {
			for _, f := range node.FollowUps {
				file.FollowUps = append(file.FollowUps, redact.text(f))
			}
		}
	}
	for _, e := range s.Happened() {
		event := eventFile{Step: e.Seq, Kind: e.Kind, At: stamp(e.At), By: e.By.Name, Person: e.Person.Name, Outcome: e.Outcome, Urgency: e.Urgency, KeepsOpen: e.KeepsOpen}
		switch e.Kind {
		case CalledOff, Claimed, Hinted:
			event.Escalation = e.Target
		case Suggested:
			event.Option, event.Accepted = redact.text(e.OptionLabel), &e.Accepted
		}
		event.Note = redact.text(e.Reason + e.Note) // no kind has both
		event.Internal = e.internal() && event.Note != ""
		file.Events = append(file.Events, event)
	}
	if s.Status == InProgress {
		file.Current = &currentFile{NodeID: s.CurrentNodeID, Title: redact.text(s.CurrentTitle), Notes: notes(s.CurrentNotes())}
		if node := s.Shown(); node != nil {
			file.Current.Links = linksJSON(node.Links)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // it escapes <, > and &, so that the text can stand in a page
	enc.SetIndent("", "  ")
	if err := enc.Encode(file); err != nil {
		panic(fmt.Errorf("tree: strings and lists cannot be written as JSON: %w", err))
	}
	return escapeUnseen(b.String())
}

func stepJSON(step *Step, options ExportOptions, redact censor, notes func([]StepNote) []noteFile) stepFile {
	out := stepFile{
		Step: step.Seq, How: step.End, Undone: step.Undone, Own: step.Own, NodeID: step.NodeID, NodeKind: step.NodeKind,
		Title: redact.text(step.NodeTitle), Text: redact.text(step.NodeText), Answer: redact.text(step.OptionLabel),
		Links: linksJSON(step.Links), Notes: notes(step.Notes), By: step.By.Name,
	}
	if n := len(step.Places); n > 0 {
		if p := step.Places[n-1]; !p.TreeID.IsZero() {
			out.Tree = &treeRef{p.TreeID, p.Version, p.Title}
		}
	}
	out.Values = valuesJSON(step.Values, redact)
	for _, f := range step.Facts {
		out.Facts = append(out.Facts, factFile{f.Name, redact.text(f.Text)})
	}
	if options.IncludeNotes {
		out.Output = redact.text(step.Output)
	}
	if options.IncludeTimings {
		out.EnteredAt, out.LeftAt = stamp(step.EnteredAt), stamp(step.LeftAt)
	}
	return out
}

func linksJSON(links []Link) []linkJSON {
	var out []linkJSON
	for _, l := range links {
		out = append(out, linkJSON(l))
	}
	return out
}

func valuesJSON(values []Value, redact censor) (out []valueFile) {
	for i := range values {
		v := &values[i]
		out = append(out, valueFile{v.Name, v.Label, v.Type, redact.value(v), v.Sensitive, redact.on && v.Sensitive})
	}
	return out
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// escapeUnseen writes what nobody sees in JSON, such as a turn of the direction of
// writing, as \u escapes. It stands in strings only, which mean the same then.
func escapeUnseen(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
