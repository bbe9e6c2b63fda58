package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
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
	Total      int         `bun:"total"`
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
	if r.Graph == nil {
		return v, nil
	}
	var err error
	if v.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
		return nil, fmt.Errorf("read version %d of tree %s: %w", r.Number, r.TreeID, err)
	}
	return v, nil
}

// selectVersion names the columns that the fields need, and no others.
func selectVersion(q *bun.SelectQuery, form tree.Form, fields tree.VersionFields) *bun.SelectQuery {
	q = q.ColumnExpr("v.account_id, v.tree_id, v.number, v.title, v.description, v.node_count, v.change_note, v.published_at")
	if fields.Has(tree.VersionGraph) {
		q = q.ColumnExpr("v.graph")
	}
	if fields.Has(tree.VersionPublisher) {
		q = joinPerson(q, "publisher", "v.account_id", "v.published_by")
	} else {
		q = q.ColumnExpr("v.account_id AS publisher__account_id, v.published_by AS publisher__id")
	}
	return onlyVersions(q, form)
}

// onlyVersions leaves out the versions that do not exist in the form.
func onlyVersions(q *bun.SelectQuery, form tree.Form) *bun.SelectQuery {
	if form != tree.PublishedForm {
		return q
	}
	return q.Join("JOIN trees AS t ON t.account_id = v.account_id AND t.id = v.tree_id AND t.published_version = v.number AND t.status = ?", tree.Published)
}

// Version reads one version of a tree in one statement.
func (s *Trees) Version(ctx context.Context, accountID account.ID, form tree.Form, id tree.ID, number int, fields tree.VersionFields) (*tree.Version, error) {
	row := new(readTreeVersion)
	err := selectVersion(s.db.NewSelect().Model(row), form, fields).
		Where("v.account_id = ?", accountID).
		Where("v.tree_id = ?", id).
		Where("v.number = ?", number).
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "tree version")
	}
	return row.version()
}

// Versions reads a page of a tree's versions in one statement.
func (s *Trees) Versions(ctx context.Context, accountID account.ID, form tree.Form, query tree.VersionQuery, span tree.Span) (tree.Connection[*tree.Version], error) {
	page := tree.Connection[*tree.Version]{Total: -1}
	count := func() *bun.SelectQuery {
		return onlyVersions(s.db.NewSelect().TableExpr("tree_versions AS v").ColumnExpr("count(*)"), form).
			Where("v.account_id = ?", accountID).
			Where("v.tree_id = ?", query.Tree)
	}
	var rows []readTreeVersion
	q := selectVersion(s.db.NewSelect().Model(&rows), form, query.Fields).
		Where("v.account_id = ?", accountID).
		Where("v.tree_id = ?", query.Tree)
	if query.Total {
		q = q.ColumnExpr("(?) AS total", count())
	}
	order := key{column: "v.number", desc: true}
	if err := order.page(q, "v.tree_id", span, false).Scan(ctx); err != nil {
		return page, fmt.Errorf("list versions of tree %s: %w", query.Tree, err)
	}
	if query.Total {
		switch {
		case len(rows) > 0:
			page.Total = rows[0].Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			if err := count().Scan(ctx, &page.Total); err != nil {
				return page, fmt.Errorf("count versions of tree %s: %w", query.Tree, err)
			}
		}
	}
	err := fill(&page, rows, span, func(r *readTreeVersion) (tree.Edge[*tree.Version], error) {
		v, err := r.version()
		cursor := tree.Cursor{Order: tree.VersionOrder, Value: strconv.Itoa(r.Number), ID: r.TreeID.UUID()}
		return tree.Edge[*tree.Version]{Cursor: cursor.String(), Node: v}, err
	})
	return page, err
}

// InsertVersion adds a version of a locked tree, with all that its subtrees lead to.
func (s treeTx) InsertVersion(ctx context.Context, v *tree.Version, pins []tree.VersionRef) error {
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
	if err != nil {
		return pgFault(err, "tree version")
	}
	if err := s.insertPins(ctx, v, pins); err != nil {
		return err
	}
	return s.indexVersion(ctx, v)
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
	if err == nil {
		s.remember(v, len(row.Graph)) // whoever begins a walk goes on with it
	}
	return row.TreeStatus, v, err
}
