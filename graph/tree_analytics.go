package graph

import (
	"context"
	"time"

	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

// TreeAnalytics is the resolver of Query.treeAnalytics.
func (r *queryResolver) TreeAnalytics(ctx context.Context, in model.TreeAnalyticsInput) (*model.TreeAnalytics, error) {
	treeID, err := parse[tree.ID]("input.treeId", in.TreeID)
	if err != nil {
		return nil, err
	}
	asked := selected(ctx)
	q := tree.AnalyticsQuery{Tree: treeID}
	_, sessions := asked["sessions"]
	_, versions := asked["versions"]
	_, q.Nodes = asked["nodes"]
	q.Sessions = sessions || versions
	if in.Version != nil {
		if q.Version = *in.Version; q.Version == 0 {
			q.Version = -1 // there is no such version; the domain's zero is all of them
		}
	}
	if in.BeginsAt != nil {
		q.From = *in.BeginsAt
	}
	if in.EndsAt != nil {
		q.To = *in.EndsAt
	}
	a, err := r.Resolver.Trees.Analytics(ctx, caller(ctx).Actor, q)
	if err != nil {
		return nil, err
	}
	out := &model.TreeAnalytics{
		TreeID: treeID.String(), Version: in.Version, BeginsAt: a.From, EndsAt: a.To,
		Sessions: toSessionFigures(a.Sessions),
		Versions: make([]*model.TreeSessionFigures, len(a.Versions)),
		Nodes:    make([]*model.TreeNodeFigures, len(a.Nodes)),
	}
	for i, f := range a.Versions {
		out.Versions[i] = toSessionFigures(f)
	}
	for i := range a.Nodes {
		out.Nodes[i] = toNodeFigures(&a.Nodes[i])
	}
	return out, nil
}

// TreesHealth is the resolver of Query.treesHealth.
func (r *queryResolver) TreesHealth(ctx context.Context) ([]*model.TreeHealth, error) {
	trees, err := r.Resolver.Trees.TreesHealth(ctx, caller(ctx).Actor)
	if err != nil {
		return nil, err
	}
	out := make([]*model.TreeHealth, len(trees))
	for i, t := range trees {
		out[i] = &model.TreeHealth{
			TreeID: t.ID.String(), Title: t.Title, Version: t.Version, Owner: toUser(t.Owner),
			PublishedAt: t.Facts.PublishedAt, LastUsedAt: instant(t.Facts.UsedAt),
			Findings: make([]*model.TreeHealthFinding, len(t.Findings)),
		}
		for j, f := range t.Findings {
			out[i].Findings[j] = &model.TreeHealthFinding{Code: model.TreeHealthCode(f.Code), Number: f.Number, Message: f.Message}
		}
	}
	return out, nil
}

func toSessionFigures(f tree.SessionFigures) *model.TreeSessionFigures {
	out := &model.TreeSessionFigures{
		Version: given(f.Version), Started: f.Started, InProgress: f.InProgress, Completed: f.Completed, EndedEarly: f.EndedEarly, Abandoned: f.Abandoned,
		CompletionRate: rate(f.CompletionRate()),
	}
	if f.Completed > 0 {
		out.MedianSeconds, out.MedianActiveSeconds = wholeSeconds(f.MedianTime), wholeSeconds(f.MedianActive)
	}
	for _, o := range []struct {
		outcome tree.Outcome
		count   int
	}{{tree.Resolved, f.Resolved}, {tree.Escalated, f.Escalated}, {tree.Unresolved, f.Unresolved}} {
		out.Outcomes = append(out.Outcomes, &model.TreeOutcomeShare{Outcome: model.TreeOutcome(o.outcome), Count: o.count, Share: rate(f.Share(o.outcome))})
	}
	return out
}

func toNodeFigures(f *tree.NodeFigures) *model.TreeNodeFigures {
	out := &model.TreeNodeFigures{
		NodeID: string(f.NodeID), Title: f.Title, Visits: f.Visits, Undone: f.Undone, DropOffs: f.DropOffs, DropOffRate: rate(f.DropOffRate()), OwnSteps: f.OwnSteps,
		Options: make([]*model.TreeOptionFigures, len(f.Options)),
	}
	if f.Visits > 0 {
		out.MedianSeconds = wholeSeconds(f.MedianTime)
	}
	for i, o := range f.Options {
		out.Options[i] = &model.TreeOptionFigures{OptionID: string(o.OptionID), Label: o.Label, Chosen: o.Chosen}
	}
	return out
}

// wholeSeconds rounds to the nearest second.
func wholeSeconds(d time.Duration) *int {
	n := int(d.Round(time.Second) / time.Second)
	return &n
}

// rate is null where there is nothing to divide by.
func rate(part float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &part
}
