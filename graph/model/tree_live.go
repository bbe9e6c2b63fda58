package model

import (
	"github.com/branchline/branchline/internal/tree"
)

// The events of trees and troubleshooting sessions are written by hand: each
// wraps what all who watch share, so that two of them are equal where their news
// are, and the transport encodes an event once.
type (
	// TreeSessionState is how a watched session stands when watching begins.
	TreeSessionState struct{ News *tree.SessionNews }
	// TreeSessionProgress is what happened to it since.
	TreeSessionProgress struct{ News *tree.SessionNews }
	// TreeSessionUnavailable says that the receiver may not see it any more.
	TreeSessionUnavailable struct{ News *tree.SessionNews }

	// ActiveTreeSessionsState is the list of running sessions when watching begins.
	ActiveTreeSessionsState struct{ News *tree.WalksNews }
	// ActiveTreeSessionsChange is what changed in it since.
	ActiveTreeSessionsChange struct{ News *tree.WalksNews }

	// EscalationQueue is the queue of escalations, also when it is asked for once.
	EscalationQueue struct{ News *tree.QueueNews }
	// EscalationsChange is what changed in it since.
	EscalationsChange struct{ News *tree.QueueNews }

	// TreeChange is how a watched tree stands.
	TreeChange struct{ News *tree.TreeNews }
)

// TreeSessionNews returns the wire's form of what happens to a watched session.
func TreeSessionNews(n *tree.SessionNews) TreeSessionEvent {
	switch {
	case n.Last():
		return TreeSessionUnavailable{n}
	case n.First:
		return TreeSessionState{n}
	}
	return TreeSessionProgress{n}
}

// ActiveTreeSessions returns the wire's form of a list of running sessions.
func ActiveTreeSessions(n *tree.WalksNews) ActiveTreeSessionsEvent {
	if n.First {
		return ActiveTreeSessionsState{n}
	}
	return ActiveTreeSessionsChange{n}
}

// IsTreeSessionEvent marks a member of the union.
func (TreeSessionState) IsTreeSessionEvent() {}

// IsTreeSessionEvent marks a member of the union.
func (TreeSessionProgress) IsTreeSessionEvent() {}

// IsTreeSessionEvent marks a member of the union.
func (TreeSessionUnavailable) IsTreeSessionEvent() {}

// Last says that the subscription completes after this event.
func (TreeSessionUnavailable) Last() bool { return true }

// SessionID returns the session's global id.
func (e TreeSessionUnavailable) SessionID() string { return e.News.ID.String() }

// IsActiveTreeSessionsEvent marks a member of the union.
func (ActiveTreeSessionsState) IsActiveTreeSessionsEvent() {}

// More says whether the list is cut.
func (e ActiveTreeSessionsState) More() bool { return e.News.More }

// IsActiveTreeSessionsEvent marks a member of the union.
func (ActiveTreeSessionsChange) IsActiveTreeSessionsEvent() {}

// EndedIds returns the global ids of the sessions that run no more.
func (e ActiveTreeSessionsChange) EndedIds() []string {
	ids := make([]string, len(e.News.Ended))
	for i, id := range e.News.Ended {
		ids[i] = id.String()
	}
	return ids
}

// Escalations returns the wire's form of what happens to the queue.
func Escalations(n *tree.QueueNews) EscalationsEvent {
	if n.First {
		return EscalationQueue{n}
	}
	return EscalationsChange{n}
}

// IsEscalationsEvent marks a member of the union.
func (EscalationQueue) IsEscalationsEvent() {}

// More says whether the list is cut.
func (e EscalationQueue) More() bool { return e.News.More }

// IsEscalationsEvent marks a member of the union.
func (EscalationsChange) IsEscalationsEvent() {}

// More says whether the list is cut.
func (e EscalationsChange) More() bool { return e.News.More }

// TreeID returns the tree's global id.
func (c TreeChange) TreeID() string { return c.News.ID.String() }

// Last says whether the subscription completes after this event.
func (c TreeChange) Last() bool { return c.News.Last() }
