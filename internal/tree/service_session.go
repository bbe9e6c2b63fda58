package tree

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// NewSession is a troubleshooting session to be started.
type NewSession struct {
	Tree    ID
	Ticket  string // may be empty, as may the next two
	Client  string
	Subject string
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

// Session reads one troubleshooting session: one that the actor began or has,
// or, for admins and owners, anybody's. Others get NotFound.
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

// mayRead returns NotFound unless the actor may read the session.
func mayRead(actor account.Actor, s *Session) error {
	if s.Holder.ID == actor.UserID || s.Starter.ID == actor.UserID || actor.Role.AtLeast(account.Admin) {
		return nil
	}
	return fault.Missing("troubleshooting session")
}

// Sessions reads a page of troubleshooting sessions, the latest start first. A
// cursor of another list and a page that is too long are BadUserInput; the scope
// Team is Forbidden below admins.
func (s *Service) Sessions(ctx context.Context, actor account.Actor, q SessionQuery) (Connection[*Session], error) {
	none := Connection[*Session]{Total: -1}
	if err := actor.Require(account.Viewer); err != nil {
		return none, err
	}
	switch q.Filter.Scope {
	case "":
		q.Filter.Scope = Mine
	case Mine:
	case Team:
		if err := actor.Require(account.Admin); err != nil {
			return none, err
		}
	default:
		return none, fault.Input("filter.scope", "There is no scope %q. Use MINE or TEAM.", q.Filter.Scope)
	}
	span, err := q.Page.span(SessionOrder, true)
	if err != nil {
		return none, err
	}
	return s.Store.Sessions(ctx, actor.AccountID, actor.UserID, q, span)
}

// Start begins a session at the root of a published tree's latest version.
// Engineers and above may. A tree that is not published is a Conflict.
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
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
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
		status, version, err := tx.LatestVersion(ctx, actor.AccountID, in.Tree)
		switch {
		case err != nil:
			return err
		case status == Archived:
			return fault.New(fault.Conflict, "This tree is archived. Publish it again to use it.")
		case status != Published || version == nil:
			return fault.New(fault.Conflict, "This tree is not published yet. Publish it first.")
		case version.Graph.Node(version.Graph.Root) == nil:
			return fmt.Errorf("start a tree session: version %d of %s has no root", version.Number, in.Tree)
		}
		session := NewWalk(request.SessionID, version, account.User{AccountID: actor.AccountID, ID: actor.UserID}, s.Now())
		session.Ticket, session.Client, session.Subject = in.Ticket, in.Client, in.Subject
		return tx.InsertSession(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Session(ctx, actor.AccountID, request.SessionID, fields)
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
	return cleanKey(in.IdempotencyKey)
}

// Advance takes an option of the node where the session stands, or the one way
// on, and moves there. Only whoever has the session may: admins and owners who
// have not get Forbidden, others NotFound. A stale expected step and a session
// that ended are Conflicts that carry currentStep, currentNodeId and status; an
// option of another node is BadUserInput.
func (s *Service) Advance(ctx context.Context, actor account.Actor, id SessionID, guard Guard, c Choice) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("advance", guard, c), func(session *Session, now time.Time) (Entry, error) {
		return session.Choose(actor, guard.ExpectedStep, c, now)
	})
}

// GoBack undoes the answer with the seq toStep and all that followed; 0 is the
// latest answer. For who may and the errors see Advance.
func (s *Service) GoBack(ctx context.Context, actor account.Actor, id SessionID, guard Guard, toStep int) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("back", guard, toStep), func(session *Session, now time.Time) (Entry, error) {
		return session.GoBack(actor, guard.ExpectedStep, toStep, now)
	})
}

// AddNote writes something down about the node where the session stands (onStep
// 0) or an answer. For who may and the errors see Advance.
func (s *Service) AddNote(ctx context.Context, actor account.Actor, id SessionID, guard Guard, onStep int, text string) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("note", guard, onStep, text), func(session *Session, now time.Time) (Entry, error) {
		return session.AddNote(actor, guard.ExpectedStep, onStep, text, now)
	})
}

// Complete ends the session with an outcome. For who may and the errors see
// Advance.
func (s *Service) Complete(ctx context.Context, actor account.Actor, id SessionID, guard Guard, c Completion) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("complete", guard, c), func(session *Session, now time.Time) (Entry, error) {
		return session.Complete(actor, guard.ExpectedStep, c, now)
	})
}

// Abandon ends the session without an outcome. For who may and the errors see
// Advance.
func (s *Service) Abandon(ctx context.Context, actor account.Actor, id SessionID, guard Guard, reason string) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("abandon", guard, reason), func(session *Session, now time.Time) (Entry, error) {
		return session.Abandon(actor, guard.ExpectedStep, reason, now)
	})
}

// Export writes a session out. Who may read it may export it.
func (s *Service) Export(ctx context.Context, actor account.Actor, id SessionID, format ExportFormat, options ExportOptions) (*Export, error) {
	if !slices.Contains(ExportFormats(), format) {
		return nil, fault.Input("input.format", "There is no export format %q.", format)
	}
	session, err := s.Session(ctx, actor, id, AllSessionFields&^SessionGraph)
	if err != nil {
		return nil, err
	}
	return NewExport(session, format, options), nil
}

// record locks a session, lets step append an entry to it, and saves that. The
// clock is read once the lock is held.
func (s *Service) record(ctx context.Context, actor account.Actor, id SessionID, guard Guard, hash [32]byte, step func(*Session, time.Time) (Entry, error)) (Recorded, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Recorded{}, err
	}
	if err := cleanKey(guard.IdempotencyKey); err != nil {
		return Recorded{}, err
	}
	var done Recorded
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		session, err := tx.LockSession(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if err := mayRead(actor, session); err != nil {
			return err
		}
		done = Recorded{Session: session}
		if guard.IdempotencyKey != "" {
			earlier, err := tx.Request(ctx, actor.AccountID, id, guard.IdempotencyKey)
			if err != nil {
				return err
			}
			if earlier != nil {
				if earlier.Seq < 1 || earlier.Seq > len(session.Log) {
					return fmt.Errorf("repeat a request: tree session %s has no entry %d", id, earlier.Seq)
				}
				done.Entry, done.Repeated = session.Log[earlier.Seq-1], true
				return sameRequest(earlier.Hash, hash)
			}
		}
		done.Entry, err = step(session, s.Now())
		if err != nil {
			return err
		}
		return tx.Append(ctx, session, done.Entry, Request{Key: guard.IdempotencyKey, Hash: hash, Seq: done.Entry.Seq})
	})
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
