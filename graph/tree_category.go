package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// TreeCategories is the resolver of Query.treeCategories.
func (r *queryResolver) TreeCategories(ctx context.Context) ([]*model.TreeCategory, error) {
	categories, err := r.Resolver.Trees.Categories(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	return toCategories(categories), nil
}

func toCategories(categories []tree.Category) []*model.TreeCategory {
	out := make([]*model.TreeCategory, len(categories))
	for i, c := range categories {
		out[i] = toCategory(c)
	}
	return out
}

// TreeTags is the resolver of Query.treeTags.
func (r *queryResolver) TreeTags(ctx context.Context) ([]*model.TreeTag, error) {
	tags, err := r.Resolver.Trees.Tags(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	out := make([]*model.TreeTag, len(tags))
	for i, t := range tags {
		out[i] = &model.TreeTag{Tag: t.Tag, TreeCount: t.Trees}
	}
	return out, nil
}

// CreateTreeCategory is the resolver of Mutation.createTreeCategory.
func (r *mutationResolver) CreateTreeCategory(ctx context.Context, in model.CreateTreeCategoryInput) (*model.CreateTreeCategoryPayload, error) {
	c, err := r.Trees.CreateCategory(ctx, caller(ctx).Actor, in.Name)
	if err != nil {
		return nil, err
	}
	return &model.CreateTreeCategoryPayload{Category: toCategory(c)}, nil
}

// UpdateTreeCategory is the resolver of Mutation.updateTreeCategory.
func (r *mutationResolver) UpdateTreeCategory(ctx context.Context, in model.UpdateTreeCategoryInput) (*model.UpdateTreeCategoryPayload, error) {
	id, err := parse[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	c, err := r.Trees.RenameCategory(ctx, caller(ctx).Actor, id, in.Name)
	if err != nil {
		return nil, err
	}
	return &model.UpdateTreeCategoryPayload{Category: toCategory(c)}, nil
}

// MoveTreeCategory is the resolver of Mutation.moveTreeCategory.
func (r *mutationResolver) MoveTreeCategory(ctx context.Context, in model.MoveTreeCategoryInput) (*model.MoveTreeCategoryPayload, error) {
	id, err := parse[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	categories, err := r.Trees.MoveCategory(ctx, caller(ctx).Actor, id, in.Position)
	if err != nil {
		return nil, err
	}
	return &model.MoveTreeCategoryPayload{Categories: toCategories(categories)}, nil
}

// DeleteTreeCategory is the resolver of Mutation.deleteTreeCategory.
func (r *mutationResolver) DeleteTreeCategory(ctx context.Context, in model.DeleteTreeCategoryInput) (*model.DeleteTreeCategoryPayload, error) {
	id, err := parse[tree.CategoryID]("input.categoryId", in.CategoryID)
	if err != nil {
		return nil, err
	}
	if err := r.Trees.DeleteCategory(ctx, caller(ctx).Actor, id); err != nil {
		return nil, err
	}
	return &model.DeleteTreeCategoryPayload{DeletedCategoryID: id.String()}, nil
}
