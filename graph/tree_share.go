package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// SharedTreeSession implements ResolverRoot.
func (r *Resolver) SharedTreeSession() SharedTreeSessionResolver {
	return &sharedTreeSessionResolver{r}
}

// TreeSession implements ResolverRoot.
func (r *Resolver) TreeSession() TreeSessionResolver { return &treeSessionResolver{r} }

type treeSessionResolver struct{ *Resolver }

// Shares is the resolver of TreeSession.shares. Queries read them with the session;
// the answers to its changes and its events, which seldom show them, only here.
func (r *treeSessionResolver) Shares(ctx context.Context, s *model.TreeSession) ([]*model.TreeSessionShare, error) {
	if s.Shares != nil {
		return s.Shares, nil
	}
	sessionID, err := parse[tree.SessionID]("id", s.ID)
	if err != nil {
		return nil, err
	}
	shares, err := r.Trees.Shares(ctx, caller(ctx).Actor, sessionID)
	if err != nil {
		return nil, err
	}
	return toShares(shares), nil
}

type sharedTreeSessionResolver struct{ *Resolver }

// UpdateScratchpad is the resolver of Mutation.updateScratchpad.
func (r *mutationResolver) UpdateScratchpad(ctx context.Context, in model.UpdateScratchpadInput) (*model.UpdateScratchpadPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	s, err := r.Trees.UpdateScratchpad(ctx, caller(ctx).Actor, sessionID, in.ExpectedRevision, in.Text, sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.UpdateScratchpadPayload{Session: toTreeSession(s)}, nil
}

// ShareSession is the resolver of Mutation.shareSession.
func (r *mutationResolver) ShareSession(ctx context.Context, in model.ShareSessionInput) (*model.ShareSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	share, token, s, err := r.Trees.ShareSession(ctx, caller(ctx).Actor, sessionID, tree.NewShare{
		Days:  in.ExpiresInDays,
		Shows: tree.ShareOptions{IncludeNotes: in.IncludeNotes, IncludeTimings: in.IncludeTimings, IncludeUndone: in.IncludeUndone},
	}, sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.ShareSessionPayload{Share: toShare(&share), Token: token, URL: r.ShareURL(token), Session: toTreeSession(s)}, nil
}

// RevokeShare is the resolver of Mutation.revokeShare.
func (r *mutationResolver) RevokeShare(ctx context.Context, in model.RevokeShareInput) (*model.RevokeSharePayload, error) {
	shareID, err := parse[tree.ShareID]("input.shareId", in.ShareID)
	if err != nil {
		return nil, err
	}
	share, s, err := r.Trees.RevokeShare(ctx, caller(ctx).Actor, shareID, sessionFields(selected(ctx, "session")))
	if err != nil {
		return nil, err
	}
	return &model.RevokeSharePayload{Share: toShare(&share), Session: toTreeSession(s)}, nil
}

// SharedSession is the resolver of Query.sharedSession.
func (r *queryResolver) SharedSession(ctx context.Context, token string) (*model.SharedTreeSession, error) {
	shared, err := r.Resolver.Trees.OpenShare(ctx, token, caller(ctx).Device.IP)
	if err != nil {
		return nil, err
	}
	return &model.SharedTreeSession{ExpiresAt: shared.ExpiresAt, Shared: shared}, nil
}

// File is the resolver of SharedTreeSession.file.
func (r *sharedTreeSessionResolver) File(_ context.Context, s *model.SharedTreeSession, format model.TreeSessionExportFormat) (*model.ExportedFile, error) {
	file, err := s.Shared.Export(tree.ExportFormat(format))
	if err != nil {
		return nil, err
	}
	return toExportedFile(file), nil
}

func toShares(shares []tree.Share) []*model.TreeSessionShare {
	out := make([]*model.TreeSessionShare, len(shares))
	for i := range shares {
		out[i] = toShare(&shares[i])
	}
	return out
}

func toShare(s *tree.Share) *model.TreeSessionShare {
	return &model.TreeSessionShare{
		ID: s.ID.String(), CreatedBy: toUser(s.CreatedBy), CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, RevokedAt: instant(s.RevokedAt),
		OpenedCount: s.Opened, LastOpenedAt: instant(s.LastOpenedAt),
		IncludeNotes: s.Shows.IncludeNotes, IncludeTimings: s.Shows.IncludeTimings, IncludeUndone: s.Shows.IncludeUndone,
	}
}
