package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

type treeVersionRow struct {
	bun.BaseModel `bun:"table:tree_versions,alias:v"`

	AccountID   account.ID      `bun:"account_id"`
	TreeID      tree.ID         `bun:"tree_id"`
	Number      int             `bun:"number"`
	Title       string          `bun:"title"`
	Description string          `bun:"description"`
	Graph       json.RawMessage `bun:"graph,type:jsonb"`
	NodeCount   int             `bun:"node_count"`
	ChangeNote  string          `bun:"change_note"`
	PublishedBy account.UserID  `bun:"published_by"`
	PublishedAt time.Time       `bun:"published_at"`
}

// readTreeVersion is a version as it is read with who published it, or with
// where its tree stands.
type readTreeVersion struct {
	bun.BaseModel `bun:"table:tree_versions,alias:v"`
	treeVersionRow
	Publisher  personRow   `bun:"embed:publisher__"`
	TreeStatus tree.Status `bun:"tree_status"`
	Latest     int         `bun:"latest"` // the tree's latest version; zero if it has none
}

func (r *readTreeVersion) version() (*tree.Version, error) {
	v := &tree.Version{
		AccountID:   r.AccountID,
		TreeID:      r.TreeID,
		Number:      r.Number,
		Title:       r.Title,
		Description: r.Description,
		NodeCount:   r.NodeCount,
		PublishedBy: r.Publisher.user(),
		PublishedAt: r.PublishedAt,
		ChangeNote:  r.ChangeNote,
	}
	var err error
	if v.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
		return nil, fmt.Errorf("read version %d of tree %s: %w", r.Number, r.TreeID, err)
	}
	return v, nil
}

// Version reads one version of a tree, with its graph, in one statement.
func (s *Trees) Version(ctx context.Context, accountID account.ID, id tree.ID, number int) (*tree.Version, error) {
	row := new(readTreeVersion)
	q := s.db.NewSelect().
		Model(row).
		ColumnExpr("v.*").
		Where("v.account_id = ?", accountID).
		Where("v.tree_id = ?", id).
		Where("v.number = ?", number)
	if err := joinPerson(q, "publisher", "v.account_id", "v.published_by").Scan(ctx); err != nil {
		return nil, pgFault(err, "tree version")
	}
	return row.version()
}

// InsertVersion adds a version of a locked tree.
func (s treeTx) InsertVersion(ctx context.Context, v *tree.Version) error {
	_, err := s.tx.NewInsert().
		Model(&treeVersionRow{
			AccountID:   v.AccountID,
			TreeID:      v.TreeID,
			Number:      v.Number,
			Title:       v.Title,
			Description: v.Description,
			Graph:       tree.EncodeGraph(*v.Graph),
			NodeCount:   v.NodeCount,
			ChangeNote:  v.ChangeNote,
			PublishedBy: v.PublishedBy.ID,
			PublishedAt: v.PublishedAt,
		}).
		Exec(ctx)
	return pgFault(err, "tree version")
}

// LatestVersion reads where a tree stands and its latest version. The tree's row
// is locked so that others may start sessions on it too, but nobody may change
// it until the transaction ends.
func (s treeTx) LatestVersion(ctx context.Context, accountID account.ID, id tree.ID) (tree.Status, *tree.Version, error) {
	row := new(readTreeVersion)
	err := s.tx.NewSelect().
		Model(row).
		ModelTableExpr("trees AS t").
		ColumnExpr("t.status AS tree_status, t.published_version AS latest").
		ColumnExpr("v.*").
		Join("LEFT JOIN tree_versions AS v ON v.account_id = t.account_id AND v.tree_id = t.id AND v.number = t.published_version").
		Where("t.account_id = ?", accountID).
		Where("t.id = ?", id).
		For("SHARE OF t").
		Scan(ctx)
	if err != nil {
		return "", nil, pgFault(err, "tree")
	}
	if row.Latest == 0 {
		return row.TreeStatus, nil, nil
	}
	if row.Number == 0 {
		// It was published while its row was waited for: that came back new, but was
		// joined with the versions that were there before. Another statement sees it.
		latest := row.Latest
		row = &readTreeVersion{TreeStatus: row.TreeStatus}
		err := s.tx.NewSelect().
			Model(row).
			ColumnExpr("v.*").
			Where("v.account_id = ?", accountID).
			Where("v.tree_id = ?", id).
			Where("v.number = ?", latest).
			Scan(ctx)
		if err != nil {
			return "", nil, pgFault(err, "tree version")
		}
	}
	v, err := row.version()
	return row.TreeStatus, v, err
}

type treeCategoryRow struct {
	bun.BaseModel `bun:"table:tree_categories,alias:c"`

	AccountID account.ID      `bun:"account_id"`
	ID        tree.CategoryID `bun:"id"`
	Name      string          `bun:"name"`
	Position  int             `bun:"position"`
}

// Categories reads the account's categories in their order.
func (s *Trees) Categories(ctx context.Context, accountID account.ID) ([]tree.Category, error) {
	var rows []treeCategoryRow
	err := s.db.NewSelect().
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
func (s *Trees) InsertCategory(ctx context.Context, c *tree.Category) error {
	err := s.db.NewInsert().
		Model(&treeCategoryRow{AccountID: c.AccountID, ID: c.ID, Name: c.Name}).
		Value("position", "(SELECT coalesce(max(position), 0) + 1 FROM tree_categories WHERE account_id = ?)", c.AccountID).
		Returning("position").
		Scan(ctx, &c.Position)
	if violates(err, "tree_categories_name") {
		return fault.New(fault.Conflict, "There is a category of this name already. Choose another name.").Wrap(err)
	}
	return pgFault(err, "tree category")
}
