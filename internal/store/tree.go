package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// Trees keeps trees and troubleshooting sessions. It implements tree.Store.
type Trees struct {
	db       *DB
	versions *versionCache
}

// NewTrees returns the trees and troubleshooting sessions of a database.
func NewTrees(db *DB) *Trees { return &Trees{db: db, versions: newVersionCache(cachedGraphs)} }

// treeTx implements tree.Tx.
type treeTx struct {
	tx       bun.Tx
	versions *versionCache
}

var (
	_ tree.Store = (*Trees)(nil)
	_ tree.Tx    = treeTx{}
)

// InTx runs fn in a transaction and commits it when fn returns nil. It does so
// once more where PostgreSQL ended the first one because it and another waited
// for each other.
func (s *Trees) InTx(ctx context.Context, fn func(ctx context.Context, tx tree.Tx) error) error {
	run := func() error {
		return s.db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error { return fn(ctx, treeTx{tx, s.versions}) })
	}
	err := run()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "40P01" { // deadlock_detected
		return run()
	}
	return err
}

// treeRow is a tree as it is read and written. Only the columns that are named
// in a statement are.
type treeRow struct {
	bun.BaseModel `bun:"table:trees,alias:t"`

	AccountID        account.ID      `bun:"account_id"`
	ID               tree.ID         `bun:"id"`
	Status           tree.Status     `bun:"status"`
	Title            string          `bun:"title"`
	Description      string          `bun:"description"`
	CategoryID       tree.CategoryID `bun:"category_id"`
	Tags             []string        `bun:"tags,array"`
	AuthorID         account.UserID  `bun:"author_id"`
	OwnerID          account.UserID  `bun:"owner_id"`
	SavedBy          account.UserID  `bun:"saved_by"`
	ReviewBy         time.Time       `bun:"review_by,nullzero,type:date"`
	ConfirmedAt      time.Time       `bun:"confirmed_at,nullzero"`
	ConfirmedBy      account.UserID  `bun:"confirmed_by,nullzero"`
	Draft            json.RawMessage `bun:"draft,type:jsonb"`
	DraftNodeCount   int             `bun:"draft_node_count"`
	Revision         int             `bun:"revision"`
	PublishedVersion int             `bun:"published_version,nullzero"`
	CreatedAt        time.Time       `bun:"created_at"`
	UpdatedAt        time.Time       `bun:"updated_at"`
}

// readTree is a tree as it is read with what belongs to it.
type readTree struct {
	bun.BaseModel `bun:"table:trees,alias:t"`

	AccountID        account.ID      `bun:"account_id"`
	ID               tree.ID         `bun:"id"`
	Status           tree.Status     `bun:"status"`
	Title            string          `bun:"title"`
	Description      string          `bun:"description"`
	Tags             []string        `bun:"tags,array"`
	ReviewBy         time.Time       `bun:"review_by"`
	ConfirmedAt      time.Time       `bun:"confirmed_at"`
	Graph            json.RawMessage `bun:"graph"`
	NodeCount        int             `bun:"node_count"`
	Revision         int             `bun:"revision"`
	PublishedVersion int             `bun:"published_version"`
	CreatedAt        time.Time       `bun:"created_at"`
	UpdatedAt        time.Time       `bun:"updated_at"`
	OpenOffers       *int            `bun:"open_offers"`
	CategoryID       tree.CategoryID `bun:"category_id"`
	CategoryName     string          `bun:"category_name"`
	CategoryPosition int             `bun:"category_position"`
	Author           personRow       `bun:"embed:author__"`
	Owner            personRow       `bun:"embed:owner__"`
	SavedBy          personRow       `bun:"embed:saver__"`
	ConfirmedBy      personRow       `bun:"embed:confirmer__"`

	OrderedBy string `bun:"ordered_by"` // what the order compares, as text; not for times
	Total     int    `bun:"total"`
}

func (r *readTree) tree() (*tree.Tree, error) {
	t := &tree.Tree{
		AccountID:        r.AccountID,
		ID:               r.ID,
		Status:           r.Status,
		Title:            r.Title,
		Description:      r.Description,
		Tags:             r.Tags,
		Author:           r.Author.user(),
		Owner:            r.Owner.user(),
		SavedBy:          r.SavedBy.user(),
		ReviewBy:         r.ReviewBy,
		ConfirmedAt:      r.ConfirmedAt,
		ConfirmedBy:      r.ConfirmedBy.user(),
		CreatedAt:        r.CreatedAt,
		UpdatedAt:        r.UpdatedAt,
		Revision:         r.Revision,
		PublishedVersion: r.PublishedVersion,
		NodeCount:        r.NodeCount,
		OpenOffers:       r.OpenOffers,
	}
	if !r.CategoryID.IsZero() {
		t.Category = tree.Category{AccountID: r.AccountID, ID: r.CategoryID, Name: r.CategoryName, Position: r.CategoryPosition}
	}
	if r.Graph == nil {
		return t, nil
	}
	var err error
	if t.Graph, err = tree.DecodeGraph(r.Graph); err != nil {
		return nil, fmt.Errorf("read tree %s: %w", r.ID, err)
	}
	return t, nil
}

