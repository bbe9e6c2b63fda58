package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// MaxEscalations bounds how many open escalations of an account are shown: the
// most urgent, and of those the ones that wait longest.
const MaxEscalations = 100

// EscalationQueue is what an account's people ask help for.
type EscalationQueue struct {
	// Sessions have an open escalation, the most urgent first, then the one that
	// waits longest.
	Sessions []*Session
	More     bool // there are more than MaxEscalations
}

// Escalations reads the open escalations of the account. Engineers and above may.
func (s *Service) Escalations(ctx context.Context, actor account.Actor, fields SessionFields) (EscalationQueue, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return EscalationQueue{}, err
	}
	return s.Store.Escalations(ctx, actor.AccountID, fields, MaxEscalations)
}

// Escalate asks the team for help. For who may and the errors see Advance and
// (*Session).Escalate.
func (s *Service) Escalate(ctx context.Context, actor account.Actor, id SessionID, guard Guard, urgency Urgency, reason string) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("escalate", actor.UserID, guard, urgency, reason), func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error) {
		e, err := session.Escalate(actor, guard.ExpectedStep, urgency, reason, now)
		if err != nil {
			return Entry{}, err
		}
		audit := auditSession(actor, account.TreeSessionEscalated, session, now)
		audit.Details["urgency"] = string(urgency)
		return e, tx.AddAudit(ctx, audit)
	})
}

// Claim gives the session to the actor, who is an engineer at least. The
// escalation is named by its seq: of several who claim it one wins, and the others
// get a Conflict that says who has the session now. The key makes a repeat return
// what the first request did; see Guard.
func (s *Service) Claim(ctx context.Context, actor account.Actor, id SessionID, escalation int, key string) (Recorded, error) {
	return s.helping(ctx, actor, id, escalation, key, hashOf("claim", actor.UserID, escalation), account.TreeSessionClaimed, func(session *Session, me account.User, now time.Time) (Entry, error) {
		return session.Claim(me, escalation, now)
	})
}

// AnswerEscalation writes a hint down without taking the session. For who may and
// the errors see Claim.
func (s *Service) AnswerEscalation(ctx context.Context, actor account.Actor, id SessionID, escalation int, key, hint string, keepOpen bool) (Recorded, error) {
	return s.helping(ctx, actor, id, escalation, key, hashOf("answer", actor.UserID, escalation, hint, keepOpen), account.EscalationAnswered, func(session *Session, me account.User, now time.Time) (Entry, error) {
		return session.Answer(me, escalation, hint, keepOpen, now)
	})
}

// helping records what a colleague does about an escalation.
func (s *Service) helping(ctx context.Context, actor account.Actor, id SessionID, escalation int, key string, hash [32]byte, action account.AuditAction, step func(session *Session, me account.User, now time.Time) (Entry, error)) (Recorded, error) {
	return s.recordFor(ctx, actor, couldHelp(escalation), id, Guard{IdempotencyKey: key}, hash, func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error) {
		me, err := tx.Colleague(ctx, actor.AccountID, actor.UserID)
		if err != nil {
			return Entry{}, err
		}
		audit := auditSession(actor, action, session, now)
		e, err := step(session, me, now)
		if err != nil {
			return Entry{}, err
		}
		return e, tx.AddAudit(ctx, audit)
	})
}

// couldHelp lets in who may read the session, and the engineers who could while
// that escalation was open: who claims it a moment too late is told who has it.
func couldHelp(escalation int) func(account.Actor, *Session) error {
	return func(actor account.Actor, s *Session) error {
		if s.asked(escalation) && actor.AccountID == s.AccountID && actor.Role.AtLeast(account.Engineer) {
			return nil
		}
		return mayRead(actor, s)
	}
}

// TakeBackEscalation ends an escalation that needs no help any more. For who may
// and the errors see (*Session).TakeBack.
func (s *Service) TakeBackEscalation(ctx context.Context, actor account.Actor, id SessionID, escalation int, key string) (Recorded, error) {
	return s.record(ctx, actor, id, Guard{IdempotencyKey: key}, hashOf("take back", actor.UserID, escalation), func(ctx context.Context, tx Tx, session *Session, now time.Time) (Entry, error) {
		audit := auditSession(actor, account.EscalationTakenBack, session, now)
		e, err := session.TakeBack(actor, escalation, now)
		if err != nil {
			return Entry{}, err
		}
		return e, tx.AddAudit(ctx, audit)
	})
}

