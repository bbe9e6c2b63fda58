package graph

import (
	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/tree"
)

func toTreeSession(s *tree.Session) *model.TreeSession {
	out := &model.TreeSession{
		ID:            s.ID.String(),
		Title:         s.Subject,
		Status:        model.TreeSessionStatus(s.Status),
		Outcome:       given(model.TreeOutcome(s.Outcome)),
		Reason:        s.Reason,
		Ticket:        s.Ticket,
		ClientName:    s.Client,
		Subject:       s.Subject,
		StartedBy:     toUser(s.Starter),
		HeldBy:        toUser(s.Holder),
		StartedAt:     s.StartedAt,
		EndedAt:       instant(s.EndedAt),
		ActiveSeconds: int(s.Active.Seconds()),
		Step:          s.LastSeq,
		Places:        toPlaces(s.Places),
		Values:        toValues(s.Values),
		GivenValues:   toValues(s.Given),
		CurrentNotes:  toNotes(s.CurrentNotes()),
		Escalation:    toAsked(s.Escalation),
		Suggestions:   toSuggestions(s.Suggestions),
		Events:        toHappenings(s.Happened()),

		Scratchpad: s.Scratchpad, ScratchpadRevision: s.ScratchpadRevision,
	}
	if s.Shares != nil {
		out.Shares = toShares(s.Shares)
	}
	if s.Version != nil {
		out.TreeID, out.TreeVersion, out.Title = given(s.TreeID.String()), given(s.Version.Number), s.Version.Title
	}
	if s.Record != nil {
		out.Client = toClient(s.Record)
	}
	if shown := s.Shown(); shown != nil {
		out.CurrentNode = toNode(shown)
		if input, ok := out.CurrentNode.(*model.InputNode); ok {
			for _, v := range s.Values {
				for _, f := range input.Fields {
					if f.Name == v.Name {
						f.Value = given(v.Text)
					}
				}
			}
		}
	}
	out.AllSteps = func() []*model.TreeSessionStep {
		taken := s.Taken(true)
		steps := make([]*model.TreeSessionStep, len(taken))
		for i := range taken {
			steps[i] = toStep(&taken[i])
		}
		return steps
	}
	return out
}

func toNotes(notes []tree.StepNote) []*model.TreeSessionNote {
	out := make([]*model.TreeSessionNote, len(notes))
	for i, n := range notes {
		out[i] = &model.TreeSessionNote{Text: n.Text, Output: n.Output, Internal: n.Internal, WrittenAt: n.At, By: toUser(n.By)}
	}
	return out
}

func toStep(step *tree.Step) *model.TreeSessionStep {
	out := &model.TreeSessionStep{
		Step:      step.Seq,
		How:       model.TreeSessionStepEnd(step.End),
		Own:       step.Own,
		NodeID:    given(string(step.NodeID)),
		Kind:      given(model.TreeNodeKind(step.NodeKind)),
		Title:     step.NodeTitle,
		Text:      step.NodeText,
		Answer:    given(step.OptionLabel),
		Values:    toValues(step.Values),
		Output:    step.Output,
		Notes:     toNotes(step.Notes),
		Links:     toLinks(step.Links),
		EnteredAt: step.EnteredAt,
		LeftAt:    step.LeftAt,
		By:        toUser(step.By),
		Undone:    step.Undone,
	}
	out.Place, out.ClientFacts = toPlace(step.Places[len(step.Places)-1]), toFacts(step.Facts)
	return out
}

func toPlaces(places []tree.Place) []*model.TreeSessionPlace {
	out := make([]*model.TreeSessionPlace, len(places))
	for i, p := range places {
		out[i] = toPlace(p)
	}
	return out
}

func toPlace(p tree.Place) *model.TreeSessionPlace {
	out := &model.TreeSessionPlace{Title: p.Title, Arrival: model.TreeArrival(p.Why), TreeVersion: given(p.Version), NodeID: given(string(p.NodeID))}
	if !p.TreeID.IsZero() {
		out.TreeID = given(p.TreeID.String())
	}
	return out
}

func toValues(values []tree.Value) []*model.TreeSessionValue {
	out := make([]*model.TreeSessionValue, len(values))
	for i, v := range values {
		out[i] = &model.TreeSessionValue{Name: v.Name, Label: v.Label, Type: model.TreeFieldType(v.Type), Text: v.Text, Sensitive: v.Sensitive}
	}
	return out
}

func fromValues(in []*model.TreeSessionValueInput) []tree.GivenValue {
	out := make([]tree.GivenValue, len(in))
	for i, v := range in {
		out[i] = tree.GivenValue{Name: v.Name, Text: v.Text}
	}
	return out
}
