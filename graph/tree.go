package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// Trees is the resolver of Query.trees.
func (r *queryResolver) Trees(ctx context.Context, filter *model.TreeFilter, orderBy *model.TreeOrder, first *int, after *string, last *int, before *string) (*model.TreeConnection, error) {
	field := graphql.GetFieldContext(ctx).Field
	page, err := r.trees(ctx, treesAsked(graphql.GetOperationContext(ctx), field.Selections), filter, orderBy, first, after, last, before)
	if err != nil {
		return nil, err
	}
	return toTreeConnection(page), nil
}

// trees reads the page of trees that the arguments of Query.trees name, and of
// them what is asked.
func (r *queryResolver) trees(ctx context.Context, asked tree.TreeQuery, filter *model.TreeFilter, orderBy *model.TreeOrder, first *int, after *string, last *int, before *string) (tree.Connection[*tree.Tree], error) {
	q := asked
	q.Page = tree.Page{First: first, Last: last, After: text(after), Before: text(before)}
	if orderBy != nil {
		q.Order = tree.TreeOrder{Field: tree.TreeOrderField(orderBy.Field), Desc: orderBy.Direction == model.OrderDirectionDesc}
	}
	var err error
	if q.Filter, err = fromTreeFilter(filter); err != nil {
		return tree.Connection[*tree.Tree]{}, err
	}
	return r.Resolver.Trees.Trees(ctx, caller(ctx).Actor, q)
}

// fromTreeFilter reads a filter of trees; nil lets all through.
func fromTreeFilter(filter *model.TreeFilter) (tree.TreeFilter, error) {
	if filter == nil {
		return tree.TreeFilter{}, nil
	}
	out := tree.TreeFilter{Tag: text(filter.Tag), Text: text(filter.Text), Due: filter.Due}
	for _, status := range filter.Status {
		out.Status = append(out.Status, tree.Status(status))
	}
	var err error
	if out.Owner, err = optional[account.UserID]("filter.ownerId", filter.OwnerID); err != nil {
		return out, err
	}
	if out.Author, err = optional[account.UserID]("filter.authorId", filter.AuthorID); err != nil {
		return out, err
	}
	out.Category, err = optional[tree.CategoryID]("filter.categoryId", filter.CategoryID)
	return out, err
}

// Tree is the resolver of Query.tree.
func (r *queryResolver) Tree(ctx context.Context, id string) (*model.Tree, error) {
	t, err := r.tree(ctx, treeFields(selected(ctx)), id)
	if err != nil {
		return nil, err
	}
	return toTree(t), nil
}

// tree reads the tree with this global id.
func (r *queryResolver) tree(ctx context.Context, fields tree.TreeFields, id string) (*tree.Tree, error) {
	treeID, err := parse[tree.ID]("id", id)
	if err != nil {
		return nil, err
	}
	return r.Resolver.Trees.Tree(ctx, caller(ctx).Actor, treeID, fields)
}

