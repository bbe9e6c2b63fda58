package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// AnalyticsSpan is how far back figures go unless somebody says from when: far
// enough for seasons of a quarter, near enough to be about the tree as it is.
const AnalyticsSpan = 90 * 24 * time.Hour

// MaxNodeFigures bounds the nodes of which there are figures, the most visited
// first: as many as one version can have. All versions together may have more.
const MaxNodeFigures = MaxNodes

// AnalyticsQuery asks for figures about the walks through a tree.
type AnalyticsQuery struct {
	Tree    ID
	Version int       // 0 for all versions together
	From    time.Time // inclusive, from the hour on in which it is; zero for AnalyticsSpan before To
	To      time.Time // exclusive, until the end of the hour before which it is; zero for now

	Sessions bool // read SessionFigures and Versions
	Nodes    bool // read NodeFigures
}

// Analytics is what the walks through a tree in a span of time show. What each
// figure counts is in docs/analytics.md. Times are to two digits: see Rounded.
type Analytics struct {
	From, To time.Time // whole hours
	// Sessions is about all that were asked for together.
	Sessions SessionFigures
	Versions []SessionFigures // one for each version that a session began with, the newest first; of one version, that one
	Nodes    []NodeFigures    // those with a visit or a step of one's own, the most visited first
}

// SessionFigures counts the sessions that began with a tree.
type SessionFigures struct {
	Version    int // 0 for all together
	Started    int
	InProgress int
	Completed  int // with an outcome, at a solution or before one
	EndedEarly int // of those completed: before a solution
	Abandoned  int

	Resolved, Escalated, Unresolved int // of those completed

	MedianTime   time.Duration // of those completed, from the start to the end; 0 without any
	MedianActive time.Duration // the same without long pauses
}

// Ended is how many sessions are over.
func (f SessionFigures) Ended() int { return f.Completed + f.Abandoned }

// CompletionRate is the part, 0 to 1, of the sessions that are over which have an
// outcome. It is not ok where none is over.
func (f SessionFigures) CompletionRate() (rate float64, ok bool) {
	return part(f.Completed, f.Ended())
}

// Share is the part, 0 to 1, of the completed sessions with that outcome. It is
// not ok where none is completed.
func (f SessionFigures) Share(outcome Outcome) (share float64, ok bool) {
	n := map[Outcome]int{Resolved: f.Resolved, Escalated: f.Escalated, Unresolved: f.Unresolved}[outcome]
	return part(n, f.Completed)
}

func part(n, of int) (float64, bool) {
	if of == 0 {
		return 0, false
	}
	return float64(n) / float64(of), true
}

// NodeFigures counts the visits to a node.
type NodeFigures struct {
	NodeID NodeID
	Kind   Kind // with the title as the newest of the visited versions has it, without values filled in
	Title  string

	Visits     int           // that are over
	Undone     int           // of those: somebody went back to here or to an earlier step
	DropOffs   int           // of those: the session ended here for good, without a solution
	OwnSteps   int           // steps that are not in the tree, taken while standing here
	MedianTime time.Duration // of a visit; 0 without any

	Options []OptionFigures // those that were chosen, the most used first
}

// DropOffRate is the part, 0 to 1, of the visits that were drop-offs. It is not ok
// without a visit.
func (f NodeFigures) DropOffRate() (rate float64, ok bool) { return part(f.DropOffs, f.Visits) }

// OptionFigures counts the answers with an option.
type OptionFigures struct {
	OptionID OptionID
	Label    string // as the version has it from which the node's title is; empty where that has no such option
	Chosen   int    // answers that stand
}

// Analytics works out figures about the walks through a tree. Admins and owners
// may ask, and whoever owns the tree: they answer for its being right. Another
// engineer gets Forbidden. A version that does not exist is NotFound, a span that
// ends before it begins BadUserInput.
func (s *Service) Analytics(ctx context.Context, actor account.Actor, q AnalyticsQuery) (*Analytics, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	t, err := s.Store.Tree(ctx, actor.AccountID, q.Tree, DraftForm, TreeOwner|TreePublishedVersion)
	switch {
	case err != nil:
		return nil, err
	case t.Owner.ID != actor.UserID && !actor.Role.AtLeast(account.Admin):
		return nil, fault.New(fault.Forbidden, "The figures of a tree are for its owner and for admins. Ask one of them.")
	case q.Version < 0 || q.Version > t.PublishedVersion:
		return nil, fault.Missing("tree version")
	}
	if q.From, q.To, err = s.figuresSpan(q.From, q.To); err != nil {
		return nil, err
	}
	q.From, q.To = q.From.UTC().Truncate(time.Hour), HourAfter(q.To)
	return s.Store.Analytics(ctx, actor.AccountID, q)
}

// figuresSpan fills in what a span of time leaves open. One that ends before it
// begins is BadUserInput.
func (s *Service) figuresSpan(from, to time.Time) (begin, end time.Time, err error) {
	if to.IsZero() {
		to = s.Now()
	}
	if from.IsZero() {
		from = to.Add(-AnalyticsSpan)
	}
	if !from.Before(to) {
		return from, to, fault.Input("input.beginsAt", "The span of time ends before it begins. Let it begin earlier.")
	}
	// Nothing was walked outside of these years, and not every database can write them.
	for _, bound := range []*time.Time{&from, &to} {
		switch year := bound.UTC().Year(); {
		case year < 1970:
			*bound = time.Unix(0, 0).UTC()
		case year > 9999:
			*bound = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
		}
	}
	return from, to, nil
}

// HourAfter returns the end of the hour in which a moment is; of a full hour, itself.
func HourAfter(at time.Time) time.Time {
	return at.UTC().Add(time.Hour - 1).Truncate(time.Hour)
}

// Rounded returns a time as figures have it: tenths of a second, to two digits. So it is
// exact to the tenth below 10 seconds and to the second below 100; beyond that it is at
// most a twentieth more or less than the time was.
func Rounded(d time.Duration) time.Duration {
	const tenth = time.Second / 10
	n, unit := d/tenth, time.Duration(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit * tenth
}
