package graph

import (
	"context"
	"time"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/tree"
)

// Escalations is the resolver of Query.escalations.
func (r *queryResolver) Escalations(ctx context.Context) (*model.EscalationQueue, error) {
	card := selected(ctx, "escalations")
	fields := sessionFields(selected(ctx, "escalations", "session"))
	for name := range card {
		fields |= cardColumns[name]
	}
	queue, err := r.Resolver.Trees.Escalations(ctx, caller(ctx).Actor, fields)
	if err != nil {
		return nil, err
	}
	return &model.EscalationQueue{News: &tree.QueueNews{First: true, Sessions: queue.Sessions, More: queue.More}}, nil
}

// cardColumns are what the fields of an escalation need of its session.
var cardColumns = map[string]tree.SessionFields{
	"askedBy": tree.SessionHolder, "tried": tree.SessionLog, "ruledOut": tree.SessionLog, "hints": tree.SessionLog,
}

// EscalationFigures is the resolver of Query.escalationFigures.
func (r *queryResolver) EscalationFigures(ctx context.Context, in model.EscalationFiguresInput) (*model.EscalationFigures, error) {
	var from, to time.Time
	if in.BeginsAt != nil {
		from = *in.BeginsAt
	}
	if in.EndsAt != nil {
		to = *in.EndsAt
	}
	f, err := r.Resolver.Trees.EscalationFigures(ctx, caller(ctx).Actor, from, to)
	if err != nil {
		return nil, err
	}
	out := &model.EscalationFigures{BeginsAt: f.From, EndsAt: f.To, All: toEscalationCounts(f.All), ByUrgency: make([]*model.EscalationCounts, len(f.ByUrgency))}
	for i, c := range f.ByUrgency {
		out.ByUrgency[i] = toEscalationCounts(c)
	}
	return out, nil
}