// ValidateTree is the resolver of Query.validateTree.
func (r *queryResolver) ValidateTree(ctx context.Context, in model.ValidateTreeInput) (*model.ValidateTreePayload, error) {
	graph, err := fromGraph("input.graph", in.Graph)
	if err != nil {
		return nil, err
	}
	treeID, err := optional[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	problems, err := r.Resolver.Trees.ValidateTree(ctx, caller(ctx).Actor, treeID, in.Title, graph)
	if err != nil {
		return nil, err
	}
	return &model.ValidateTreePayload{Problems: toProblems(problems)}, nil
}

// CreateTree is the resolver of Mutation.createTree.
func (r *mutationResolver) CreateTree(ctx context.Context, in model.CreateTreeInput) (*model.CreateTreePayload, error) {
	category, err := optional[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	graph, err := fromGraph("input.graph", in.Graph)
	if err != nil {
		return nil, err
	}
	made := tree.NewTree{Title: in.Title, Description: in.Description, Tags: in.Tags, Category: category, Graph: graph}
	if in.ReviewBy != nil {
		made.ReviewBy = *in.ReviewBy
	}
	t, err := r.Trees.CreateTree(ctx, caller(ctx).Actor, made, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.CreateTreePayload{Tree: toTree(t)}, nil
}

// UpdateTree is the resolver of Mutation.updateTree.
func (r *mutationResolver) UpdateTree(ctx context.Context, in model.UpdateTreeInput) (*model.UpdateTreePayload, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	change := tree.TreeChange{Title: in.Title, Description: in.Description}
	if in.Tags != nil {
		change.Tags = &in.Tags
	}
	if text, given := in.CategoryID.ValueOK(); given {
		category, err := optional[tree.CategoryID]("input.categoryId", text) // null is no category
		if err != nil {
			return nil, err
		}
		change.Category = &category
	}
	if day, given := in.ReviewBy.ValueOK(); given {
		change.ReviewBy = new(time.Time) // null is no date
		if day != nil {
			change.ReviewBy = day
		}
	}
	if in.OwnerID != nil {
		owner, err := parse[account.UserID]("input.ownerId", *in.OwnerID)
		if err != nil {
			return nil, err
		}
		change.Owner = &owner
	}
	if in.Graph != nil {
		graph, err := fromGraph("input.graph", in.Graph)
		if err != nil {
			return nil, err
		}
		change.Graph = &graph
	}
	t, err := r.Trees.UpdateTree(ctx, caller(ctx).Actor, treeID, in.ExpectedRevision, change, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.UpdateTreePayload{Tree: toTree(t)}, nil
}

// PublishTree is the resolver of Mutation.publishTree.
func (r *mutationResolver) PublishTree(ctx context.Context, in model.PublishTreeInput) (*model.PublishTreePayload, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	done, err := r.Trees.PublishTree(ctx, caller(ctx).Actor, treeID, in.ExpectedRevision, in.ChangeNote, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.PublishTreePayload{Tree: toTree(done.Tree), Version: given(done.Version), Problems: toProblems(done.Problems)}, nil
}

// ArchiveTree is the resolver of Mutation.archiveTree.
func (r *mutationResolver) ArchiveTree(ctx context.Context, in model.ArchiveTreeInput) (*model.ArchiveTreePayload, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	t, err := r.Trees.ArchiveTree(ctx, caller(ctx).Actor, treeID, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	return &model.ArchiveTreePayload{Tree: toTree(t)}, nil
}

// DeleteTree is the resolver of Mutation.deleteTree.
func (r *mutationResolver) DeleteTree(ctx context.Context, in model.DeleteTreeInput) (*model.DeleteTreePayload, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	if err := r.Trees.DeleteTree(ctx, caller(ctx).Actor, treeID); err != nil {
		return nil, err
	}
	return &model.DeleteTreePayload{DeletedTreeID: treeID.String()}, nil
}

// ImportTree is the resolver of Mutation.importTree.
func (r *mutationResolver) ImportTree(ctx context.Context, in model.ImportTreeInput) (*model.ImportTreePayload, error) {
	done, err := r.Trees.ImportTree(ctx, caller(ctx).Actor, tree.FileFormat(in.Format), in.Content, treeFields(selected(ctx, "tree")))
	if err != nil {
		return nil, err
	}
	out := &model.ImportTreePayload{Problems: toProblems(done.Problems)}
	if done.Tree != nil {
		out.Tree = toTree(done.Tree)
	}
	return out, nil
}

// ExportTree is the resolver of Query.exportTree.
func (r *queryResolver) ExportTree(ctx context.Context, in model.ExportTreeInput) (*model.ExportedFile, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	version := 0
	if in.Version != nil {
		if version = *in.Version; version < 1 {
			return nil, fault.Input("input.version", "Versions are counted from 1. Leave it out for the tree as it is.")
		}
	}
	file, err := r.Resolver.Trees.ExportTree(ctx, caller(ctx).Actor, treeID, version, tree.FileFormat(in.Format))
	if err != nil {
		return nil, err
	}
	return &model.ExportedFile{Filename: file.Filename, MediaType: file.MediaType, Content: file.Content, Encoding: model.FileEncodingUTF8, Sha256: file.SHA256}, nil
}
