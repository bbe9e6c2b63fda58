package model

import (
	"time"

	"github.com/branchline/branchline/internal/tree"
)

// TreeSession is a walk through a tree. It is written by hand because its steps
// take an argument.
type TreeSession struct {
	ID            string
	TreeID        *string
	TreeVersion   *int
	Title         string
	Status        TreeSessionStatus
	Outcome       *TreeOutcome
	Ticket        string
	ClientName    string
	Client        *Client
	Subject       string
	Reason        string
	StartedBy     *User
	HeldBy        *User
	StartedAt     time.Time
	EndedAt       *time.Time
	ActiveSeconds int
	Step          int
	Places        []*TreeSessionPlace
	CurrentNode   TreeNode
	Values        []*TreeSessionValue
	GivenValues   []*TreeSessionValue
	CurrentNotes  []*TreeSessionNote
	Shares        []*TreeSessionShare // nil where they were not read with it

	Scratchpad         string
	ScratchpadRevision int

	// AllSteps makes the steps taken, undone ones included, where they are asked for.
	AllSteps    func() []*TreeSessionStep
	Escalation  *TreeSessionEscalation
	Suggestions []*TreeSessionSuggestion
	Events      []*TreeSessionHappening
}

// IsNode marks a TreeSession as an object with a global id.
func (TreeSession) IsNode() {}

// GetID returns the global id.
func (s TreeSession) GetID() string { return s.ID }

// Steps returns the steps taken, in order.
func (s *TreeSession) Steps(includeUndone bool) []*TreeSessionStep {
	all := s.AllSteps()
	steps := make([]*TreeSessionStep, 0, len(all))
	for _, step := range all {
		if includeUndone || !step.Undone {
			steps = append(steps, step)
		}
	}
	return steps
}

// SharedTreeSession is a session as a link shows it. It is written by hand because
// its file is made where it is asked for.
type SharedTreeSession struct {
	ExpiresAt time.Time
	Shared    *tree.SharedSession
}