// personRow is a user as a tree or a troubleshooting session names one.
type personRow struct {
	AccountID    account.ID     `bun:"account_id"`
	ID           account.UserID `bun:"id"`
	Email        string         `bun:"email"`
	Name         string         `bun:"name"`
	Role         account.Role   `bun:"role"`
	TokenVersion int            `bun:"token_version"`
	CreatedAt    time.Time      `bun:"created_at"`
	LastLoginAt  time.Time      `bun:"last_login_at"`
	DisabledAt   time.Time      `bun:"disabled_at"`
}

func (r *personRow) user() account.User { return account.User(*r) }

// joinPerson joins the user whose id is in column under an alias, and reads all
// that a personRow has of them, with the alias and two underscores before.
func joinPerson(q *bun.SelectQuery, alias, account, column string) *bun.SelectQuery {
	for _, name := range []string{"account_id", "id", "email", "name", "role", "token_version", "created_at", "last_login_at", "disabled_at"} {
		q = q.ColumnExpr("? AS ?", bun.Ident(alias+"."+name), bun.Ident(alias+"__"+name))
	}
	return q.Join("LEFT JOIN users AS ? ON ? = ? AND ? = ?",
		bun.Ident(alias), bun.Ident(alias+".account_id"), bun.Ident(account), bun.Ident(alias+".id"), bun.Ident(column))
}

// selectTree names the columns that the fields need, and no others.
func selectTree(q *bun.SelectQuery, form tree.Form, fields tree.TreeFields) *bun.SelectQuery {
	title, description, count, graph := "t.title", "t.description", "t.draft_node_count", "t.draft"
	if form == tree.PublishedForm {
		title, description, count, graph = "v.title", "v.description", "v.node_count", "v.graph"
		q = q.Join("JOIN tree_versions AS v ON v.account_id = t.account_id AND v.tree_id = t.id AND v.number = t.published_version")
	}
	q = q.ColumnExpr("t.account_id, t.id, t.status")
	for _, c := range []struct {
		field  tree.TreeFields
		column string
		name   string
	}{
		{tree.TreeTitle, title, "title"},
		{tree.TreeDescription, description, "description"},
		{tree.TreeTags, "t.tags", "tags"},
		{tree.TreeReviewBy, "t.review_by", "review_by"},
		{tree.TreeCreatedAt, "t.created_at", "created_at"},
		{tree.TreeUpdatedAt, "t.updated_at", "updated_at"},
		{tree.TreeRevision, "t.revision", "revision"},
		{tree.TreePublishedVersion, "t.published_version", "published_version"},
		{tree.TreeNodeCount, count, "node_count"},
		{tree.TreeGraph, graph, "graph"},
	} {
		if fields.Has(c.field) {
			q = q.ColumnExpr("? AS ?", bun.Ident(c.column), bun.Ident(c.name))
		}
	}
	if fields.Has(tree.TreeOffers) && form == tree.DraftForm {
		q = q.ColumnExpr("(" + openOffers + ") AS open_offers")
	}
	if fields.Has(tree.TreeCategory) {
		q = q.
			ColumnExpr("c.id AS category_id, c.name AS category_name, c.position AS category_position").
			Join("LEFT JOIN tree_categories AS c ON c.account_id = t.account_id AND c.id = t.category_id")
	}
	if fields.Has(tree.TreeAuthor) {
		q = joinPerson(q, "author", "t.account_id", "t.author_id")
	}
	if fields.Has(tree.TreeOwner) {
		q = joinPerson(q, "owner", "t.account_id", "t.owner_id")
	}
	if fields.Has(tree.TreeSavedBy) {
		q = joinPerson(q, "saver", "t.account_id", "t.saved_by")
	}
	if fields.Has(tree.TreeConfirmed) {
		q = joinPerson(q.ColumnExpr("t.confirmed_at"), "confirmer", "t.account_id", "t.confirmed_by")
	}
	return q
}

