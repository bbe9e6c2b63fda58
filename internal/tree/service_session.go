package tree

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// NewSession is a troubleshooting session to be started.
type NewSession struct {
	Tree    ID     // zero for a session outside any tree
	Ticket  string // may be empty, as may the next
	Client  string // a name, alias or ticket key that is known means that client
	Subject string // needed without a tree
	// ClientID is that of the client that it is for; zero where Client says that, or
	// it is for nobody.
	ClientID     ClientID
	CreateClient bool         // make the client where none goes by the name
	Values       []GivenValue // that are known from the start
	// IdempotencyKey makes a repeat by the same user return the session that
	// the first request made. At most MaxKey characters; empty for none. Used
	// again for something else it is a Conflict.
	IdempotencyKey string
}

// Guard keeps a change of a troubleshooting session from being recorded twice,
// or on top of something that the client has not seen.
type Guard struct {
	ExpectedStep int // the LastSeq that the client saw
	// IdempotencyKey makes a repeat return what the first request did, whatever
	// happened since. At most MaxKey characters; empty for none. Used again for
	// something else it is a Conflict.
	IdempotencyKey string
}

// Recorded is a change of a troubleshooting session: the entry that it made and
// the session as it stands now, log, graph and people included. After a repeat
// the entry is the first request's.
type Recorded struct {
	Session  *Session
	Entry    Entry
	Repeated bool
}

// Session reads one troubleshooting session that the actor may read; see mayRead.
// Others get NotFound.
func (s *Service) Session(ctx context.Context, actor account.Actor, id SessionID, fields SessionFields) (*Session, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	session, err := s.Store.Session(ctx, actor.AccountID, id, fields)
	if err != nil {
		return nil, err
	}
	return session, mayRead(actor, session)
}

// mayRead returns NotFound unless the actor may read the session. These may: who
// began it and who has it; every engineer who had a part in it, be it that they had
// it for a while, handed it over, answered or suggested something; every engineer
// while its escalation is open, for any of them may help; and admins and owners.
func mayRead(actor account.Actor, s *Session) error {
	helper := actor.Role.AtLeast(account.Engineer) && (s.Escalation != nil || slices.Contains(s.People, actor.UserID))
	switch {
	case actor.AccountID != s.AccountID:
	case s.Holder.ID == actor.UserID, s.Starter.ID == actor.UserID, helper, actor.Role.AtLeast(account.Admin):
		return nil
	}
	return fault.Missing("troubleshooting session")
}

// Sessions reads a page of troubleshooting sessions, the latest start first. A
// cursor of another list, a page that is too long and a span of time that ends before
// it begins are BadUserInput; the scope Team is Forbidden below admins.
func (s *Service) Sessions(ctx context.Context, actor account.Actor, q SessionQuery) (Connection[*Session], error) {
	none := Connection[*Session]{Total: -1}
	if err := actor.Require(account.Viewer); err != nil {
		return none, err
	}
	switch q.Filter.Scope {
	case "":
		q.Filter.Scope = Mine
	case Mine:
	case Involved:
		if !actor.Role.AtLeast(account.Engineer) { // see mayRead
			q.Filter.Scope = Mine
		}
	case Team:
		if err := actor.Require(account.Admin); err != nil {
			return none, err
		}
	default:
		return none, fault.Input("filter.scope", "There is no scope %q. Use MINE, INVOLVED or TEAM.", q.Filter.Scope)
	}
	if from, to := q.Filter.From, q.Filter.To; !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return none, fault.Input("filter.endsAt", "The end has to be after the beginning.")
	}
	var err error
	if q.Filter.Ticket, err = cleanLine("filter.ticket", q.Filter.Ticket, MaxTicket); err != nil {
		return none, err
	}
	span, err := q.Page.span(SessionOrder, true)
	if err != nil {
		return none, err
	}
	return s.Store.Sessions(ctx, actor.AccountID, actor.UserID, q, span)
}

