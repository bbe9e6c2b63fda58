package model

import (
	"time"

	"github.com/branchline/branchline/internal/login"
)

// The events about who is signed in are written by hand: each wraps what all owners
// who watch share, so that two of them are equal where their news are, and the
// transport encodes an event once.
type (
	// ActiveSessionsState is who is signed in when watching begins.
	ActiveSessionsState struct{ News *login.ActiveNews }
	// ActiveSessionsChange is what changed in that since.
	ActiveSessionsChange struct{ News *login.ActiveNews }
)

// ActiveSessions returns the wire's form of who is signed in.
func ActiveSessions(n *login.ActiveNews) ActiveSessionsEvent {
	if n.First {
		return ActiveSessionsState{n}
	}
	return ActiveSessionsChange{n}
}

// IsActiveSessionsEvent marks a member of the union.
func (ActiveSessionsState) IsActiveSessionsEvent() {}

// ServerTime returns the database's time at which the event was made.
func (e ActiveSessionsState) ServerTime() time.Time { return e.News.At }

// More says whether the list is cut.
func (e ActiveSessionsState) More() bool { return e.News.More }

// IsActiveSessionsEvent marks a member of the union.
func (ActiveSessionsChange) IsActiveSessionsEvent() {}

// ServerTime returns the database's time at which the event was made.
func (e ActiveSessionsChange) ServerTime() time.Time { return e.News.At }

// More says whether the list is cut.
func (e ActiveSessionsChange) More() bool { return e.News.More }

// RemovedIds returns the global ids of those that are in the list no more.
func (e ActiveSessionsChange) RemovedIds() []string {
	ids := make([]string, len(e.News.Removed))
	for i, id := range e.News.Removed {
		ids[i] = id.String()
	}
	return ids
}
