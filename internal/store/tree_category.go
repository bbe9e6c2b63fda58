package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

type treeCategoryRow struct {
	bun.BaseModel `bun:"table:tree_categories,alias:c"`

	AccountID account.ID      `bun:"account_id"`
	ID        tree.CategoryID `bun:"id"`
	Name      string          `bun:"name"`
	Position  int             `bun:"position"`
}

// Categories reads the account's categories in their order.
func (s *Trees) Categories(ctx context.Context, accountID account.ID) ([]tree.Category, error) {
	return readCategories(ctx, s.db.NewSelect(), accountID)
}

// LockCategories reads the account's categories in their order and locks them.
func (s treeTx) LockCategories(ctx context.Context, accountID account.ID) ([]tree.Category, error) {
	return readCategories(ctx, s.tx.NewSelect().For("UPDATE"), accountID)
}

// readCategories reads the categories by a query that may lock them. Those of one
// position, which two people made at once, are in order of their names.
func readCategories(ctx context.Context, q *bun.SelectQuery, accountID account.ID) ([]tree.Category, error) {
	var rows []treeCategoryRow
	err := q.
		Model(&rows).
		Where("c.account_id = ?", accountID).
		OrderExpr("c.position, lower(c.name), c.id").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tree categories: %w", err)
	}
	list := make([]tree.Category, len(rows))
	for i, r := range rows {
		list[i] = tree.Category{AccountID: r.AccountID, ID: r.ID, Name: r.Name, Position: r.Position}
	}
	return list, nil
}

// InsertCategory adds a category at the end.
func (s treeTx) InsertCategory(ctx context.Context, c *tree.Category) error {
	err := s.tx.NewInsert().
		Model(&treeCategoryRow{AccountID: c.AccountID, ID: c.ID, Name: c.Name}).
		Value("position", "(SELECT coalesce(max(position), 0) + 1 FROM tree_categories WHERE account_id = ?)", c.AccountID).
		Returning("position").
		Scan(ctx, &c.Position)
	return categoryFault(err)
}

// RenameCategory writes a category's name.
func (s treeTx) RenameCategory(ctx context.Context, c tree.Category) error {
	_, err := s.tx.NewUpdate().
		Model((*treeCategoryRow)(nil)).
		Set("name = ?", c.Name).
		Where("c.account_id = ?", c.AccountID).
		Where("c.id = ?", c.ID).
		Exec(ctx)
	return categoryFault(err)
}

// OrderCategories gives the account's categories the positions from 1.
func (s treeTx) OrderCategories(ctx context.Context, accountID account.ID, ids []tree.CategoryID) error {
	order := make([]string, len(ids))
	for i, id := range ids {
		order[i] = id.UUID().String()
	}
	_, err := s.tx.NewUpdate().
		Model((*treeCategoryRow)(nil)).
		Set("position = array_position(?::uuid[], c.id)", pgdialect.Array(order)).
		Where("c.account_id = ?", accountID).
		Exec(ctx)
	return pgFault(err, "tree category")
}

// DeleteCategory takes all trees off a category and removes it.
func (s treeTx) DeleteCategory(ctx context.Context, accountID account.ID, id tree.CategoryID) error {
	_, err := s.tx.NewUpdate().
		Model((*treeRow)(nil)).
		Set("category_id = NULL").
		Where("t.account_id = ?", accountID).
		Where("t.category_id = ?", id).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("take trees off a category: %w", err)
	}
	_, err = s.tx.NewDelete().
		Model((*treeCategoryRow)(nil)).
		Where("c.account_id = ?", accountID).
		Where("c.id = ?", id).
		Exec(ctx)
	return pgFault(err, "tree category")
}

func categoryFault(err error) error {
	if violates(err, "tree_categories_name") {
		return fault.New(fault.Conflict, "There is a category of this name already. Choose another name.").Wrap(err)
	}
	return pgFault(err, "tree category")
}

// Tags reads the tags of the account's trees with their counts.
func (s *Trees) Tags(ctx context.Context, accountID account.ID, form tree.Form, limit int) ([]tree.TagCount, error) {
	statuses := []tree.Status{tree.Published}
	if form == tree.DraftForm {
		statuses = append(statuses, tree.Draft)
	}
	var rows []struct {
		Tag   string `bun:"tag"`
		Trees int    `bun:"trees"`
	}
	err := s.db.NewSelect().
		TableExpr("trees AS t CROSS JOIN unnest(t.tags) AS tag").
		ColumnExpr("tag, count(*) AS trees").
		Where("t.account_id = ?", accountID).
		Where("t.status IN (?)", bun.List(statuses)).
		GroupExpr("tag").
		OrderExpr("trees DESC, tag").
		Limit(int64(limit)).
		Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count tags: %w", err)
	}
	list := make([]tree.TagCount, len(rows))
	for i, r := range rows {
		list[i] = tree.TagCount(r)
	}
	return list, nil
}
