package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// Figures about a hundred thousand sessions are read from counts (tree_session_counts,
// tree_visit_counts). A session is counted when nothing has happened to it for a while,
// and taken out again by the very statement that changes it; those that are not counted
// are read one by one. Both are seen in one snapshot, so the figures are exact at any
// moment, however late a session is counted. What a session counts for is written down
// once, in the views tree_session_facts and tree_visits.

// CountSessions counts the sessions that ended and those to which nothing happened since
// a moment, at most so many, and returns how many it counted. It goes over all accounts.
// Several processes may do it at once: each session is counted by one.
func (s *Trees) CountSessions(ctx context.Context, since time.Time, most int) (int, error) {
	counted := 0
	err := s.db.inTx(ctx, func(ctx context.Context, _ bun.Conn, tx bun.Tx) error {
		var due []struct {
			AccountID account.ID     `bun:"account_id"`
			ID        tree.SessionID `bun:"id"`
		}
		err := tx.NewRaw(`
			SELECT s.account_id, s.id
			FROM tree_sessions AS s
			WHERE NOT s.counted AND (s.status <> 'IN_PROGRESS' OR s.updated_at < ?)
			ORDER BY s.account_id, s.id
			LIMIT ?
			FOR UPDATE SKIP LOCKED`, since, most).Scan(ctx, &due)
		if err != nil {
			return err
		}
		for len(due) > 0 {
			accountID, ids := due[0].AccountID, []string(nil)
			for ; len(due) > 0 && due[0].AccountID == accountID; due = due[1:] {
				ids = append(ids, due[0].ID.UUID().String())
			}
			if _, err := tx.NewRaw("SELECT count_tree_sessions(?, ?::uuid[], 1)", accountID, pgdialect.Array(ids)).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.NewRaw("UPDATE tree_sessions SET counted = true WHERE account_id = ? AND id = ANY (?::uuid[])", accountID, pgdialect.Array(ids)).Exec(ctx); err != nil {
				return err
			}
			counted += len(ids)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count tree sessions: %w", err)
	}
	return counted, nil
}

// blockBits says how many blocks of a level are one of the next: 16.
const (
	blockBits = 4
	topLevel  = 2
)

// hours compares what is counted, called c, with the blocks that make up a span of
// whole hours. There are at most five runs of blocks, written out so that PostgreSQL
// knows how few rows they are.
func hours(from, to time.Time) bun.Safe {
	const perBlock = 1 << blockBits
	var runs []string
	add := func(level int, first, after int64) {
		if first < after {
			runs = append(runs, fmt.Sprintf("c.level = %d AND c.block >= %d AND c.block < %d", level, first, after))
		}
	}
	first, after := from.Unix()/3600, to.Unix()/3600
	for level := 0; ; level++ {
		up, down := (first+perBlock-1)/perBlock*perBlock, after/perBlock*perBlock
		if level == topLevel || up >= down {
			add(level, first, after)
			break
		}
		add(level, first, up)
		add(level, down, after)
		first, after = up/perBlock, down/perBlock
	}
	return bun.Safe("(" + strings.Join(runs, " OR ") + ")")
}

// median returns the median of times as the counts write them, {{37,2},{41,1}}: tenths
// of a second, and how often each was taken. Several may follow one another. The one
// of an even number is the lower of the two in the middle, the one of none 0.
func median(pairs string) time.Duration {
	counts := map[int]int{}
	all, number, tenths := 0, 0, 0
	for i := range len(pairs) {
		switch c := pairs[i]; {
		case c >= '0' && c <= '9':
			number = number*10 + int(c-'0')
			if i+1 < len(pairs) && pairs[i+1] == '}' {
				counts[tenths] += number
				all, number = all+number, 0
			}
		case c == ',':
			tenths, number = number, 0
		}
	}
	times := make([]int, 0, len(counts))
	for tenths := range counts {
		times = append(times, tenths)
	}
	slices.Sort(times)
	for _, tenths := range times {
		if all -= 2 * counts[tenths]; all <= 0 {
			return time.Duration(tenths) * (time.Second / 10)
		}
	}
	return 0
}
