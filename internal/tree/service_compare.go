package tree

import (
	"context"

	"github.com/branchline/branchline/internal/account"
)

// VersionComparison is what is different between two states of a tree.
type VersionComparison struct {
	Fields []FieldChange // title and description
	Comparison
}

// CompareVersions finds what is different between two versions of a tree; nil is
// the draft. Which versions its subtrees lead to is compared between versions
// alone, for a draft has none. Engineers and above may.
func (s *Service) CompareVersions(ctx context.Context, actor account.Actor, id ID, from, to *int) (VersionComparison, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return VersionComparison{}, err
	}
	a, err := s.state(ctx, actor, id, from)
	if err != nil {
		return VersionComparison{}, err
	}
	b, err := s.state(ctx, actor, id, to)
	if err != nil {
		return VersionComparison{}, err
	}
	if from == nil || to == nil {
		a.Graph, b.Graph = a.Graph.pinnedTo(nil), b.Graph.pinnedTo(nil)
	}
	return VersionComparison{
		Fields:     changes([]FieldChange{{"title", a.Title, b.Title}, {"description", a.Description, b.Description}}),
		Comparison: Compare(a.Graph, b.Graph),
	}, nil
}

// state reads a version, or the draft as one.
func (s *Service) state(ctx context.Context, actor account.Actor, id ID, number *int) (*Version, error) {
	if number != nil {
		return s.Store.Version(ctx, actor.AccountID, DraftForm, id, *number, VersionGraph)
	}
	t, err := s.Store.Tree(ctx, actor.AccountID, id, DraftForm, TreeTitle|TreeDescription|TreeGraph)
	if err != nil {
		return nil, err
	}
	return &Version{AccountID: t.AccountID, TreeID: t.ID, Title: t.Title, Description: t.Description, Graph: t.Graph}, nil
}
