package graph

import (
	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

func toClient(c *tree.Client) *model.Client {
	return &model.Client{
		ID: c.ID.String(), Name: c.Name, Aliases: all(c.Aliases), TicketKey: given(c.TicketKey), Facts: toFacts(c.Facts),
		Revision: c.Revision, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func toFacts(facts []tree.ClientFact) []*model.ClientFact {
	out := make([]*model.ClientFact, len(facts))
	for i, f := range facts {
		out[i] = &model.ClientFact{Name: f.Name, Text: f.Text}
	}
	return out
}

func fromFacts(in []*model.ClientFactInput) *[]tree.ClientFact {
	out := make([]tree.ClientFact, len(in))
	for i, f := range in {
		out[i] = tree.ClientFact{Name: f.Name, Text: f.Text}
	}
	return &out
}

func toSeen(seen []tree.SeenSession) []*model.SeenSession {
	out := make([]*model.SeenSession, len(seen))
	for i := range seen {
		f, s := &seen[i], seen[i].Session
		out[i] = &model.SeenSession{
			SessionID: s.ID.String(), IsReadable: f.Readable, IsSimilar: f.Alike, Title: titleOf(s), Subject: s.Subject, ClientName: s.Client,
			Status: model.TreeSessionStatus(s.Status), Outcome: given(model.TreeOutcome(s.Outcome)), Solution: f.Solution, SolutionText: f.Text,
			HeldBy: toUser(s.Holder), StartedAt: s.StartedAt, EndedAt: instant(s.EndedAt),
		}
		if !s.TreeID.IsZero() {
			out[i].TreeID = given(s.TreeID.String())
		}
	}
	return out
}

// titleOf returns the title of the tree that a session began with, or its subject.
func titleOf(s *tree.Session) string {
	if s.Version != nil {
		return s.Version.Title
	}
	return s.Subject
}

func toStartLink(start *tree.Start, caller account.UserID) *model.StartLink {
	out := &model.StartLink{
		Trees:        make([]*model.Tree, len(start.Trees)),
		OpenSessions: make([]*model.StartLinkSession, len(start.Open)),
		Values:       make([]*model.StartLinkValue, len(start.Values)),
		Problems:     make([]*model.StartLinkProblem, len(start.Problems)),
	}
	if start.Tree != nil {
		out.Tree = toTree(start.Tree)
	}
	for i, t := range start.Trees {
		out.Trees[i] = toTree(t)
	}
	if start.Client != nil {
		out.Client = toClient(start.Client)
	}
	for i, s := range start.Open {
		out.OpenSessions[i] = &model.StartLinkSession{
			SessionID: s.ID.String(), Title: titleOf(s), HeldBy: toUser(s.Holder), IsMine: s.Holder.ID == caller,
			StartedAt: s.StartedAt, UpdatedAt: s.UpdatedAt,
		}
	}
	for i, v := range start.Values {
		out.Values[i] = &model.StartLinkValue{Name: v.Name, Label: v.Label, Text: v.Text, IsAskedFor: v.Asked, Refusal: given(v.Wrong)}
	}
	for i, p := range start.Problems {
		out.Problems[i] = &model.StartLinkProblem{Field: p.Field, Message: p.Message}
	}
	return out
}
