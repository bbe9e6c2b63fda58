package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

type treePinRow struct {
	bun.BaseModel `bun:"table:tree_version_pins,alias:p"`

	AccountID    account.ID `bun:"account_id"`
	TreeID       tree.ID    `bun:"tree_id"`
	Number       int        `bun:"number"`
	PinnedTreeID tree.ID    `bun:"pinned_tree_id"`
	PinnedNumber int        `bun:"pinned_number"`
}

// insertPins keeps all that a version's subtrees lead to.
func (s treeTx) insertPins(ctx context.Context, v *tree.Version, pins []tree.VersionRef) error {
	if len(pins) == 0 {
		return nil
	}
	rows := make([]treePinRow, len(pins))
	for i, p := range pins {
		rows[i] = treePinRow{AccountID: v.AccountID, TreeID: v.TreeID, Number: v.Number, PinnedTreeID: p.TreeID, PinnedNumber: p.Number}
	}
	_, err := s.tx.NewInsert().
		Model(&rows).
		Exec(ctx)
	return wrap(err, "keep what the subtrees lead to")
}

// Subtrees reads the newest versions of trees and all that their subtrees lead to.
func (s *Trees) Subtrees(ctx context.Context, accountID account.ID, ids []tree.ID) (tree.Subtrees, error) {
	return readSubtrees(ctx, s.db, accountID, ids)
}

// publishingLock is the first half of the advisory locks' keys; the second half is
// of the account. Two accounts with one key wait for one another, and no more.
const publishingLock = 0x7075626c // "publ"

// LockPublishing implements tree.Tx.
func (s treeTx) LockPublishing(ctx context.Context, accountID account.ID) error {
	_, err := s.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?, hashtext(?))", publishingLock, accountID.String())
	return wrap(err, "wait to publish")
}

// LockSubtrees is Subtrees that first locks the trees, published or not, so that
// what is read stays until the transaction ends. Others may lock them so too.
func (s treeTx) LockSubtrees(ctx context.Context, accountID account.ID, ids []tree.ID) (tree.Subtrees, error) {
	_, err := s.tx.NewSelect().
		TableExpr("trees AS t").
		ColumnExpr("t.id").
		Where("t.account_id = ?", accountID).
		Where("t.id IN (?)", bun.List(ids)).
		OrderExpr("t.id").
		For("SHARE").
		Exec(ctx)
	if err != nil {
		return tree.Subtrees{}, fmt.Errorf("lock subtrees: %w", err)
	}
	return readSubtrees(ctx, s.tx, accountID, ids)
}

func readSubtrees(ctx context.Context, db bun.IDB, accountID account.ID, ids []tree.ID) (tree.Subtrees, error) {
	var rows []struct {
		TreeID tree.ID         `bun:"tree_id"`
		Number int             `bun:"number"`
		Title  string          `bun:"title"`
		Graph  json.RawMessage `bun:"graph"`
		Newest bool            `bun:"newest"`
	}
	found := tree.Subtrees{Newest: map[tree.ID]int{}, Versions: tree.Versions{}}
	err := db.NewRaw(`
		WITH n AS (
		  SELECT t.id AS tree_id, t.published_version AS number FROM trees AS t
		  WHERE t.account_id = ? AND t.id IN (?) AND t.status = ?
		), reached AS (
		  SELECT n.tree_id, n.number, true AS newest FROM n
		  UNION ALL
		  SELECT p.pinned_tree_id, p.pinned_number, false FROM n
		  JOIN tree_version_pins AS p ON p.account_id = ? AND p.tree_id = n.tree_id AND p.number = n.number
		), once AS (
		  SELECT r.tree_id, r.number, bool_or(r.newest) AS newest FROM reached AS r GROUP BY r.tree_id, r.number LIMIT ?
		)
		SELECT v.tree_id, v.number, v.title, v.graph, o.newest FROM once AS o
		JOIN tree_versions AS v ON v.account_id = ? AND v.tree_id = o.tree_id AND v.number = o.number`,
		accountID, bun.List(ids), tree.Published, accountID, tree.MaxSubtrees+1, accountID,
	).Scan(ctx, &rows)
	if err != nil {
		return found, fmt.Errorf("read subtrees: %w", err)
	}
	if found.More = len(rows) > tree.MaxSubtrees; found.More {
		return found, nil
	}
	for i := range rows {
		r := &rows[i]
		v := &tree.Version{AccountID: accountID, TreeID: r.TreeID, Number: r.Number, Title: r.Title}
		if v.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
			return found, fmt.Errorf("read version %d of tree %s: %w", r.Number, r.TreeID, err)
		}
		found.Versions[tree.VersionRef{TreeID: r.TreeID, Number: r.Number}] = v
		if r.Newest {
			found.Newest[r.TreeID] = r.Number
		}
	}
	return found, nil
}
