package tree

import (
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// ReopenWithin is how long after its end a session can be reopened.
const ReopenWithin = 24 * time.Hour

// HandOver gives the session to a colleague, who goes on from where it stands.
// Whoever has it may, and admins and owners, for people fall ill; others get
// Forbidden. A colleague who is disabled, who may not walk, or who has it already
// is BadUserInput. The note, which may be empty, is for them. An open escalation
// ends: they are the help, and may ask the team themselves. For the rest see Choose.
func (s *Session) HandOver(actor account.Actor, expectedStep int, to account.User, note string, now time.Time) (Entry, error) {
	note, err := cleanText("input.note", note, MaxNote)
	if err != nil {
		return Entry{}, err
	}
	if !s.mayDirect(actor) {
		return Entry{}, fault.New(fault.Forbidden, "Somebody else has this session. Only they, admins and owners can hand it over.")
	}
	if err := s.expect(expectedStep, false); err != nil {
		return Entry{}, err
	}
	switch {
	case to.AccountID != s.AccountID:
		return Entry{}, fault.Missing("user")
	case to.ID == s.Holder.ID:
		return Entry{}, fault.Input("input.toUserId", "%s has this session already. Choose somebody else.", to.Name)
	case !to.DisabledAt.IsZero():
		return Entry{}, fault.Input("input.toUserId", "%s is disabled. Choose somebody else.", to.Name)
	case !to.Role.AtLeast(account.Engineer):
		return Entry{}, fault.Input("input.toUserId", "%s is a viewer and cannot walk. Choose somebody else.", to.Name)
	}
	e := s.entry(HandedOver, actor, now)
	e.Person, e.Note = to, note
	return e, s.append(e)
}

// Reopen lets a session that ended go on from where it stood. Whoever has it may,
// and admins and owners, until ReopenWithin after its end; later it is a Conflict,
// as is one that did not end. For the rest see Choose.
func (s *Session) Reopen(actor account.Actor, expectedStep int, now time.Time) (Entry, error) {
	switch {
	case !s.mayDirect(actor):
		return Entry{}, fault.New(fault.Forbidden, "Somebody else has this session. Only they, admins and owners can reopen it.")
	case s.Status == InProgress:
		return Entry{}, s.conflict("This session has not ended. There is nothing to reopen.")
	case expectedStep != s.LastSeq:
		return Entry{}, s.conflict("The session has moved on since you saw it. Look at where it stands now, then try again.")
	case now.Sub(s.EndedAt) > ReopenWithin:
		return Entry{}, s.conflict("This session ended more than %d hours ago. Start a new one.", int(ReopenWithin.Hours()))
	case s.LastSeq >= MaxEntries:
		return Entry{}, s.conflict("This session has %d entries, the most that one can have. Start a new one.", MaxEntries)
	}
	e := s.entry(Reopened, actor, now)
	return e, s.append(e)
}

// SessionChange is what to change of what a session is for. A nil field stays as
// it is; an empty one is removed.
type SessionChange struct {
	Ticket  *string
	Client  *string // a name, alias or ticket key that is known means that client
	Subject *string

	ClientID     ClientID // of the client that it is for; zero where Client says that, or it stays
	CreateClient bool     // make the client where none goes by the name

	known *Client // the record that is meant; the service finds it
}

// Update changes what the session is for, also after its end: a ticket's number
// is often known last. Whoever has it may, admins and owners; others get
// Forbidden. It is not part of the record. A session outside any tree keeps a
// subject: to remove it is BadUserInput, as are texts that break their bounds.
func (s *Session) Update(actor account.Actor, c SessionChange) error {
	if !s.mayDirect(actor) {
		return fault.New(fault.Forbidden, "Somebody else has this session. Only they, admins and owners can change it.")
	}
	for _, f := range []struct {
		name  string
		to    *string
		field *string
		limit int
	}{
		{"input.ticket", c.Ticket, &s.Ticket, MaxTicket},
		{"input.clientName", c.Client, &s.Client, MaxClient},
		{"input.subject", c.Subject, &s.Subject, MaxSubject},
	} {
		if f.to == nil {
			continue
		}
		text, err := cleanLine(f.name, *f.to, f.limit)
		if err != nil {
			return err
		}
		*f.field = text
		if f.field == &s.Client {
			s.ClientID, s.Facts, s.Record = ClientID{}, nil, nil
		}
	}
	if c.known != nil {
		s.setClient(c.known)
	}
	if s.TreeID.IsZero() && s.Subject == "" {
		return noSubject()
	}
	s.nameCurrent()
	return nil
}

func noSubject() error {
	return fault.Input("input.subject", "Without a tree, say in a few words what it is about.")
}
