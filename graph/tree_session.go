package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// Sessions is the resolver of Query.sessions.
func (r *queryResolver) Sessions(ctx context.Context, filter *model.TreeSessionFilter, first *int, after *string) (*model.TreeSessionConnection, error) {
	_, total := selected(ctx)["totalCount"]
	q := tree.SessionQuery{
		Page:   tree.Page{First: first, After: text(after)},
		Fields: sessionFields(selected(ctx, "nodes").plus(selected(ctx, "edges", "node"))),
		Total:  total,
	}
	if filter != nil {
		q.Filter.Scope = tree.SessionScope(filter.Scope)
		for _, status := range filter.Status {
			q.Filter.Status = append(q.Filter.Status, tree.SessionStatus(status))
		}
		var err error
		if q.Filter.Tree, err = optional[tree.ID]("filter.treeId", filter.TreeID); err != nil {
			return nil, err
		}
	}
	page, err := r.Resolver.Trees.Sessions(ctx, caller(ctx).Actor, q)
	if err != nil {
		return nil, err
	}
	out := &model.TreeSessionConnection{
		Edges:      make([]*model.TreeSessionEdge, len(page.Edges)),
		Nodes:      make([]*model.TreeSession, len(page.Edges)),
		PageInfo:   toPageInfo(page),
		TotalCount: page.Total,
	}
	for i, edge := range page.Edges {
		out.Nodes[i] = toTreeSession(edge.Node)
		out.Edges[i] = &model.TreeSessionEdge{Cursor: edge.Cursor, Node: out.Nodes[i]}
	}
	return out, nil
}

// Session is the resolver of Query.session.
func (r *queryResolver) Session(ctx context.Context, id string) (*model.TreeSession, error) {
	sessionID, err := parse[tree.SessionID]("id", id)
	if err != nil {
		return nil, err
	}
	s, err := r.Resolver.Trees.Session(ctx, caller(ctx).Actor, sessionID, sessionFields(selected(ctx)))
	if err != nil {
		return nil, err
	}
	return toTreeSession(s), nil
}

// ExportSession is the resolver of Query.exportSession.
func (r *queryResolver) ExportSession(ctx context.Context, in model.ExportSessionInput) (*model.ExportedFile, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	file, err := r.Resolver.Trees.Export(ctx, caller(ctx).Actor, sessionID, tree.ExportFormat(in.Format), tree.ExportOptions{
		IncludeNotes: in.IncludeNotes, IncludeTimings: in.IncludeTimings, IncludeUndone: in.IncludeUndone,
	})
	if err != nil {
		return nil, err
	}
	return &model.ExportedFile{Filename: file.Filename, MediaType: file.MediaType, Content: file.Content, Sha256: file.SHA256}, nil
}

// StartSession is the resolver of Mutation.startSession.
func (r *mutationResolver) StartSession(ctx context.Context, in model.StartSessionInput) (*model.StartSessionPayload, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	s, err := r.Trees.Start(ctx, caller(ctx).Actor, tree.NewSession{
		Tree: treeID, Ticket: in.Ticket, Client: in.ClientName, Subject: in.Subject, IdempotencyKey: text(in.IdempotencyKey),
	}, sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.StartSessionPayload{Session: toTreeSession(s)}, nil
}

// AdvanceSession is the resolver of Mutation.advanceSession.
func (r *mutationResolver) AdvanceSession(ctx context.Context, in model.AdvanceSessionInput) (*model.AdvanceSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.Advance(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey),
		tree.Choice{Option: tree.OptionID(text(in.OptionID)), Note: in.Note})
	if err != nil {
		return nil, err
	}
	return &model.AdvanceSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// GoBack is the resolver of Mutation.goBack.
func (r *mutationResolver) GoBack(ctx context.Context, in model.GoBackInput) (*model.GoBackPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.GoBack(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), number(in.ToStep))
	if err != nil {
		return nil, err
	}
	return &model.GoBackPayload{Session: toTreeSession(done.Session)}, nil
}

// AddNote is the resolver of Mutation.addNote.
func (r *mutationResolver) AddNote(ctx context.Context, in model.AddNoteInput) (*model.AddNotePayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.AddNote(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), number(in.OnStep), in.Text)
	if err != nil {
		return nil, err
	}
	return &model.AddNotePayload{Session: toTreeSession(done.Session)}, nil
}

// CompleteSession is the resolver of Mutation.completeSession.
func (r *mutationResolver) CompleteSession(ctx context.Context, in model.CompleteSessionInput) (*model.CompleteSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	how := tree.Completion{Reason: in.Reason}
	if in.Outcome != nil {
		how.Outcome = tree.Outcome(*in.Outcome)
	}
	done, err := r.Trees.Complete(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), how)
	if err != nil {
		return nil, err
	}
	return &model.CompleteSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// AbandonSession is the resolver of Mutation.abandonSession.
func (r *mutationResolver) AbandonSession(ctx context.Context, in model.AbandonSessionInput) (*model.AbandonSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.Abandon(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), in.Reason)
	if err != nil {
		return nil, err
	}
	return &model.AbandonSessionPayload{Session: toTreeSession(done.Session)}, nil
}

func guard(expectedStep int, key *string) tree.Guard {
	return tree.Guard{ExpectedStep: expectedStep, IdempotencyKey: text(key)}
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func toTreeSession(s *tree.Session) *model.TreeSession {
	out := &model.TreeSession{
		ID:            s.ID.String(),
		Title:         s.Subject,
		Status:        model.TreeSessionStatus(s.Status),
		Outcome:       given(model.TreeOutcome(s.Outcome)),
		Reason:        s.Reason,
		Ticket:        s.Ticket,
		ClientName:    s.Client,
		Subject:       s.Subject,
		StartedBy:     toUser(s.Starter),
		HeldBy:        toUser(s.Holder),
		StartedAt:     s.StartedAt,
		EndedAt:       instant(s.EndedAt),
		ActiveSeconds: int(s.Active.Seconds()),
		Step:          s.LastSeq,
	}
	if s.Version != nil {
		out.TreeID, out.TreeVersion, out.Title = given(s.TreeID.String()), given(s.Version.Number), s.Version.Title
	}
	if s.CurrentNode != nil {
		out.CurrentNode = toNode(s.CurrentNode)
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Seq == 0 { // where it stands
			out.CurrentNotes = toNotes(step.Notes)
			continue
		}
		out.AllSteps = append(out.AllSteps, &model.TreeSessionStep{
			Step: step.Seq, NodeID: string(step.NodeID), Kind: model.TreeNodeKind(step.NodeKind),
			Title: step.NodeTitle, Text: step.NodeText, Answer: given(step.OptionLabel), Notes: toNotes(step.Notes),
			EnteredAt: step.EnteredAt, LeftAt: step.LeftAt, By: toUser(step.By), Undone: step.Undone,
		})
	}
	if out.CurrentNotes == nil {
		out.CurrentNotes = []*model.TreeSessionNote{}
	}
	return out
}

func toNotes(notes []tree.StepNote) []*model.TreeSessionNote {
	out := make([]*model.TreeSessionNote, len(notes))
	for i, n := range notes {
		out[i] = &model.TreeSessionNote{Text: n.Text, WrittenAt: n.At, By: toUser(n.By)}
	}
	return out
}
