package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// TreeVersion is the resolver of Query.treeVersion.
func (r *queryResolver) TreeVersion(ctx context.Context, treeID string, number int) (*model.TreeVersion, error) {
	id, err := parse[tree.ID]("treeId", treeID)
	if err != nil {
		return nil, err
	}
	v, err := r.Resolver.Trees.Version(ctx, caller(ctx).Actor, id, number, versionFields(selected(ctx)))
	if err != nil {
		return nil, err
	}
	return toVersion(v), nil
}

// Versions is the resolver of Tree.versions.
func (r *treeResolver) Versions(ctx context.Context, of *model.Tree, first *int, after *string) (*model.TreeVersionConnection, error) {
	id, err := parse[tree.ID]("id", of.ID)
	if err != nil {
		return nil, err
	}
	_, total := selected(ctx)["totalCount"]
	page, err := r.Trees.Versions(ctx, caller(ctx).Actor, tree.VersionQuery{
		Tree:   id,
		Page:   tree.Page{First: first, After: text(after)},
		Fields: versionFields(selected(ctx, "nodes").plus(selected(ctx, "edges", "node"))),
		Total:  total,
	})
	if err != nil {
		return nil, err
	}
	return toVersionConnection(page), nil
}

// RestoreTreeVersion is the resolver of Mutation.restoreTreeVersion.
func (r *mutationResolver) RestoreTreeVersion(ctx context.Context, in model.RestoreTreeVersionInput) (*model.RestoreTreeVersionPayload, error) {
	t, err := ofTree(ctx, in.TreeID, func(actor account.Actor, id tree.ID, fields tree.TreeFields) (*tree.Tree, error) {
		return r.Trees.RestoreVersion(ctx, actor, id, in.ExpectedRevision, in.Number, fields)
	})
	if err != nil {
		return nil, err
	}
	return &model.RestoreTreeVersionPayload{Tree: t}, nil
}

// DuplicateTree is the resolver of Mutation.duplicateTree.
func (r *mutationResolver) DuplicateTree(ctx context.Context, in model.DuplicateTreeInput) (*model.DuplicateTreePayload, error) {
	t, err := ofTree(ctx, in.TreeID, func(actor account.Actor, id tree.ID, fields tree.TreeFields) (*tree.Tree, error) {
		return r.Trees.DuplicateTree(ctx, actor, id, in.Version, in.Title, fields)
	})
	if err != nil {
		return nil, err
	}
	return &model.DuplicateTreePayload{Tree: t}, nil
}

// UnarchiveTree is the resolver of Mutation.unarchiveTree.
func (r *mutationResolver) UnarchiveTree(ctx context.Context, in model.UnarchiveTreeInput) (*model.UnarchiveTreePayload, error) {
	t, err := ofTree(ctx, in.TreeID, func(actor account.Actor, id tree.ID, fields tree.TreeFields) (*tree.Tree, error) {
		return r.Trees.UnarchiveTree(ctx, actor, id, fields)
	})
	if err != nil {
		return nil, err
	}
	return &model.UnarchiveTreePayload{Tree: t}, nil
}

// ConfirmTree is the resolver of Mutation.confirmTree.
func (r *mutationResolver) ConfirmTree(ctx context.Context, in model.ConfirmTreeInput) (*model.ConfirmTreePayload, error) {
	t, err := ofTree(ctx, in.TreeID, func(actor account.Actor, id tree.ID, fields tree.TreeFields) (*tree.Tree, error) {
		return r.Trees.ConfirmTree(ctx, actor, id, in.Months, fields)
	})
	if err != nil {
		return nil, err
	}
	return &model.ConfirmTreePayload{Tree: t}, nil
}

// ofTree makes one call of the service about the tree of an input, and maps the
// tree that it returns.
func ofTree(ctx context.Context, treeID string, call func(actor account.Actor, id tree.ID, fields tree.TreeFields) (*tree.Tree, error)) (*model.Tree, error) {
	id, err := parse[tree.ID]("input.treeId", treeID)
	if err != nil {
		return nil, err
	}
	t, err := call(caller(ctx).Actor, id, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return toTree(t), nil
}

// TreeTemplates is the resolver of Query.treeTemplates.
func (r *queryResolver) TreeTemplates(context.Context) ([]*model.TreeTemplate, error) {
	templates := tree.Templates()
	out := make([]*model.TreeTemplate, len(templates))
	for i, t := range templates {
		out[i] = &model.TreeTemplate{Template: t.ID, Title: t.Title, Description: t.Description, Tags: all(t.Tags), NodeCount: len(t.Graph.Nodes)}
	}
	return out, nil
}

// CreateTreeFromTemplate is the resolver of Mutation.createTreeFromTemplate.
func (r *mutationResolver) CreateTreeFromTemplate(ctx context.Context, in model.CreateTreeFromTemplateInput) (*model.CreateTreeFromTemplatePayload, error) {
	category, err := optional[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	t, err := r.Trees.CreateTreeFromTemplate(ctx, caller(ctx).Actor, in.Template, text(in.Title), category, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.CreateTreeFromTemplatePayload{Tree: toTree(t)}, nil
}