// EscalateSession is the resolver of Mutation.escalateSession.
func (r *mutationResolver) EscalateSession(ctx context.Context, in model.EscalateSessionInput) (*model.EscalateSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.Escalate(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), tree.Urgency(in.Urgency), in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.EscalateSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// ClaimSession is the resolver of Mutation.claimSession.
func (r *mutationResolver) ClaimSession(ctx context.Context, in model.ClaimSessionInput) (*model.ClaimSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.Claim(ctx, caller(ctx).Actor, sessionID, in.EscalationStep, text(in.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return &model.ClaimSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// AnswerEscalation is the resolver of Mutation.answerEscalation.
func (r *mutationResolver) AnswerEscalation(ctx context.Context, in model.AnswerEscalationInput) (*model.AnswerEscalationPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.AnswerEscalation(ctx, caller(ctx).Actor, sessionID, in.EscalationStep, text(in.IdempotencyKey), in.Hint, in.KeepOpen)
	if err != nil {
		return nil, err
	}
	return &model.AnswerEscalationPayload{Session: toTreeSession(done.Session)}, nil
}

// TakeBackEscalation is the resolver of Mutation.takeBackEscalation.
func (r *mutationResolver) TakeBackEscalation(ctx context.Context, in model.TakeBackEscalationInput) (*model.TakeBackEscalationPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.TakeBackEscalation(ctx, caller(ctx).Actor, sessionID, in.EscalationStep, text(in.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return &model.TakeBackEscalationPayload{Session: toTreeSession(done.Session)}, nil
}

// SuggestStep is the resolver of Mutation.suggestStep.
func (r *mutationResolver) SuggestStep(ctx context.Context, in model.SuggestStepInput) (*model.SuggestStepPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	s, err := r.Trees.SuggestStep(ctx, caller(ctx).Actor, sessionID, in.Text, tree.OptionID(text(in.NodeOptionID)), sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.SuggestStepPayload{Session: toTreeSession(s)}, nil
}

// RespondToSuggestion is the resolver of Mutation.respondToSuggestion.
func (r *mutationResolver) RespondToSuggestion(ctx context.Context, in model.RespondToSuggestionInput) (*model.RespondToSuggestionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.RespondToSuggestion(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), in.Suggestion, in.Accept)
	if err != nil {
		return nil, err
	}
	return &model.RespondToSuggestionPayload{Session: toTreeSession(done.Session)}, nil
}

// Escalations is the resolver of Subscription.escalations.
func (r *subscriptionResolver) Escalations(ctx context.Context) (<-chan model.EscalationsEvent, error) {
	return live.Stream(ctx, func(ctx context.Context, send func(model.EscalationsEvent)) (func(), error) {
		return r.Feed.WatchEscalations(caller(ctx).Actor, event.SinkFunc[*tree.QueueNews](func(n *tree.QueueNews) {
			send(model.Escalations(n))
		}))
	})
}

func (r *escalationQueueResolver) Escalations(_ context.Context, e *model.EscalationQueue) ([]*model.Escalation, error) {
	return toEscalations(e.News.Sessions), nil
}

func (r *escalationsChangeResolver) Changed(_ context.Context, e *model.EscalationsChange) ([]*model.Escalation, error) {
	return toEscalations(e.News.Sessions), nil
}

func (r *escalationsChangeResolver) Left(_ context.Context, e *model.EscalationsChange) ([]*model.EscalationLeft, error) {
	out := make([]*model.EscalationLeft, len(e.News.Left))
	for i, end := range e.News.Left {
		out[i] = &model.EscalationLeft{SessionID: end.Session.String(), Step: end.Escalation}
		if end.Kind != "" {
			out[i].End, out[i].EndedBy = given(model.EscalationEnd(end.Kind)), toUser(end.By)
		}
	}
	return out, nil
}

func toEscalations(sessions []*tree.Session) []*model.Escalation {
	out := make([]*model.Escalation, len(sessions))
	for i, s := range sessions {
		asked := toAsked(s.Escalation)
		out[i] = &model.Escalation{
			Session: toTreeSession(s), Step: asked.Step, Urgency: asked.Urgency, Reason: asked.Reason, AskedAt: asked.AskedAt, AskedBy: asked.AskedBy,
			Tried: toSteps(s.Tried()), RuledOut: toSteps(s.RuledOut()), Hints: toNotes(s.Hints(asked.Step)),
		}
	}
	return out
}

func toSteps(steps []tree.Step) []*model.TreeSessionStep {
	out := make([]*model.TreeSessionStep, len(steps))
	for i := range steps {
		out[i] = toStep(&steps[i])
	}
	return out
}

func toAsked(e *tree.Escalation) *model.TreeSessionEscalation {
	if e == nil {
		return nil
	}
	return &model.TreeSessionEscalation{Step: e.Seq, Urgency: model.EscalationUrgency(e.Urgency), Reason: e.Reason, AskedAt: e.At, AskedBy: toUser(e.By)}
}

func toSuggestions(suggestions []tree.Suggestion) []*model.TreeSessionSuggestion {
	out := make([]*model.TreeSessionSuggestion, len(suggestions))
	for i, g := range suggestions {
		out[i] = &model.TreeSessionSuggestion{
			Number: g.Number, Text: g.Text, NodeID: given(string(g.NodeID)), NodeTitle: g.NodeTitle,
			NodeOptionID: given(string(g.OptionID)), OptionLabel: given(g.OptionLabel), SuggestedAt: g.At, By: toUser(g.By),
		}
	}
	return out
}

func toHappenings(entries []tree.Entry) []*model.TreeSessionHappening {
	out := make([]*model.TreeSessionHappening, len(entries))
	for i := range entries {
		e := &entries[i]
		out[i] = &model.TreeSessionHappening{
			Step: e.Seq, Kind: model.TreeSessionHappeningKind(e.Kind), HappenedAt: e.At, By: toUser(e.By), Text: e.Reason + e.Note, // no kind has both
			Urgency: given(model.EscalationUrgency(e.Urgency)), EscalationStep: given(e.Target), KeptOpen: e.KeepsOpen, OptionLabel: given(e.OptionLabel),
		}
		if !e.Person.ID.IsZero() {
			out[i].Person = toUser(e.Person)
		}
		if e.Kind == tree.Suggested {
			out[i].Accepted = &e.Accepted
		}
	}
	return out
}

func toEscalationCounts(c tree.EscalationCounts) *model.EscalationCounts {
	out := &model.EscalationCounts{
		Urgency: given(model.EscalationUrgency(c.Urgency)), Asked: c.Asked, Open: c.Open, Claimed: c.Claimed, Answered: c.Answered,
		TakenBack: c.TakenBack, EndedOtherwise: c.Otherwise, FirstActions: c.Acted,
	}
	if c.Acted > 0 {
		out.MedianSeconds, out.Percentile90Seconds = wholeSeconds(c.MedianTime), wholeSeconds(c.Percentile90)
	}
	return out
}
