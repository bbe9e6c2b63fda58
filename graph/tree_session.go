package graph

import (
	"context"
	"encoding/base64"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
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
		for _, outcome := range filter.Outcome {
			q.Filter.Outcome = append(q.Filter.Outcome, tree.Outcome(outcome))
		}
		if filter.BeginsAt != nil {
			q.Filter.From = *filter.BeginsAt
		}
		if filter.EndsAt != nil {
			q.Filter.To = *filter.EndsAt
		}
		var err error
		if q.Filter.Tree, err = optional[tree.ID]("filter.treeId", filter.TreeID); err != nil {
			return nil, err
		}
		if q.Filter.Client, err = optional[tree.ClientID]("filter.clientId", filter.ClientID); err != nil {
			return nil, err
		}
		q.Filter.Ticket = filter.Ticket
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
		IncludeNotes: in.IncludeNotes, IncludeInternal: in.IncludeInternal, IncludeTimings: in.IncludeTimings, IncludeUndone: in.IncludeUndone,
		RedactSensitive: in.RedactSensitive, IncludeScratchpad: in.IncludeScratchpad,
	})
	if err != nil {
		return nil, err
	}
	return toExportedFile(file), nil
}

func toExportedFile(file *tree.Export) *model.ExportedFile {
	out := &model.ExportedFile{Filename: file.Filename, MediaType: file.MediaType, Content: file.Content, Encoding: model.FileEncodingUTF8, Sha256: file.SHA256}
	if file.Binary {
		out.Content, out.Encoding = base64.StdEncoding.EncodeToString([]byte(file.Content)), model.FileEncodingBase64
	}
	return out
}

// StartSession is the resolver of Mutation.startSession.
func (r *mutationResolver) StartSession(ctx context.Context, in model.StartSessionInput) (*model.StartSessionPayload, error) {
	treeID, err := optional[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	clientID, err := optional[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	s, err := r.Trees.Start(ctx, caller(ctx).Actor, tree.NewSession{
		Tree: treeID, Ticket: in.Ticket, Client: in.ClientName, ClientID: clientID, CreateClient: in.CreateClient, Subject: in.Subject,
		Values: fromValues(in.Values), IdempotencyKey: text(in.IdempotencyKey),
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
		tree.Choice{Option: tree.OptionID(text(in.OptionID)), Values: fromValues(in.Values), Note: in.Note, Output: in.Output, Internal: in.Internal})
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
	done, err := r.Trees.AddNote(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), tree.Note{OnStep: number(in.OnStep), Text: in.Text, Output: in.Output, Internal: in.Internal})
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

// AddStep is the resolver of Mutation.addStep.
func (r *mutationResolver) AddStep(ctx context.Context, in model.AddStepInput) (*model.AddStepPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.AddStep(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey),
		tree.NewStep{Title: in.Title, Answer: in.Answer, Note: in.Note, Output: in.Output, Internal: in.Internal})
	if err != nil {
		return nil, err
	}
	return &model.AddStepPayload{Session: toTreeSession(done.Session)}, nil
}

// SwitchTree is the resolver of Mutation.switchTree.
func (r *mutationResolver) SwitchTree(ctx context.Context, in model.SwitchTreeInput) (*model.SwitchTreePayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	treeID, err := optional[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.SwitchTree(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), treeID)
	if err != nil {
		return nil, err
	}
	return &model.SwitchTreePayload{Session: toTreeSession(done.Session)}, nil
}

// ReturnToTree is the resolver of Mutation.returnToTree.
func (r *mutationResolver) ReturnToTree(ctx context.Context, in model.ReturnToTreeInput) (*model.ReturnToTreePayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.ReturnToTree(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return &model.ReturnToTreePayload{Session: toTreeSession(done.Session)}, nil
}

// HandOverSession is the resolver of Mutation.handOverSession.
func (r *mutationResolver) HandOverSession(ctx context.Context, in model.HandOverSessionInput) (*model.HandOverSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	userID, err := parse[account.UserID]("input.toUserId", in.ToUserID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.HandOver(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey), userID, in.Note)
	if err != nil {
		return nil, err
	}
	return &model.HandOverSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// ReopenSession is the resolver of Mutation.reopenSession.
func (r *mutationResolver) ReopenSession(ctx context.Context, in model.ReopenSessionInput) (*model.ReopenSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.Reopen(ctx, caller(ctx).Actor, sessionID, guard(in.ExpectedStep, in.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return &model.ReopenSessionPayload{Session: toTreeSession(done.Session)}, nil
}

// UpdateSession is the resolver of Mutation.updateSession.
func (r *mutationResolver) UpdateSession(ctx context.Context, in model.UpdateSessionInput) (*model.UpdateSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	clientID, err := optional[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	change := tree.SessionChange{Ticket: in.Ticket, Client: in.ClientName, ClientID: clientID, CreateClient: in.CreateClient, Subject: in.Subject}
	s, err := r.Trees.UpdateSession(ctx, caller(ctx).Actor, sessionID, change, sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.UpdateSessionPayload{Session: toTreeSession(s)}, nil
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
