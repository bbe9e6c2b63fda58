package graph

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// rootPlans are the fields of Query that have plans.
var rootPlans = map[string]rootPlan{"trees": planTrees, "tree": planTree, "treeCategories": planTreeCategories}

func planTrees(r *queryResolver, c *compiler, f graphql.CollectedField) func(context.Context, *executionContext, []byte) graphql.Marshaler {
	write := plannedTreeConnection.compile(c, f.Selections)
	if write == nil {
		return nil
	}
	asked := treesAsked(c.op, f.Selections)
	return resolved(c, f, (*executionContext).fieldContext_Query_trees,
		func(ctx context.Context, args map[string]any) (*treePage, error) {
			page, err := r.trees(ctx, asked, args["filter"].(*model.TreeFilter), args["orderBy"].(*model.TreeOrder),
				args["first"].(*int), args["after"].(*string), args["last"].(*int), args["before"].(*string))
			return &page, err
		}, write)
}

func planTree(r *queryResolver, c *compiler, f graphql.CollectedField) func(context.Context, *executionContext, []byte) graphql.Marshaler {
	write := plannedTree.compile(c, f.Selections)
	if write == nil {
		return nil
	}
	asked := treeFields(collect(c.op, []ast.SelectionSet{f.Selections}))
	return resolved(c, f, (*executionContext).fieldContext_Query_tree,
		func(ctx context.Context, args map[string]any) (*tree.Tree, error) {
			return r.tree(ctx, asked, args["id"].(string))
		}, write)
}

func planTreeCategories(r *queryResolver, c *compiler, f graphql.CollectedField) func(context.Context, *executionContext, []byte) graphql.Marshaler {
	write := listed(&plannedCategory,
		func(list []tree.Category) int { return len(list) },
		func(list []tree.Category, i int) *tree.Category { return &list[i] })(c, f)
	if write == nil {
		return nil
	}
	return resolved(c, f,
		func(ec *executionContext, ctx context.Context, f graphql.CollectedField) (*graphql.FieldContext, error) {
			return ec.fieldContext_Query_treeCategories(ctx, f)
		},
		func(ctx context.Context, _ map[string]any) ([]tree.Category, error) {
			return r.Resolver.Trees.Categories(ctx, caller(ctx).Actor)
		}, write)
}

// treePage and treeEdge are a page of trees and one place in it.
type (
	treePage = tree.Connection[*tree.Tree]
	treeEdge = tree.Edge[*tree.Tree]
)

var plannedTreeConnection = object[*treePage]{"TreeConnection", treeConnectionImplementors, map[string]field[*treePage]{
	"edges": listed(&plannedTreeEdge,
		func(p *treePage) int { return len(p.Edges) },
		func(p *treePage, i int) *treeEdge { return &p.Edges[i] }),
	"nodes": listed(&plannedTree,
		func(p *treePage) int { return len(p.Edges) },
		func(p *treePage, i int) *tree.Tree { return p.Edges[i].Node }),
	"pageInfo":   nested(&plannedPageInfo, func(p *treePage) (*treePage, bool) { return p, true }),
	"totalCount": leaf(func(b []byte, p *treePage) []byte { return appendInt(b, p.Total) }),
}}

var plannedTreeEdge = object[*treeEdge]{"TreeEdge", treeEdgeImplementors, map[string]field[*treeEdge]{
	"cursor": leaf(func(b []byte, e *treeEdge) []byte { return appendText(b, e.Cursor) }),
	"node":   nested(&plannedTree, func(e *treeEdge) (*tree.Tree, bool) { return e.Node, true }),
}}

var plannedPageInfo = object[*treePage]{"PageInfo", pageInfoImplementors, map[string]field[*treePage]{
	"hasNextPage":     leaf(func(b []byte, p *treePage) []byte { return strconv.AppendBool(b, p.HasNextPage) }),
	"hasPreviousPage": leaf(func(b []byte, p *treePage) []byte { return strconv.AppendBool(b, p.HasPrevPage) }),
	"startCursor":     leaf(func(b []byte, p *treePage) []byte { return appendCursor(b, p, 0) }),
	"endCursor":       leaf(func(b []byte, p *treePage) []byte { return appendCursor(b, p, len(p.Edges)-1) }),
}}

