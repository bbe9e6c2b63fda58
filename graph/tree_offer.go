package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// DraftTreeFromSession is the resolver of Mutation.draftTreeFromSession.
func (r *mutationResolver) DraftTreeFromSession(ctx context.Context, in model.DraftTreeFromSessionInput) (*model.DraftTreeFromSessionPayload, error) {
	sessionID, err := parse[tree.SessionID]("input.sessionId", in.SessionID)
	if err != nil {
		return nil, err
	}
	category, err := optional[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	if in.Title != nil && *in.Title == "" {
		return nil, fault.Input("input.title", "Enter a title, or leave it out.")
	}
	done, err := r.Trees.DraftFromSession(ctx, caller(ctx).Actor, tree.NewDraft{
		Session: sessionID, Title: text(in.Title), Category: category, IncludeNotes: in.IncludeNotes, IdempotencyKey: text(in.IdempotencyKey),
	}, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.DraftTreeFromSessionPayload{Tree: toTree(done.Tree), Problems: toProblems(done.Problems)}, nil
}

// AcceptTreeOffer is the resolver of Mutation.acceptTreeOffer.
func (r *mutationResolver) AcceptTreeOffer(ctx context.Context, in model.AcceptTreeOfferInput) (*model.AcceptTreeOfferPayload, error) {
	id, err := parse[tree.OfferID]("input.offerId", in.OfferID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.AcceptOffer(ctx, caller(ctx).Actor, id, in.ExpectedRevision, in.IncludeNote,
		offerFields(selected(ctx, "offer")), treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.AcceptTreeOfferPayload{Offer: toOffer(done.Offer), Tree: toTree(done.Tree), Problems: toProblems(done.Problems)}, nil
}

// DismissTreeOffer is the resolver of Mutation.dismissTreeOffer.
func (r *mutationResolver) DismissTreeOffer(ctx context.Context, in model.DismissTreeOfferInput) (*model.DismissTreeOfferPayload, error) {
	id, err := parse[tree.OfferID]("input.offerId", in.OfferID)
	if err != nil {
		return nil, err
	}
	o, err := r.Trees.DismissOffer(ctx, caller(ctx).Actor, id, in.Reason, offerFields(selected(ctx, "offer")))
	if err != nil {
		return nil, err
	}
	return &model.DismissTreeOfferPayload{Offer: toOffer(o)}, nil
}

// TreeOffers is the resolver of Query.treeOffers.
func (r *queryResolver) TreeOffers(ctx context.Context, filter *model.TreeOfferFilter, first *int, after *string) (*model.TreeOfferConnection, error) {
	q := offerQuery(ctx, first, after)
	actor := caller(ctx).Actor
	if filter == nil || filter.Mine {
		q.Filter.Owner = actor.UserID
	}
	if filter != nil {
		q.Filter.Status = fromOfferStatus(filter.Status)
		var err error
		if q.Filter.Tree, err = optional[tree.ID]("filter.treeId", filter.TreeID); err != nil {
			return nil, err
		}
	}
	page, err := r.Resolver.Trees.Offers(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	return toOfferConnection(page), nil
}

// Offers is the resolver of Tree.offers.
func (r *treeResolver) Offers(ctx context.Context, of *model.Tree, status []model.TreeOfferStatus, first *int, after *string) (*model.TreeOfferConnection, error) {
	actor := caller(ctx).Actor
	if actor.Require(account.Engineer) != nil {
		return nil, nil
	}
	id, err := parse[tree.ID]("id", of.ID)
	if err != nil {
		return nil, err
	}
	q := offerQuery(ctx, first, after)
	q.Filter.Tree, q.Filter.Status = id, fromOfferStatus(status)
	page, err := r.Trees.Offers(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	if inEvent(ctx) {
		for _, edge := range page.Edges {
			edge.Node.Session = nil // which of those who share the event may read it differs
		}
	}
	return toOfferConnection(page), nil
}

// offerByID finds an offer for Query.node.
func (r *queryResolver) offerByID(ctx context.Context, text string) (*model.TreeOffer, error) {
	id, err := parse[tree.OfferID]("id", text)
	if err != nil {
		return nil, err
	}
	o, err := r.Resolver.Trees.Offer(ctx, caller(ctx).Actor, id, offerFields(selected(ctx)))
	if err != nil {
		return nil, err
	}
	return toOffer(o), nil
}

// offerQuery begins the question for the list of offers that is being resolved.
func offerQuery(ctx context.Context, first *int, after *string) tree.OfferQuery {
	_, total := selected(ctx)["totalCount"]
	return tree.OfferQuery{
		Page:   tree.Page{First: first, After: text(after)},
		Fields: offerFields(selected(ctx, "nodes").plus(selected(ctx, "edges", "node"))),
		Total:  total,
	}
}

var offerColumns = map[string]tree.OfferFields{
	"treeTitle": tree.OfferTreeTitle, "offeredBy": tree.OfferOfferer, "decidedBy": tree.OfferDecider,
	"count": tree.OfferEvidence, "latestAt": tree.OfferEvidence, "sessionId": tree.OfferEvidence,
}

// offerFields says which parts of an offer the query asks for.
func offerFields(s selection) tree.OfferFields {
	var fields tree.OfferFields
	for name := range s {
		fields |= offerColumns[name]
	}
	return fields
}

func fromOfferStatus(in []model.TreeOfferStatus) []tree.OfferStatus {
	out := make([]tree.OfferStatus, len(in))
	for i, status := range in {
		out[i] = tree.OfferStatus(status)
	}
	return out
}

func toOffer(o *tree.Offer) *model.TreeOffer {
	out := &model.TreeOffer{
		ID: o.ID.String(), TreeID: o.TreeID.String(), TreeTitle: o.TreeTitle, NodeID: string(o.NodeID), NodeTitle: o.NodeTitle,
		Title: o.Title, Answer: o.Answer, Note: o.Note, Status: model.TreeOfferStatus(o.Status), Count: o.Count,
		OfferedBy: toUser(o.OfferedBy), OfferedAt: o.OfferedAt, LatestAt: instant(o.LatestAt),
		DecidedAt: instant(o.DecidedAt), Reason: o.Reason, AcceptedNodeID: given(string(o.AcceptedNode)),
	}
	if o.Session != nil {
		out.SessionID = given(o.Session.ID.String())
	}
	if !o.DecidedBy.ID.IsZero() {
		out.DecidedBy = toUser(o.DecidedBy)
	}
	return out
}

func toOfferConnection(page tree.Connection[*tree.Offer]) *model.TreeOfferConnection {
	out := &model.TreeOfferConnection{
		Edges:      make([]*model.TreeOfferEdge, len(page.Edges)),
		Nodes:      make([]*model.TreeOffer, len(page.Edges)),
		PageInfo:   toPageInfo(page),
		TotalCount: page.Total,
	}
	for i, edge := range page.Edges {
		out.Nodes[i] = toOffer(edge.Node)
		out.Edges[i] = &model.TreeOfferEdge{Cursor: edge.Cursor, Node: out.Nodes[i]}
	}
	return out
}