// Tree reads one tree in one statement.
func (s *Trees) Tree(ctx context.Context, accountID account.ID, id tree.ID, form tree.Form, fields tree.TreeFields) (*tree.Tree, error) {
	row := new(readTree)
	q := selectTree(s.db.NewSelect().Model(row), form, fields).
		Where("t.account_id = ?", accountID).
		Where("t.id = ?", id)
	if form == tree.PublishedForm {
		q = q.Where("t.status = ?", tree.Published)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, pgFault(err, "tree")
	}
	return row.tree()
}

// Trees reads a page of trees in one statement.
func (s *Trees) Trees(ctx context.Context, accountID account.ID, form tree.Form, query tree.TreeQuery, span tree.Span) (tree.Connection[*tree.Tree], error) {
	page := tree.Connection[*tree.Tree]{Total: -1}
	filter := func(q *bun.SelectQuery) *bun.SelectQuery { return filterTrees(q, accountID, form, query.Filter) }
	count := func() *bun.SelectQuery {
		return filter(s.db.NewSelect().TableExpr("trees AS t").ColumnExpr("count(*)"))
	}

	var rows []readTree
	order := key{column: "t.updated_at", desc: query.Order.Desc}
	fields := query.Fields
	q := s.db.NewSelect().Model(&rows)
	switch query.Order.Field {
	case tree.ByTitle:
		order.column = "lower(t.title)"
		if form == tree.PublishedForm {
			order.column = "lower(v.title)"
		}
		q = q.ColumnExpr(order.column + " AS ordered_by")
	case tree.ByReview:
		order.column = reviewDay
		q = q.ColumnExpr("coalesce(to_char(t.review_by, 'YYYY-MM-DD'), ?) AS ordered_by", tree.NoReview)
	case tree.ByUse:
		order.column = "coalesce(used.sessions, 0)"
		q = q.ColumnExpr(order.column+"::text AS ordered_by").
			Join("LEFT JOIN (SELECT s.tree_id, count(*) AS sessions FROM tree_sessions AS s WHERE s.account_id = ? AND s.started_at >= ? AND s.tree_id IS NOT NULL GROUP BY s.tree_id) AS used ON used.tree_id = t.id",
				accountID, query.UsedSince)
	default:
		fields |= tree.TreeUpdatedAt
	}
	if query.Total {
		q = q.ColumnExpr("(?) AS total", count())
	}
	q = order.page(filter(selectTree(q, form, fields)), "t.id", span, query.Order.Field == tree.ByUpdate)
	if err := q.Scan(ctx); err != nil {
		return page, fmt.Errorf("list trees: %w", err)
	}

	if query.Total {
		switch {
		case len(rows) > 0:
			page.Total = rows[0].Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			if err := count().Scan(ctx, &page.Total); err != nil {
				return page, fmt.Errorf("count trees: %w", err)
			}
		}
	}
	err := fill(&page, rows, span, func(r *readTree) (tree.Edge[*tree.Tree], error) {
		t, err := r.tree()
		if err != nil {
			return tree.Edge[*tree.Tree]{}, err
		}
		cursor := tree.TimeCursor(query.Order.String(), r.UpdatedAt, r.ID.UUID())
		if query.Order.Field != tree.ByUpdate {
			cursor.Value = r.OrderedBy
		}
		return tree.Edge[*tree.Tree]{Cursor: cursor.String(), Node: t}, nil
	})
	return page, err
}

// reviewDay is the review date as lists compare it: no date comes after all
// dates. The index trees_by_review is on this expression.
const reviewDay = "coalesce(t.review_by, 'infinity'::date)"

// filterTrees leaves out of a query over trees AS t what the filter does not let through.
func filterTrees(q *bun.SelectQuery, accountID account.ID, form tree.Form, filter tree.TreeFilter) *bun.SelectQuery {
	q = q.
		Where("t.account_id = ?", accountID).
		Where("t.status IN (?)", bun.List(filter.Status))
	if !filter.Category.IsZero() {
		q = q.Where("t.category_id = ?", filter.Category)
	}
	if filter.Tag != "" {
		q = q.Where("? = ANY (t.tags)", filter.Tag)
	}
	if !filter.Author.IsZero() {
		q = q.Where("t.author_id = ?", filter.Author)
	}
	if !filter.Owner.IsZero() {
		q = q.Where("t.owner_id = ?", filter.Owner)
	}
	if filter.Due {
		q = q.Where(reviewDay+" <= ?::date", filter.Today.Format(time.DateOnly))
	}
	if terms := tree.ParseSearch(filter.Text); len(terms) > 0 {
		var queries []string
		for _, share := range shares {
			queries = append(queries, tsquery(terms, false, wordPrefix(accountID, wordKind{form, false, share})))
		}
		q = q.Where("EXISTS (SELECT FROM tree_search AS f WHERE f.account_id = t.account_id AND f.tree_id = t.id AND f.form = ? AND f.words @@ ?::tsquery)",
			form, strings.Join(queries, " | "))
	}
	return q
}