// Start begins a session at the root of a published tree's latest version, or,
// with a subject alone, outside any tree. Engineers and above may. A tree that is
// not published is a Conflict; for the values see Session.Give.
func (s *Service) Start(ctx context.Context, actor account.Actor, in NewSession, fields SessionFields) (*Session, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	request := StartRequest{
		AccountID: actor.AccountID,
		UserID:    actor.UserID,
		Key:       in.IdempotencyKey,
		Hash:      hashOf("start", in),
		SessionID: id.New[sessionKind](),
	}
	err := s.makingClient(ctx, actor, in.CreateClient, func(ctx context.Context, tx Tx) error {
		request.At = s.Now()
		if request.Key != "" {
			earlier, err := tx.ClaimStart(ctx, request)
			if err != nil {
				return err
			}
			if earlier != nil {
				request.SessionID = earlier.SessionID
				return sameRequest(earlier.Hash, request.Hash)
			}
		}
		client, err := s.sessionClient(ctx, tx, actor, in.ClientID, in.Client, in.CreateClient)
		if err != nil {
			return err
		}
		session, err := s.begin(ctx, tx, actor, request.SessionID, in.Tree)
		if err != nil {
			return err
		}
		session.Ticket, session.Client, session.Subject = in.Ticket, in.Client, in.Subject
		if client != nil {
			session.setClient(client)
		}
		if err := session.Give(in.Values); err != nil {
			return err
		}
		return tx.InsertSession(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Session(ctx, actor.AccountID, request.SessionID, fields)
}

// makingClient is inTx for what may make a client. Where somebody else made it at
// the same moment, fn runs once more, and finds it.
func (s *Service) makingClient(ctx context.Context, actor account.Actor, making bool, fn func(ctx context.Context, tx Tx) error) error {
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, fn)
	if making && errors.Is(err, fault.Conflict) {
		err = s.inTx(ctx, actor.AccountID, event.TreeSessions, fn)
	}
	return err
}

// begin returns a new session, read with all that its first node needs.
func (s *Service) begin(ctx context.Context, tx Tx, actor account.Actor, id SessionID, treeID ID) (*Session, error) {
	var version *Version
	if !treeID.IsZero() {
		var err error
		if version, err = walkable(ctx, tx, actor, treeID); err != nil {
			return nil, err
		}
	}
	var session *Session
	others := Versions{}
	err := reading(ctx, tx, actor, others, func() (err error) {
		session, err = NewWalk(id, version, others, account.User{AccountID: actor.AccountID, ID: actor.UserID}, s.Now())
		return err
	})
	return session, err
}

// walkable reads the latest version of a tree. Where the tree cannot be walked,
// that is a Conflict.
func walkable(ctx context.Context, tx Tx, actor account.Actor, id ID) (*Version, error) {
	status, version, err := tx.LatestVersion(ctx, actor.AccountID, id)
	switch {
	case err != nil:
		return nil, err
	case status == Archived:
		return nil, fault.New(fault.Conflict, "This tree is archived. Publish it again to use it.")
	case status != Published || version == nil:
		return nil, fault.New(fault.Conflict, "This tree is not published yet. Publish it first.")
	case version.Graph.Node(version.Graph.Root) == nil:
		return nil, fmt.Errorf("walk tree %s: version %d has no root", id, version.Number)
	}
	return version, nil
}

// reading runs change, and again with the version that it misses, until it
// misses none. One statement reads a version with all that its subtrees lead to,
// so that a change seldom needs more than one.
func reading(ctx context.Context, tx Tx, actor account.Actor, versions Versions, change func() error) error {
	for {
		err := change()
		missing, ok := errors.AsType[UnreadVersion](err)
		if !ok || versions[VersionRef(missing)] != nil {
			return err
		}
		more, err := tx.WalkedVersions(ctx, actor.AccountID, VersionRef(missing))
		if err != nil {
			return err
		}
		if more[VersionRef(missing)] == nil {
			return fmt.Errorf("walk a tree: %w", missing)
		}
		maps.Copy(versions, more)
	}
}

func (in *NewSession) clean() error {
	ticket, errTicket := cleanLine("input.ticket", in.Ticket, MaxTicket)
	client, errClient := cleanLine("input.clientName", in.Client, MaxClient)
	subject, errSubject := cleanLine("input.subject", in.Subject, MaxSubject)
	in.Ticket, in.Client, in.Subject = ticket, client, subject
	for _, err := range []error{errTicket, errClient, errSubject} {
		if err != nil {
			return err
		}
	}
	if in.Tree.IsZero() && in.Subject == "" {
		return noSubject()
	}
	return cleanKey(in.IdempotencyKey)
}

// Advance answers the node where the session stands and moves on, through
// subtrees too. Only whoever has the session may: others who may read it get
// Forbidden, and who may not NotFound. A stale expected step and a session that ended
// are Conflicts that carry currentStep, currentNodeId and status; what another
// node asks for is BadUserInput, as are values that the fields do not take.
func (s *Service) Advance(ctx context.Context, actor account.Actor, id SessionID, guard Guard, c Choice) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("advance", actor.UserID, guard, c), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Choose(actor, guard.ExpectedStep, c, now)
	})
}

