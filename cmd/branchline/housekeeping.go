package main

import (
	"context"
	"time"

	"github.com/branchline/branchline/internal/tree"
)

const (
	sweepEvery = time.Minute
	// sweepAtMost bounds one statement; what is left is found a minute later.
	sweepAtMost = 1000
	// requestsKept is how long a repeated request returns the first one's result.
	requestsKept = 24 * time.Hour
)

// keepHouse ends login sessions that passed a deadline without anybody noticing,
// and forgets old requests and links, until ctx ends. Several processes may do it at once:
// of those that meet, one gets each row.
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
		if err := p.treeStore.ForgetRequests(ctx, p.now().Add(-requestsKept)); err != nil && ctx.Err() == nil {
			p.log.Warn("old requests were not forgotten", "error", err)
		}
		if err := p.treeStore.ForgetShares(ctx, p.now().Add(-tree.SharesKept)); err != nil && ctx.Err() == nil {
			p.log.Warn("old links to troubleshooting sessions were not forgotten", "error", err)
		}
	}
}
