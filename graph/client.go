package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// Client is the resolver of Query.client.
func (r *queryResolver) Client(ctx context.Context, id string) (*model.Client, error) {
	clientID, err := parse[tree.ClientID]("id", id)
	if err != nil {
		return nil, err
	}
	c, err := r.Resolver.Trees.Client(ctx, caller(ctx).Actor, clientID)
	if err != nil {
		return nil, err
	}
	return toClient(c), nil
}

// Clients is the resolver of Query.clients.
func (r *queryResolver) Clients(ctx context.Context, query *string, first *int, after *string) (*model.ClientConnection, error) {
	_, total := selected(ctx)["totalCount"]
	page, err := r.Resolver.Trees.Clients(ctx, caller(ctx).Actor, tree.ClientQuery{
		Text: text(query), Page: tree.Page{First: first, After: text(after)}, Total: total,
	})
	if err != nil {
		return nil, err
	}
	out := &model.ClientConnection{
		Edges:      make([]*model.ClientEdge, len(page.Edges)),
		Nodes:      make([]*model.Client, len(page.Edges)),
		PageInfo:   toPageInfo(page),
		TotalCount: page.Total,
	}
	for i, edge := range page.Edges {
		out.Nodes[i] = toClient(edge.Node)
		out.Edges[i] = &model.ClientEdge{Cursor: edge.Cursor, Node: out.Nodes[i]}
	}
	return out, nil
}

// CreateClient is the resolver of Mutation.createClient.
func (r *mutationResolver) CreateClient(ctx context.Context, in model.CreateClientInput) (*model.CreateClientPayload, error) {
	c, err := r.Trees.CreateClient(ctx, caller(ctx).Actor, tree.ClientChange{
		Name: &in.Name, Aliases: &in.Aliases, TicketKey: &in.TicketKey, Facts: fromFacts(in.Facts),
	})
	if err != nil {
		return nil, err
	}
	return &model.CreateClientPayload{Client: toClient(c)}, nil
}

// UpdateClient is the resolver of Mutation.updateClient.
func (r *mutationResolver) UpdateClient(ctx context.Context, in model.UpdateClientInput) (*model.UpdateClientPayload, error) {
	clientID, err := parse[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	change := tree.ClientChange{Name: in.Name, TicketKey: in.TicketKey}
	if in.Aliases != nil {
		change.Aliases = &in.Aliases
	}
	if in.Facts != nil {
		change.Facts = fromFacts(in.Facts)
	}
	c, err := r.Trees.UpdateClient(ctx, caller(ctx).Actor, clientID, in.ExpectedRevision, change)
	if err != nil {
		return nil, err
	}
	return &model.UpdateClientPayload{Client: toClient(c)}, nil
}

// MergeClients is the resolver of Mutation.mergeClients.
func (r *mutationResolver) MergeClients(ctx context.Context, in model.MergeClientsInput) (*model.MergeClientsPayload, error) {
	stays, err := parse[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	goes, err := parse[tree.ClientID]("input.mergedClientId", in.MergedClientID)
	if err != nil {
		return nil, err
	}
	merged, err := r.Trees.MergeClients(ctx, caller(ctx).Actor, stays, in.ExpectedRevision, goes)
	if err != nil {
		return nil, err
	}
	return &model.MergeClientsPayload{Client: toClient(merged.Client), MergedClientID: goes.String(), MovedSessionCount: merged.Moved}, nil
}

// DeleteClient is the resolver of Mutation.deleteClient.
func (r *mutationResolver) DeleteClient(ctx context.Context, in model.DeleteClientInput) (*model.DeleteClientPayload, error) {
	clientID, err := parse[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	if err := r.Trees.DeleteClient(ctx, caller(ctx).Actor, clientID); err != nil {
		return nil, err
	}
	return &model.DeleteClientPayload{DeletedClientID: clientID.String()}, nil
}

// SeenBefore is the resolver of Query.seenBefore.
func (r *queryResolver) SeenBefore(ctx context.Context, in model.SeenBeforeInput) (*model.SeenBefore, error) {
	clientID, err := optional[tree.ClientID]("input.clientId", in.ClientID)
	if err != nil {
		return nil, err
	}
	treeID, err := optional[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	seen, err := r.Resolver.Trees.SeenBefore(ctx, caller(ctx).Actor, tree.SeenBefore{
		ClientID: clientID, Client: in.ClientName, Subject: in.Subject, Tree: treeID,
	})
	if err != nil {
		return nil, err
	}
	return &model.SeenBefore{SameClient: toSeen(seen.SameClient), Similar: toSeen(seen.Alike)}, nil
}

// StartLink is the resolver of Query.startLink.
func (r *queryResolver) StartLink(ctx context.Context, in model.StartLinkInput) (*model.StartLink, error) {
	actor := caller(ctx).Actor
	start, err := r.Resolver.Trees.ReadStartLink(ctx, actor, tree.StartLink{
		Tree: in.Tree, Ticket: in.Ticket, Client: in.ClientName, Subject: in.Subject, Values: fromValues(in.Values),
	}, treeFields(selected(ctx, "tree").plus(selected(ctx, "trees"))))
	if err != nil {
		return nil, err
	}
	return toStartLink(&start, actor.UserID), nil
}

// StartLinkTemplate is the resolver of Query.startLinkTemplate.
func (r *queryResolver) StartLinkTemplate(ctx context.Context, id string) (*model.StartLinkTemplate, error) {
	treeID, err := parse[tree.ID]("treeId", id)
	if err != nil {
		return nil, err
	}
	template, err := r.Resolver.Trees.StartTemplate(ctx, caller(ctx).Actor, treeID)
	if err != nil {
		return nil, err
	}
	return &model.StartLinkTemplate{URL: r.StartURL + "?" + template.Query, ValueNames: all(template.Values)}, nil
}
