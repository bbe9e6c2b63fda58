package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of what was seen before.
const (
	SeenDays = 90 // how far back it goes, as with UsedDays
	MaxSeen  = 10 // sessions of each list
)

// SeenBefore asks what was walked lately that a new session may be like.
type SeenBefore struct {
	ClientID ClientID // zero where Client says whose
	Client   string   // a name, alias or ticket key, known or not; may be empty
	Subject  string   // may be empty
	Tree     ID       // sessions that began with it come before others that are alike as much; may be zero
}

// SeenQuery is a SeenBefore that was checked: what the store reads.
type SeenQuery struct {
	ClientID ClientID
	Keys     []string // the forms of the name as typed
	Terms    SearchTerms
	Tree     ID
	Now      time.Time
	Since    time.Time // sessions that began before are left out
	Limit    int       // of each list
}

// SeenSession is what somebody may know of a session that a new one may be like,
// also where the record itself is not for them: what it was about, who had it, when,
// how it ended, and by what.
type SeenSession struct {
	// Session has its tree, subject, client, times, result, holder and values.
	Session    *Session
	SameClient bool
	Alike      bool // it has at least half of the subject's words
	// Solution is the title of the solution that was reached, or why the session
	// ended before one; empty while it goes on.
	Solution string
	Text     string // of the solution, in Markdown; empty where none was reached
	Readable bool   // the actor may read the record
}

// Seen is what was walked lately.
type Seen struct {
	SameClient []SeenSession // those for the client: first what is alike, then the latest
	Alike      []SeenSession // those for others that are alike, the most alike first
}

// SeenBefore reads which sessions of the last SeenDays days were for the client or
// about the same, running and completed ones. Engineers and above may: it tells of
// colleagues' sessions too, but values that a tree marks as sensitive are kept out
// of those that the actor may not read. An unknown client has none.
func (s *Service) SeenBefore(ctx context.Context, actor account.Actor, about SeenBefore) (Seen, error) {
	var seen Seen
	if err := actor.Require(account.Engineer); err != nil {
		return seen, err
	}
	client, err := cleanLine("input.clientName", about.Client, MaxClient)
	if err != nil {
		return seen, err
	}
	subject, err := cleanLine("input.subject", about.Subject, MaxSubject)
	if err != nil {
		return seen, err
	}
	if client != "" && !about.ClientID.IsZero() {
		return seen, fault.Input("input.clientName", "Give the client's id or its name, not both.")
	}
	q := SeenQuery{
		ClientID: about.ClientID, Keys: NameKeys(client), Terms: ParseSearch(subject), Tree: about.Tree,
		Now: s.Now(), Limit: MaxSeen,
	}
	q.Since = q.Now.AddDate(0, 0, -SeenDays)
	if q.ClientID.IsZero() && len(q.Keys) == 0 && len(q.Terms) == 0 {
		return seen, nil
	}
	found, err := s.Store.SeenBefore(ctx, actor.AccountID, q)
	if err != nil {
		return seen, err
	}
	for _, f := range found {
		f.Readable = mayRead(actor, f.Session) == nil
		if !f.Readable {
			f.redact()
		}
		if f.SameClient {
			seen.SameClient = append(seen.SameClient, f)
		} else {
			seen.Alike = append(seen.Alike, f)
		}
	}
	return seen, nil
}

// redact keeps sensitive values out of what is told of somebody else's session.
func (f *SeenSession) redact() {
	var c censor
	c.add(f.Session.Values)
	f.Solution, f.Text = c.text(f.Solution), c.text(f.Text)
	f.Session.Subject, f.Session.Values = c.text(f.Session.Subject), nil
}

// SubjectWords returns the words by which a session's subject is found to be like
// another one, each once.
func SubjectWords(subject string) []SearchWord {
	return SearchWords(subject, "", nil, &Graph{})
}
