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
	lock     string // the text of lockSession
	versions *versionCache
}

// NewTrees returns the trees and troubleshooting sessions of a database.
func NewTrees(db *DB) *Trees {
	return &Trees{db: db, lock: lockSession(db), versions: newVersionCache(cachedGraphs)}
}

// treeTx implements tree.Tx.
type treeTx struct {
	tx       bun.IDB
	conn     bun.Conn // the transaction's
	lock     string   // the text of lockSession
	versions *versionCache
	last     *batch // what goes with the end of the transaction; nil where nothing does
}

var (
	_ tree.Store = (*Trees)(nil)
	_ tree.Tx    = treeTx{}
)

// InTx runs fn in a transaction and commits it when fn returns nil; see again.
func (s *Trees) InTx(ctx context.Context, fn func(ctx context.Context, tx tree.Tx) error) error {
	return again(func() error {
		return s.db.inTx(ctx, func(ctx context.Context, conn bun.Conn, tx bun.Tx) error {
			return fn(ctx, treeTx{tx: tx, conn: conn, lock: s.lock, versions: s.versions})
		})
	})
}

// InSession is InTx that begins with LockSession, in the message that begins the
// transaction.
func (s *Trees) InSession(
	ctx context.Context, accountID account.ID, id tree.SessionID, key string,
	fn func(ctx context.Context, tx tree.Tx, session *tree.Session, earlier *tree.Request) error,
) error {
	return again(func() error {
		locked := new(lockedSession)
		var earlier *tree.Request
		first := func(b *batch) {
			locked.read(b, s.lock, accountID, id)
			if key != "" {
				readRequest(b, accountID, id, key, &earlier)
			}
		}
		return s.db.inTxAfter(ctx, first, func(conn bun.Conn, last *batch) error {
			tx := treeTx{tx: conn, conn: conn, lock: s.lock, versions: s.versions, last: last}
			session, err := tx.complete(ctx, locked)
			if err != nil {
				return err
			}
			return fn(ctx, tx, session, earlier)
		})
	})
}