// AddStep records a step that is not in the tree. For who may and the errors see
// Advance.
func (s *Service) AddStep(ctx context.Context, actor account.Actor, id SessionID, guard Guard, n NewStep) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("step", actor.UserID, guard, n), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.AddStep(actor, guard.ExpectedStep, n, now)
	})
}

// GoBack undoes the step with the seq toStep and all that followed; 0 is the
// latest step that stands. For who may and the errors see Advance.
func (s *Service) GoBack(ctx context.Context, actor account.Actor, id SessionID, guard Guard, toStep int) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("back", actor.UserID, guard, toStep), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.GoBack(actor, guard.ExpectedStep, toStep, now)
	})
}

// AddNote writes something down about the node where the session stands or an
// earlier step. For who may and the errors see Advance.
func (s *Service) AddNote(ctx context.Context, actor account.Actor, id SessionID, guard Guard, n Note) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("note", actor.UserID, guard, n), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.AddNote(actor, guard.ExpectedStep, n, now)
	})
}

// SwitchTree goes on at the root of another published tree's latest version, or,
// with the zero id, outside any tree. A tree that is not published is a Conflict.
// For who may and the other errors see Advance.
func (s *Service) SwitchTree(ctx context.Context, actor account.Actor, id SessionID, guard Guard, to ID) (Recorded, error) {
	var version *Version
	return s.record(ctx, actor, id, guard, hashOf("switch", actor.UserID, guard, to), func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error) {
		if err := session.mayRecord(actor, guard.ExpectedStep, false); err != nil {
			return Entry{}, err
		}
		if version == nil && !to.IsZero() {
			var err error
			if version, err = walkable(ctx, tx, actor, to); err != nil {
				return Entry{}, err
			}
		}
		return session.Switch(actor, guard.ExpectedStep, version, now)
	})
}

// ReturnToTree goes back to where the session stood when it switched trees last.
// Where it did not, that is a Conflict. For who may and the other errors see
// Advance.
func (s *Service) ReturnToTree(ctx context.Context, actor account.Actor, id SessionID, guard Guard) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("return", actor.UserID, guard), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Return(actor, guard.ExpectedStep, now)
	})
}

// HandOver gives the session to a colleague who may walk. Whoever has it may,
// and admins and owners. A user of another account is NotFound, one who is
// disabled or a viewer BadUserInput. For the other errors see Advance.
func (s *Service) HandOver(ctx context.Context, actor account.Actor, id SessionID, guard Guard, to account.UserID, note string) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("hand over", actor.UserID, guard, to, note), func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error) {
		colleague, err := tx.Colleague(ctx, actor.AccountID, to)
		if err != nil {
			return Entry{}, err
		}
		return session.HandOver(actor, guard.ExpectedStep, colleague, note, now)
	})
}

// Reopen lets a session that ended within ReopenWithin go on. Whoever has it
// may, and admins and owners. For the errors see Advance.
func (s *Service) Reopen(ctx context.Context, actor account.Actor, id SessionID, guard Guard) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("reopen", actor.UserID, guard), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Reopen(actor, guard.ExpectedStep, now)
	})
}

// UpdateSession changes what a session is for. Whoever has it may, and admins and
// owners; others who may read it get Forbidden, and who may not NotFound. It needs
// no guard: it is no part of the record, and a repeat changes nothing.
func (s *Service) UpdateSession(ctx context.Context, actor account.Actor, id SessionID, c SessionChange, fields SessionFields) (*Session, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	name := ""
	if c.Client != nil {
		var err error
		if name, err = cleanLine("input.clientName", *c.Client, MaxClient); err != nil {
			return nil, err
		}
	}
	err := s.makingClient(ctx, actor, c.CreateClient, func(ctx context.Context, tx Tx) error {
		// The client before the session, as when a client is changed: so that the two
		// do not wait for each other.
		var err error
		if c.known, err = s.sessionClient(ctx, tx, actor, c.ClientID, name, c.CreateClient); err != nil {
			return err
		}
		session, err := tx.LockSession(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if err := mayRead(actor, session); err != nil {
			return err
		}
		if err := session.Update(actor, c); err != nil {
			return err
		}
		return tx.SaveSession(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Session(ctx, actor.AccountID, id, fields)
}

// Complete ends the session with an outcome. For who may and the errors see
// Advance.
func (s *Service) Complete(ctx context.Context, actor account.Actor, id SessionID, guard Guard, c Completion) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("complete", actor.UserID, guard, c), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Complete(actor, guard.ExpectedStep, c, now)
	})
}

// Abandon ends the session without an outcome. For who may and the errors see
// Advance.
func (s *Service) Abandon(ctx context.Context, actor account.Actor, id SessionID, guard Guard, reason string) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("abandon", actor.UserID, guard, reason), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Abandon(actor, guard.ExpectedStep, reason, now)
	})
}

