package graph

import (
	"context"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// CompareTreeVersions is the resolver of Query.compareTreeVersions.
func (r *queryResolver) CompareTreeVersions(ctx context.Context, in model.CompareTreeVersionsInput) (*model.TreeComparison, error) {
	id, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	c, err := r.Resolver.Trees.CompareVersions(ctx, caller(ctx).Actor, id, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return toComparison(&c), nil
}

func toComparison(c *tree.VersionComparison) *model.TreeComparison {
	fields := c.Fields
	if c.Root != nil {
		fields = append(fields, *c.Root)
	}
	out := &model.TreeComparison{
		Same:   len(fields) == 0 && c.Same(),
		Fields: toFieldChanges(fields), Nodes: make([]*model.TreeNodeChange, len(c.Nodes)),
		AddedCount: c.Added, RemovedCount: c.Removed, ChangedCount: c.Changed,
	}
	for i, n := range c.Nodes {
		options := make([]*model.TreeOptionChange, len(n.Options))
		for j, o := range n.Options {
			options[j] = &model.TreeOptionChange{
				OptionID: string(o.OptionID), Kind: model.TreeChangeKind(o.Kind), Label: o.Label, Moved: o.Moved, Fields: toFieldChanges(o.Fields),
			}
		}
		out.Nodes[i] = &model.TreeNodeChange{
			NodeID: string(n.NodeID), Kind: model.TreeChangeKind(n.Kind), Title: n.Title, Fields: toFieldChanges(n.Fields), Options: options,
		}
	}
	return out
}

func toFieldChanges(changes []tree.FieldChange) []*model.TreeFieldChange {
	out := make([]*model.TreeFieldChange, len(changes))
	for i, c := range changes {
		out[i] = &model.TreeFieldChange{Field: c.Field, Old: c.Old, New: c.New}
	}
	return out
}