// appendCursor writes the cursor of an edge, or null where there is none.
func appendCursor(b []byte, p *treePage, i int) []byte {
	if len(p.Edges) == 0 {
		return append(b, "null"...)
	}
	return appendText(b, p.Edges[i].Cursor)
}

// plannedTree leaves out the graph and its problems, and the lists that are read
// for themselves.
var plannedTree = object[*tree.Tree]{"Tree", treeImplementors, map[string]field[*tree.Tree]{
	"id":               leaf(func(b []byte, t *tree.Tree) []byte { return appendID(b, t.ID) }),
	"title":            leaf(func(b []byte, t *tree.Tree) []byte { return appendText(b, t.Title) }),
	"description":      leaf(func(b []byte, t *tree.Tree) []byte { return appendText(b, t.Description) }),
	"status":           leaf(func(b []byte, t *tree.Tree) []byte { return appendText(b, string(t.Status)) }),
	"tags":             leaf(func(b []byte, t *tree.Tree) []byte { return appendTexts(b, t.Tags) }),
	"category":         nested(&plannedCategory, func(t *tree.Tree) (*tree.Category, bool) { return &t.Category, !t.Category.ID.IsZero() }),
	"author":           nested(&plannedUser, func(t *tree.Tree) (*account.User, bool) { return t.Author, true }),
	"owner":            nested(&plannedUser, func(t *tree.Tree) (*account.User, bool) { return t.Owner, true }),
	"savedBy":          nested(&plannedUser, func(t *tree.Tree) (*account.User, bool) { return t.SavedBy, true }),
	"confirmedBy":      nested(&plannedUser, func(t *tree.Tree) (*account.User, bool) { return t.ConfirmedBy, !t.ConfirmedAt.IsZero() }),
	"nodeCount":        leaf(func(b []byte, t *tree.Tree) []byte { return appendInt(b, t.NodeCount) }),
	"publishedVersion": leaf(func(b []byte, t *tree.Tree) []byte { return appendGiven(b, t.PublishedVersion) }),
	"revision":         leaf(func(b []byte, t *tree.Tree) []byte { return appendInt(b, t.Revision) }),
	"createdAt":        leaf(func(b []byte, t *tree.Tree) []byte { return model.AppendDateTime(b, t.CreatedAt) }),
	"updatedAt":        leaf(func(b []byte, t *tree.Tree) []byte { return model.AppendDateTime(b, t.UpdatedAt) }),
	"confirmedAt":      leaf(func(b []byte, t *tree.Tree) []byte { return appendInstant(b, t.ConfirmedAt) }),
	"reviewBy": leaf(func(b []byte, t *tree.Tree) []byte {
		if t.ReviewBy.IsZero() {
			return append(b, "null"...)
		}
		return model.AppendDate(b, t.ReviewBy)
	}),
	"openOfferCount": leaf(func(b []byte, t *tree.Tree) []byte {
		if t.OpenOffers == nil {
			return append(b, "null"...)
		}
		return appendInt(b, *t.OpenOffers)
	}),
}}

var plannedCategory = object[*tree.Category]{"TreeCategory", treeCategoryImplementors, map[string]field[*tree.Category]{
	"id":       leaf(func(b []byte, c *tree.Category) []byte { return appendID(b, c.ID) }),
	"name":     leaf(func(b []byte, c *tree.Category) []byte { return appendText(b, c.Name) }),
	"position": leaf(func(b []byte, c *tree.Category) []byte { return appendInt(b, c.Position) }),
}}

// plannedUser leaves out what depends on who asks.
var plannedUser = object[*account.User]{"User", userImplementors, map[string]field[*account.User]{
	"id":        leaf(func(b []byte, u *account.User) []byte { return appendID(b, u.ID) }),
	"name":      leaf(func(b []byte, u *account.User) []byte { return appendText(b, u.Name) }),
	"email":     leaf(func(b []byte, u *account.User) []byte { return appendText(b, u.Email) }),
	"role":      leaf(func(b []byte, u *account.User) []byte { return appendText(b, string(u.Role)) }),
	"createdAt": leaf(func(b []byte, u *account.User) []byte { return model.AppendDateTime(b, u.CreatedAt) }),
}}