// Export writes a session out. Who may read it may export it.
func (s *Service) Export(ctx context.Context, actor account.Actor, id SessionID, format ExportFormat, options ExportOptions) (*Export, error) {
	if !slices.Contains(ExportFormats(), format) {
		return nil, fault.Input("input.format", "There is no export format %q.", format)
	}
	session, err := s.Session(ctx, actor, id, AllSessionFields&^(SessionGraph|SessionShares))
	if err != nil {
		return nil, err
	}
	return NewExport(session, format, options)
}

// recording appends an entry to a locked session, or returns why not.
type recording func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error)

// record locks a session, lets step append an entry to it, and saves that. The
// clock is read once the lock is held. Who asked is in the hash: a repeat is
// answered to whoever made the first request, though they may have handed the
// session over by it.
func (s *Service) record(ctx context.Context, actor account.Actor, id SessionID, guard Guard, hash [32]byte, step recording) (Recorded, error) {
	return s.recordFor(ctx, actor, mayRead, id, guard, hash, step)
}

// recordFor is record for those whom may lets in.
func (s *Service) recordFor(ctx context.Context, actor account.Actor, may func(account.Actor, *Session) error, id SessionID, guard Guard, hash [32]byte, step recording) (Recorded, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Recorded{}, err
	}
	if err := cleanKey(guard.IdempotencyKey); err != nil {
		return Recorded{}, err
	}
	var done Recorded
	offered := false
	err := s.inSession(ctx, actor.AccountID, id, guard.IdempotencyKey, func(ctx context.Context, tx Tx, session *Session, earlier *Request) (err error) {
		done = Recorded{Session: session}
		if earlier != nil && earlier.Hash == hash {
			if earlier.Seq < 1 || earlier.Seq > len(session.Log) {
				return fmt.Errorf("repeat a request: tree session %s has no entry %d", id, earlier.Seq)
			}
			done.Entry, done.Repeated = session.Log[earlier.Seq-1], true
			return nil
		}
		if err := may(actor, session); err != nil {
			return err
		}
		if earlier != nil {
			return sameRequest(earlier.Hash, hash)
		}
		now := s.Now()
		err = reading(ctx, tx, actor, session.Versions, func() (err error) {
			done.Entry, err = step(ctx, tx, session, now)
			return err
		})
		if err != nil {
			return err
		}
		if err := tx.Append(ctx, session, done.Entry, Request{Key: guard.IdempotencyKey, Hash: hash, Seq: done.Entry.Seq}); err != nil {
			return err
		}
		offered, err = s.offer(ctx, tx, session)
		return err
	})
	if offered && err == nil {
		s.Hints.Send(event.Hint{Account: actor.AccountID.String(), Topic: event.Trees})
	}
	if err == nil && done.Entry.By.Name == "" && !done.Repeated {
		// An admin or owner who is not in the session: who they are stands in what was saved.
		done.Session, err = s.Store.Session(ctx, actor.AccountID, id, AllSessionFields)
		if err == nil && done.Entry.Seq <= len(done.Session.Log) {
			done.Entry = done.Session.Log[done.Entry.Seq-1]
		}
	}
	if err != nil {
		return Recorded{}, err
	}
	return done, nil
}

// sameRequest returns a Conflict where an idempotency key was used for something
// else.
func sameRequest(earlier, now [32]byte) error {
	if earlier == now {
		return nil
	}
	return fault.New(fault.Conflict, "This idempotency key was used for another request. Use a new one for each request.")
}

// hashOf returns the SHA-256 of what was asked, so that a key which is used
// again for something else is noticed.
func hashOf(what string, args ...any) [32]byte {
	text, err := json.Marshal(args)
	if err != nil {
		panic(errors.Join(errors.New("tree: a request cannot be written as JSON"), err)) // the arguments are plain structs
	}
	return sha256.Sum256(append([]byte(what+"\n"), text...))
}
