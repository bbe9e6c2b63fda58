package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// SearchTrees is the resolver of Query.searchTrees.
func (r *queryResolver) SearchTrees(ctx context.Context, query string, filter *model.TreeFilter, first *int, after *string) (*model.TreeSearchConnection, error) {
	asked, edges := selected(ctx), selected(ctx, "edges")
	q := tree.SearchQuery{
		Text:   query,
		First:  first,
		After:  text(after),
		Fields: treeFields(selected(ctx, "nodes").plus(selected(ctx, "edges", "node"))),
	}
	_, q.Total = asked["totalCount"]
	for _, name := range []string{"title", "matchingNodeId", "matchingNodeTitle", "excerpt"} {
		_, shown := edges[name]
		q.Excerpts = q.Excerpts || shown
	}
	var err error
	if q.Filter, err = fromTreeFilter(filter); err != nil {
		return nil, err
	}
	result, err := r.Resolver.Trees.SearchTrees(ctx, caller(ctx).Actor, q)
	if err != nil {
		return nil, err
	}
	out := &model.TreeSearchConnection{
		Edges:         make([]*model.TreeSearchEdge, len(result.Edges)),
		Nodes:         make([]*model.Tree, len(result.Edges)),
		PageInfo:      toPageInfo(result.Connection),
		TotalCount:    result.Total,
		Match:         model.TreeSearchMatch(result.Match),
		IsRankBounded: result.Bounded,
	}
	for i, edge := range result.Edges {
		hit := edge.Node
		out.Nodes[i] = toTree(hit.Tree)
		out.Edges[i] = &model.TreeSearchEdge{
			Cursor: edge.Cursor, Node: out.Nodes[i],
			Title: toPieces(hit.Title), Excerpt: toPieces(hit.Excerpt),
			MatchingNodeID: given(string(hit.NodeID)), MatchingNodeTitle: given(hit.NodeTitle),
		}
	}
	return out, nil
}

func toPieces(pieces []tree.Piece) []*model.TreeSearchPiece {
	out := make([]*model.TreeSearchPiece, len(pieces))
	for i, p := range pieces {
		out[i] = &model.TreeSearchPiece{Text: p.Text, IsMatch: p.Match}
	}
	return out
}