// LockTree reads a tree with its draft and who saved it, and locks its row. Of its
// category, author, owner and who confirmed it there are only the ids.
//
// Nothing is joined. A row that had to be waited for comes back new, but is joined
// with the rows that were found before, so a category that was changed meanwhile
// would come back as none, and be saved so.
func (s treeTx) LockTree(ctx context.Context, accountID account.ID, id tree.ID) (*tree.Tree, error) {
	row := new(readTree)
	err := selectTree(s.tx.NewSelect().Model(row), tree.DraftForm, tree.AllTreeFields&^(tree.TreeCategory|tree.TreeAuthor|tree.TreeOwner|tree.TreeSavedBy|tree.TreeConfirmed|tree.TreeOffers)).
		ColumnExpr("t.category_id, t.author_id AS author__id, t.owner_id AS owner__id, t.saved_by AS saver__id, t.confirmed_at, t.confirmed_by AS confirmer__id").
		ColumnExpr("(SELECT u.name FROM users AS u WHERE u.account_id = t.account_id AND u.id = t.saved_by) AS saver__name").
		Where("t.account_id = ?", accountID).
		Where("t.id = ?", id).
		For("UPDATE OF t").
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "tree")
	}
	return row.tree()
}

// InsertTree adds a tree with its draft.
func (s treeTx) InsertTree(ctx context.Context, t *tree.Tree) error {
	_, err := s.tx.NewInsert().
		Model(newTreeRow(t)).
		Exec(ctx)
	if err != nil {
		return treeFault(err)
	}
	return s.indexDraft(ctx, t)
}

// SaveTree writes what may change of a locked tree.
func (s treeTx) SaveTree(ctx context.Context, t *tree.Tree) error {
	if err := s.indexDraft(ctx, t); err != nil {
		return err
	}
	_, err := s.tx.NewUpdate().
		Model(newTreeRow(t)).
		ExcludeColumn("account_id", "id", "author_id", "created_at").
		Where("t.account_id = ?", t.AccountID).
		Where("t.id = ?", t.ID).
		Exec(ctx)
	return treeFault(err)
}

// DeleteTree removes a tree and its versions, whose pins go with them.
func (s treeTx) DeleteTree(ctx context.Context, accountID account.ID, id tree.ID) error {
	_, err := s.tx.NewDelete().
		TableExpr("trees AS t").
		Where("t.account_id = ?", accountID).
		Where("t.id = ?", id).
		Exec(ctx)
	if refersTo(err, "tree_sessions", "tree_session_steps") {
		return fault.New(fault.Conflict, "A troubleshooting session used this tree, so its record must stay. Archive the tree instead.").Wrap(err)
	}
	if refersTo(err, "tree_version_pins") {
		return fault.New(fault.Conflict, "A published version of another tree leads through this one, so it must stay. Archive the tree instead.").Wrap(err)
	}
	return err
}

func newTreeRow(t *tree.Tree) *treeRow {
	row := &treeRow{
		AccountID:        t.AccountID,
		ID:               t.ID,
		Status:           t.Status,
		Title:            t.Title,
		Description:      t.Description,
		CategoryID:       t.Category.ID,
		Tags:             t.Tags,
		AuthorID:         t.Author.ID,
		OwnerID:          t.Owner.ID,
		SavedBy:          t.SavedBy.ID,
		ReviewBy:         t.ReviewBy,
		ConfirmedAt:      t.ConfirmedAt,
		ConfirmedBy:      t.ConfirmedBy.ID,
		Draft:            tree.EncodeGraph(*t.Graph),
		DraftNodeCount:   t.NodeCount,
		Revision:         t.Revision,
		PublishedVersion: t.PublishedVersion,
		CreatedAt:        t.CreatedAt,
		UpdatedAt:        t.UpdatedAt,
	}
	if row.Tags == nil {
		row.Tags = []string{}
	}
	return row
}

// treeFault words what can be wrong with a tree that is written.
func treeFault(err error) error {
	if violates(err, "trees_account_id_category_id_fkey") {
		return fault.Missing("tree category").Wrap(err)
	}
	return pgFault(err, "tree")
}