// auditSession returns an entry of the audit log about a session, with whoever has
// it before the change as the subject.
func auditSession(actor account.Actor, action account.AuditAction, session *Session, now time.Time) account.AuditEntry {
	return account.AuditEntry{
		AccountID: actor.AccountID, ID: account.NewAuditID(), At: now, Action: action, ActorID: actor.UserID, SubjectID: session.Holder.ID,
		Details: map[string]any{"session": session.ID.String(), "ticket": session.Ticket},
	}
}

// SuggestStep puts a suggestion beside the walk, which whoever has it accepts or
// dismisses. Engineers and above who may read the session may. It needs no guard:
// it moves nothing, and a repeat changes nothing. For the errors see
// (*Session).Suggest.
func (s *Service) SuggestStep(ctx context.Context, actor account.Actor, id SessionID, text string, option OptionID, fields SessionFields) (*Session, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	err := s.inSession(ctx, actor.AccountID, id, "", func(ctx context.Context, tx Tx, session *Session, _ *Request) error {
		if err := mayRead(actor, session); err != nil {
			return err
		}
		me, err := tx.Colleague(ctx, actor.AccountID, actor.UserID)
		if err != nil {
			return err
		}
		if err := session.Suggest(me, text, option, s.Now()); err != nil {
			return err
		}
		return tx.SaveSession(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	return s.Store.Session(ctx, actor.AccountID, id, fields)
}

// RespondToSuggestion accepts or dismisses a suggestion, which is recorded either
// way. For who may and the errors see Advance and (*Session).Respond.
func (s *Service) RespondToSuggestion(ctx context.Context, actor account.Actor, id SessionID, guard Guard, number int, accept bool) (Recorded, error) {
	return s.record(ctx, actor, id, guard, hashOf("respond", actor.UserID, guard, number, accept), func(_ context.Context, _ Tx, session *Session, now time.Time) (Entry, error) {
		return session.Respond(actor, guard.ExpectedStep, number, accept, now)
	})
}

// EscalationFigures is what became of the escalations that were made in a span of
// time. What each figure counts is in docs/analytics.md.
type EscalationFigures struct {
	From, To  time.Time
	All       EscalationCounts
	ByUrgency []EscalationCounts // the most urgent first, each urgency once
}

// EscalationCounts counts escalations.
type EscalationCounts struct {
	Urgency   Urgency // empty for all together
	Asked     int
	Open      int // of those asked, as are the next four
	Claimed   int
	Answered  int // a hint ended them
	TakenBack int
	Otherwise int // ended as the session was handed over, completed or given up

	// Acted is how many had a first action: a claim or a hint, also one that did
	// not end it. The times are from the escalation to that; 0 without any.
	Acted        int
	MedianTime   time.Duration
	Percentile90 time.Duration
}

// EscalationFigures works out what became of the account's escalations from one
// moment on and before another; zero is AnalyticsSpan before now, and now. Admins
// and owners may ask. A span that ends before it begins is BadUserInput.
func (s *Service) EscalationFigures(ctx context.Context, actor account.Actor, from, to time.Time) (*EscalationFigures, error) {
	if err := actor.Require(account.Admin); err != nil {
		return nil, err
	}
	from, to, err := s.figuresSpan(from, to)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.EscalationCounts(ctx, actor.AccountID, from, to)
	if err != nil {
		return nil, err
	}
	f := &EscalationFigures{From: from, To: to, All: counts[""]}
	for _, u := range Urgencies() {
		c := counts[u]
		c.Urgency = u
		f.ByUrgency = append(f.ByUrgency, c)
	}
	return f, nil
}

// EscalationEnd says how an escalation ended.
type EscalationEnd struct {
	Session    SessionID
	Escalation int          // its seq
	Kind       EntryKind    // CLAIM, HINT, TAKE_BACK, HANDOVER, COMPLETE or ABANDON; empty where it has not ended
	By         account.User // who ended it; of a claim, who has the session
}
