package main

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/tree"
)

const (
	sweepEvery = time.Minute
	// sweepAtMost bounds one statement; what is left is found a minute later.
	sweepAtMost  = 1000
	forgetAtMost = 20_000 // tries to sign in, one small row each
	// requestsKept is how long a repeated request returns the first one's result.
	requestsKept = 24 * time.Hour
	// countedAfter is how long nothing has to happen to a walk until it is counted for
	// the figures. One that ended is counted at once; one that goes on is taken out
	// again, which costs its next step some 6 ms of PostgreSQL's time.
	countedAfter  = time.Hour
	countedAtOnce = 500 // in one transaction, about 0.2 s
)

// keepHouse ends login sessions that passed a deadline without anybody noticing,
// forgets old requests, links and tries to sign in, and counts walks for the figures,
// until ctx ends. Several processes may do it at once: of those that meet, one gets
// each row.
func (p *app) keepHouse(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := p.logins.Sweep(ctx, sweepAtMost); err != nil && ctx.Err() == nil {
			p.log.Warn("login sessions past their deadline were not swept", "error", err)
		}
		if err := p.logins.ForgetLimits(ctx, forgetAtMost); err != nil && ctx.Err() == nil {
			p.log.Warn("old tries to sign in were not forgotten", "error", err)
		}
		if err := p.treeStore.ForgetRequests(ctx, p.now().Add(-requestsKept)); err != nil && ctx.Err() == nil {
			p.log.Warn("old requests were not forgotten", "error", err)
		}
		if err := p.treeStore.ForgetShares(ctx, p.now().Add(-tree.SharesKept)); err != nil && ctx.Err() == nil {
			p.log.Warn("old links to troubleshooting sessions were not forgotten", "error", err)
		}
		for {
			n, err := p.treeStore.CountSessions(ctx, p.now().Add(-countedAfter), countedAtOnce)
			if err != nil && ctx.Err() == nil {
				p.log.Warn("walks were not counted; figures are right, but slower to ask for", "error", err)
			}
			if n < countedAtOnce {
				break
			}
		}
	}
}
