package tree

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Bounds of the time until a tree that was confirmed is due again, in months.
const (
	UsualReviewMonths = 6 // two times a year, as vendors' consoles change
	MaxReviewMonths   = 60
)

// ConfirmTree records that somebody looked and the tree is still right, and moves
// its review date to that many months from today. Engineers and above may.
// Months outside 1 to MaxReviewMonths are BadUserInput. A tree that is not
// published is a Conflict: nobody can rely on it.
func (s *Service) ConfirmTree(ctx context.Context, actor account.Actor, id ID, months int, fields TreeFields) (*Tree, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	if months < 1 || months > MaxReviewMonths {
		return nil, fault.Input("input.months", "Say in how many months somebody should look again: 1 to %d.", MaxReviewMonths)
	}
	return s.changeTree(ctx, actor, id, fields, func(ctx context.Context, tx Tx, t *Tree) (bool, error) {
		switch t.Status {
		case Draft:
			return false, fault.New(fault.Conflict, "This tree was never published. Publish it when it is right.")
		case Archived:
			return false, fault.New(fault.Conflict, "This tree is archived. Bring it back into use first.")
		}
		t.ConfirmedAt, t.ConfirmedBy = s.Now(), &account.User{AccountID: actor.AccountID, ID: actor.UserID}
		t.ReviewBy = dayOf(t.ConfirmedAt).AddDate(0, months, 0)
		e := s.audit(actor, account.TreeConfirmed, t)
		e.Details["version"], e.Details["reviewBy"] = t.PublishedVersion, t.ReviewBy.Format(time.DateOnly)
		return true, tx.AddAudit(ctx, e)
	})
}