// again runs a transaction, and anew, at most twice, where PostgreSQL ended it because it
// and another waited for each other. The other one went on meanwhile; with many at once
// the next may stand in the way as well.
func again(run func() error) error {
	err := run()
	for range 2 {
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "40P01" { // deadlock_detected
			return err
		}
		err = run()
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
		Author:           r.personOf(&r.Author),
		Owner:            r.personOf(&r.Owner),
		SavedBy:          r.personOf(&r.SavedBy),
		ReviewBy:         r.ReviewBy,
		ConfirmedAt:      r.ConfirmedAt,
		ConfirmedBy:      r.personOf(&r.ConfirmedBy),
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

// personOf returns a person whom the tree names, or nil.
func (r *readTree) personOf(p *personRow) *account.User {
	if p.ID.IsZero() {
		return nil
	}
	user := p.user()
	user.AccountID = r.AccountID
	return &user
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

// personColumns names all that a personRow has of the user joined under an alias, with
// the alias and two underscores before.
func personColumns(alias string) string {
	var columns strings.Builder
	for _, name := range personNames {
		columns.WriteString(", " + alias + "." + name + " AS " + alias + "__" + name)
	}
	return columns.String()
}

var personNames = []string{"account_id", "id", "email", "name", "role", "token_version", "created_at", "last_login_at", "disabled_at"}

// joinPerson joins the user whose id is in column under an alias, and reads all
// that a personRow has of them, with the alias and two underscores before.
func joinPerson(q *bun.SelectQuery, alias, account, column string) *bun.SelectQuery {
	for _, name := range personNames {
		q = q.ColumnExpr("? AS ?", bun.Ident(alias+"."+name), bun.Ident(alias+"__"+name))
	}
	return q.Join("LEFT JOIN users AS ? ON ? = ? AND ? = ?",
		bun.Ident(alias), bun.Ident(alias+".account_id"), bun.Ident(account), bun.Ident(alias+".id"), bun.Ident(column))
}

// treePerson is what a statement over trees AS t needs for a person whom the tree names.
type treePerson struct {
	field   tree.TreeFields
	columns string // the id and the name
	more    string // what tree.TreePeople adds
	join    string
}

func newTreePerson(field tree.TreeFields, alias, column string) treePerson {
	of := strings.NewReplacer("u.", alias+".", "u__", alias+"__", "users AS u", "users AS "+alias).Replace
	return treePerson{
		field:   field,
		columns: of(", u.id AS u__id, u.name AS u__name"),
		more:    of(", u.email AS u__email, u.role AS u__role, u.token_version AS u__token_version, u.created_at AS u__created_at, u.last_login_at AS u__last_login_at, u.disabled_at AS u__disabled_at"),
		join:    of(" LEFT JOIN users AS u ON u.account_id = t.account_id AND u.id = t." + column),
	}
}

var treePeople = []treePerson{
	newTreePerson(tree.TreeAuthor, "author", "author_id"),
	newTreePerson(tree.TreeOwner, "owner", "owner_id"),
	newTreePerson(tree.TreeSavedBy, "saver", "saved_by"),
	newTreePerson(tree.TreeConfirmed, "confirmer", "confirmed_by"),
}

// treeColumns names the columns of trees AS t that the fields need, but for the
// account, which is known, and what has to be joined for them.
func treeColumns(form tree.Form, fields tree.TreeFields) (columns, joins string) {
	c, j := append(make([]byte, 0, 512), "t.id, t.status"...), make([]byte, 0, 512)
	title, description, count, graph := ", t.title", ", t.description", ", t.draft_node_count AS node_count", ", t.draft AS graph"
	if form == tree.PublishedForm {
		title, description, count, graph = ", v.title", ", v.description", ", v.node_count", ", v.graph"
		j = append(j, " JOIN tree_versions AS v ON v.account_id = t.account_id AND v.tree_id = t.id AND v.number = t.published_version"...)
	}
	read := func(field tree.TreeFields, columns string) {
		if fields.Has(field) {
			c = append(c, columns...)
		}
	}
	read(tree.TreeTitle, title)
	read(tree.TreeDescription, description)
	read(tree.TreeTags, ", t.tags")
	read(tree.TreeReviewBy, ", t.review_by")
	read(tree.TreeConfirmed, ", t.confirmed_at")
	read(tree.TreeCreatedAt, ", t.created_at")
	read(tree.TreeUpdatedAt, ", t.updated_at")
	read(tree.TreeRevision, ", t.revision")
	read(tree.TreePublishedVersion, ", t.published_version")
	read(tree.TreeNodeCount, count)
	read(tree.TreeGraph, graph)
	if form == tree.DraftForm {
		read(tree.TreeOffers, ", ("+openOffers+") AS open_offers")
	}
	if fields.Has(tree.TreeCategory) {
		c = append(c, ", c.id AS category_id, c.name AS category_name, c.position AS category_position"...)
		j = append(j, " LEFT JOIN tree_categories AS c ON c.account_id = t.account_id AND c.id = t.category_id"...)
	}
	for i := range treePeople {
		if who := &treePeople[i]; fields.Has(who.field) {
			c, j = append(c, who.columns...), append(j, who.join...)
			read(tree.TreePeople, who.more)
		}
	}
	return string(c), string(j)
}

// selectTree names the columns that the fields need, and no others.
func selectTree(q *bun.SelectQuery, form tree.Form, fields tree.TreeFields) *bun.SelectQuery {
	columns, joins := treeColumns(form, fields)
	if joins != "" {
		q = q.Join(joins)
	}
	return q.ColumnExpr("t.account_id, " + columns)
}

// Tree reads one tree in one statement.
func (s *Trees) Tree(ctx context.Context, accountID account.ID, id tree.ID, form tree.Form, fields tree.TreeFields) (*tree.Tree, error) {
	columns, joins := treeColumns(form, fields)
	q := newStatement()
	q.add("SELECT " + columns + " FROM trees AS t" + joins)
	q.add(" WHERE t.account_id = ? AND t.id = ?", uuidOf(accountID.UUID()), uuidOf(id.UUID()))
	if form == tree.PublishedForm {
		q.add(" AND t.status = ?", string(tree.Published))
	}
	row := &readTree{AccountID: accountID}
	if err := s.db.one(ctx, q, row); err != nil {
		return nil, pgFault(err, "tree")
	}
	return row.tree()
}

// Trees reads a page of trees in one statement.
func (s *Trees) Trees(ctx context.Context, accountID account.ID, form tree.Form, query tree.TreeQuery, span tree.Span) (tree.Connection[*tree.Tree], error) {
	page := tree.Connection[*tree.Tree]{Total: -1}
	conditions := treeConditions(accountID, form, query.Filter)
	byTime := query.Order.Field == tree.ByUpdate
	fields := query.Fields
	if byTime {
		fields |= tree.TreeUpdatedAt
	}

	columns, joins := treeColumns(form, fields)
	q := newStatement()
	if query.Filter.Text != "" || query.Order.Field == tree.ByUse {
		q.unprepared = true
	}
	q.add("SELECT " + columns)
	order := key{desc: query.Order.Desc}
	switch query.Order.Field {
	case tree.ByTitle:
		order.column = "lower(t.title)"
		if form == tree.PublishedForm {
			order.column = "lower(v.title)"
		}
		q.add(", " + order.column + " AS ordered_by")
	case tree.ByReview:
		order.column = reviewDay
		q.add(", coalesce(to_char(t.review_by, 'YYYY-MM-DD'), ?) AS ordered_by", tree.NoReview)
	case tree.ByUse:
		order.column = "coalesce(used.sessions, 0)"
		q.add(", " + order.column + "::text AS ordered_by")
	default:
		order.column = "t.updated_at"
	}
	count := func(q *statement) {
		q.add("SELECT count(*) AS total FROM trees AS t")
		q.where(conditions)
	}
	if query.Total {
		q.add(", (")
		count(q)
		q.add(") AS total")
	}
	q.add(" FROM trees AS t" + joins)
	if query.Order.Field == tree.ByUse {
		q.add(" LEFT JOIN (SELECT s.tree_id, count(*) AS sessions FROM tree_sessions AS s WHERE s.account_id = ? AND s.started_at >= ? AND s.tree_id IS NOT NULL GROUP BY s.tree_id) AS used ON used.tree_id = t.id",
			uuidOf(accountID.UUID()), query.UsedSince)
	}
	q.where(conditions)
	order.pageOf(q, "t.id", span, byTime)

	edges, row := make([]tree.Edge[*tree.Tree], 0, span.Limit+1), &readTree{AccountID: accountID}
	err := s.db.read(ctx, q, row, func() error {
		t, err := row.tree()
		if err != nil {
			return err
		}
		edge := tree.Edge[*tree.Tree]{Node: t}
		if !query.NoCursors {
			cursor := tree.TimeCursor(query.Order.String(), row.UpdatedAt, row.ID.UUID())
			if !byTime {
				cursor.Value = row.OrderedBy
			}
			edge.Cursor = cursor.String()
		}
		edges = append(edges, edge)
		return nil
	})
	if err != nil {
		return page, fmt.Errorf("list trees: %w", err)
	}

	if query.Total {
		switch {
		case len(edges) > 0:
			page.Total = row.Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			q := newStatement()
			count(q)
			if err := s.db.one(ctx, q, row); err != nil {
				return page, fmt.Errorf("count trees: %w", err)
			}
			page.Total = row.Total
		}
	}
	err = fill(&page, edges, span, func(e *tree.Edge[*tree.Tree]) (tree.Edge[*tree.Tree], error) { return *e, nil })
	return page, err
}

// reviewDay is the review date as lists compare it: no date comes after all
// dates. The index trees_by_review is on this expression.
const reviewDay = "coalesce(t.review_by, 'infinity'::date)"

// treeConditions are the conditions on trees AS t that keep what the filter does
// not let through out of a list.
func treeConditions(accountID account.ID, form tree.Form, filter tree.TreeFilter) []condition {
	all := make([]condition, 0, 8)
	where := func(sql string, args ...any) { all = append(all, condition{sql, args}) }
	where("t.account_id = ?", uuidOf(accountID.UUID()))
	statuses := make([]any, len(filter.Status))
	for i, status := range filter.Status {
		statuses[i] = string(status)
	}
	where("t.status IN ("+strings.Repeat(", ?", len(statuses))[2:]+")", statuses...)
	if !filter.Category.IsZero() {
		where("t.category_id = ?", uuidOf(filter.Category.UUID()))
	}
	if filter.Tag != "" {
		where("? = ANY (t.tags)", filter.Tag)
	}
	if !filter.Author.IsZero() {
		where("t.author_id = ?", uuidOf(filter.Author.UUID()))
	}
	if !filter.Owner.IsZero() {
		where("t.owner_id = ?", uuidOf(filter.Owner.UUID()))
	}
	if filter.Due {
		where(reviewDay+" <= ?::date", filter.Today.Format(time.DateOnly))
	}
	if terms := tree.ParseSearch(filter.Text); len(terms) > 0 {
		var queries []string
		for _, share := range shares {
			queries = append(queries, tsquery(terms, false, wordPrefix(accountID, wordKind{form, false, share})))
		}
		where("EXISTS (SELECT FROM tree_search AS f WHERE f.account_id = t.account_id AND f.tree_id = t.id AND f.form = ? AND f.words @@ ?::tsquery)",
			int(form), strings.Join(queries, " | "))
	}
	return all
}

// filterTrees leaves out of a query over trees AS t what the filter does not let through.
func filterTrees(q *bun.SelectQuery, accountID account.ID, form tree.Form, filter tree.TreeFilter) *bun.SelectQuery {
	for _, c := range treeConditions(accountID, form, filter) {
		q = q.Where(c.sql, c.args...)
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

// idOf returns the id of a person, or none.
func idOf(u *account.User) account.UserID {
	if u == nil {
		return account.UserID{}
	}
	return u.ID
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
		AuthorID:         idOf(t.Author),
		OwnerID:          idOf(t.Owner),
		SavedBy:          idOf(t.SavedBy),
		ReviewBy:         t.ReviewBy,
		ConfirmedAt:      t.ConfirmedAt,
		ConfirmedBy:      idOf(t.ConfirmedBy),
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
