package tree

import (
	"context"
	"fmt"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// What is held against a tree. All of it is judged on the latest version alone: a
// version that mends what was wrong begins without blame.
const (
	// HealthSpan is how far back walks count.
	HealthSpan = 90 * 24 * time.Hour
	// UnusedAfter is how long a tree may go without a walk, and without a new
	// version. What nobody needed for a quarter is no longer a fault that people
	// have, or they do not find the tree.
	UnusedAfter = 90 * 24 * time.Hour
	// HealthSessions is how many sessions have to be over before shares of them are
	// judged. Of 20, a single one moves a share by 5 points; of fewer, chance speaks.
	HealthSessions = 20
	// HighDropOff and HighUnresolved are percentages. Every fourth walk is more than
	// calls that break off and faults that nobody can mend account for. They are
	// chosen, not measured.
	HighDropOff    = 25
	HighUnresolved = 25
	// ReviewAfter is how long a version without a review date may stand unlooked at.
	// Products change about once a year.
	ReviewAfter = 365 * 24 * time.Hour

	// MaxUnwellTrees bounds the list of trees that something is held against.
	MaxUnwellTrees = 100
)

const day = 24 * time.Hour

// HealthCode names what is held against a tree. Codes are never renamed.
type HealthCode string

// The codes of findings.
const (
	NotUsed         HealthCode = "NOT_USED"         // the number is days
	DropsOff        HealthCode = "DROPS_OFF"        // percent of the sessions that are over
	OftenUnresolved HealthCode = "OFTEN_UNRESOLVED" // percent of the sessions with an outcome
	NotReviewed     HealthCode = "NOT_REVIEWED"     // days since the review was due, or since the latest version
)

// HealthFinding is something that is held against a tree.
type HealthFinding struct {
	Code    HealthCode
	Number  int // what was found; the code says in which unit
	Message string
}

// HealthFacts is what is known of a published tree's use.
type HealthFacts struct {
	PublishedAt time.Time // of the latest version
	UsedAt      time.Time // the latest start of a walk or step in any version; zero if never
	ReviewBy    time.Time // zero if none

	// Of the sessions that began with the latest version in HealthSpan:
	Ended, DroppedOff     int // over; of those abandoned or completed before a solution
	Completed, Unresolved int // with an outcome; of those UNRESOLVED
}

// Findings returns what is held against a tree, with the reason in words; nothing
// if it is well.
func (f HealthFacts) Findings(now time.Time) []HealthFinding {
	var found []HealthFinding
	since := f.PublishedAt
	if f.UsedAt.After(since) {
		since = f.UsedAt
	}
	if unused := now.Sub(since); unused >= UnusedAfter {
		days := int(unused / day)
		message := "Nobody has walked it for %d days. Archive it, or see whether people find it."
		if f.UsedAt.IsZero() {
			message = "Nobody has walked it since it was published %d days ago. Archive it, or see whether people find it."
		}
		found = append(found, HealthFinding{NotUsed, days, fmt.Sprintf(message, days)})
	}
	if f.Ended >= HealthSessions && f.DroppedOff*100 >= HighDropOff*f.Ended {
		percent := f.DroppedOff * 100 / f.Ended
		found = append(found, HealthFinding{DropsOff, percent, fmt.Sprintf(
			"%d %% of its latest version's walks ended before a solution (%d of %d in %d days). Look at the nodes where people leave.",
			percent, f.DroppedOff, f.Ended, int(HealthSpan/day),
		)})
	}
	if f.Completed >= HealthSessions && f.Unresolved*100 >= HighUnresolved*f.Completed {
		percent := f.Unresolved * 100 / f.Completed
		found = append(found, HealthFinding{OftenUnresolved, percent, fmt.Sprintf(
			"%d %% of its latest version's completed walks ended unresolved (%d of %d in %d days). See what it does not cover.",
			percent, f.Unresolved, f.Completed, int(HealthSpan/day),
		)})
	}
	switch today := now.UTC().Truncate(day); {
	case f.ReviewBy.IsZero():
		if age := now.Sub(f.PublishedAt); age >= ReviewAfter {
			days := int(age / day)
			found = append(found, HealthFinding{NotReviewed, days, fmt.Sprintf(
				"It has no review date, and its latest version is %d days old. See whether it is still right.", days,
			)})
		}
	case f.ReviewBy.Before(today):
		days := int(today.Sub(f.ReviewBy) / day)
		late := fmt.Sprintf("%d days ago", days)
		if days == 1 {
			late = "yesterday"
		}
		found = append(found, HealthFinding{NotReviewed, days, "Its review was due " + late + ". See whether it is still right."})
	}
	return found
}

// UnwellTree is a published tree that something is held against.
type UnwellTree struct {
	ID       ID
	Version  int    // the latest
	Title    string // of that version
	Owner    account.User
	Facts    HealthFacts
	Findings []HealthFinding // at least one
}

// HealthQuery asks for the published trees that something is held against.
type HealthQuery struct {
	Owner account.UserID // whose trees; zero for everybody's
	Now   time.Time
}

// TreesHealth lists the published trees that something is held against, those with
// most findings first, then those with most sessions; at most MaxUnwellTrees.
// Admins and owners read of all trees, engineers of those that they own.
func (s *Service) TreesHealth(ctx context.Context, actor account.Actor) ([]UnwellTree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	q := HealthQuery{Now: s.Now()}
	if !actor.Role.AtLeast(account.Admin) {
		q.Owner = actor.UserID
	}
	trees, err := s.Store.UnwellTrees(ctx, actor.AccountID, q)
	if err != nil {
		return nil, err
	}
	for i := range trees {
		trees[i].Findings = trees[i].Facts.Findings(q.Now)
	}
	return trees, nil
}
