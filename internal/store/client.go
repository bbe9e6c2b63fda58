package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// clientRow is a client as it is read and written.
type clientRow struct {
	bun.BaseModel `bun:"table:clients,alias:c"`

	AccountID account.ID      `bun:"account_id"`
	ID        tree.ClientID   `bun:"id"`
	Name      string          `bun:"name"`
	SortKey   string          `bun:"sort_key"`
	Aliases   []string        `bun:"aliases,array"`
	TicketKey string          `bun:"ticket_key,nullzero"`
	Facts     json.RawMessage `bun:"facts,type:jsonb"`
	Revision  int             `bun:"revision"`
	CreatedAt time.Time       `bun:"created_at"`
	UpdatedAt time.Time       `bun:"updated_at"`
}

// clientNameRow is a form in which a client is found.
type clientNameRow struct {
	bun.BaseModel `bun:"table:client_names,alias:n"`

	AccountID account.ID    `bun:"account_id"`
	Key       string        `bun:"key"`
	ClientID  tree.ClientID `bun:"client_id"`
	Kind      tree.NameKind `bun:"kind"`
}

func (r *clientRow) client() (*tree.Client, error) {
	list, err := facts(r.Facts)
	if err != nil {
		return nil, fmt.Errorf("read the facts of client %s: %w", r.ID, err)
	}
	return &tree.Client{
		AccountID: r.AccountID,
		ID:        r.ID,
		Name:      r.Name,
		Aliases:   r.Aliases,
		TicketKey: r.TicketKey,
		Facts:     list,
		Revision:  r.Revision,
		CreatedAt: r.CreatedAt,
		UpdatedAt: r.UpdatedAt,
	}, nil
}

func clients(rows []clientRow) ([]*tree.Client, error) {
	list := make([]*tree.Client, len(rows))
	for i := range rows {
		var err error
		if list[i], err = rows[i].client(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// facts reads facts as they are kept: an object of texts by name.
func facts(text json.RawMessage) ([]tree.ClientFact, error) {
	kept, err := read[map[string]string](text)
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	list := make([]tree.ClientFact, 0, len(kept))
	for name, text := range kept {
		list = append(list, tree.ClientFact{Name: name, Text: text})
	}
	slices.SortFunc(list, func(a, b tree.ClientFact) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func factsJSON(list []tree.ClientFact) json.RawMessage {
	kept := make(map[string]string, len(list))
	for _, f := range list {
		kept[f.Name] = f.Text
	}
	return asJSON(kept)
}

// joinClient joins the record of a session's client, and reads all of it.
func joinClient(q *bun.SelectQuery) *bun.SelectQuery {
	for _, name := range []string{"account_id", "id", "name", "aliases", "ticket_key", "facts", "revision", "created_at", "updated_at"} {
		q = q.ColumnExpr("? AS ?", bun.Ident("client."+name), bun.Ident("client__"+name))
	}
	return q.Join("LEFT JOIN clients AS client ON client.account_id = s.account_id AND client.id = s.client_id")
}

// Client reads one client in one statement.
func (s *Trees) Client(ctx context.Context, accountID account.ID, id tree.ClientID) (*tree.Client, error) {
	return readClient(ctx, s.db.NewSelect(), accountID, id)
}

// KeepClient reads a client and keeps others from changing it.
func (s treeTx) KeepClient(ctx context.Context, accountID account.ID, id tree.ClientID) (*tree.Client, error) {
	return readClient(ctx, s.tx.NewSelect().For("SHARE"), accountID, id)
}

func readClient(ctx context.Context, q *bun.SelectQuery, accountID account.ID, id tree.ClientID) (*tree.Client, error) {
	row := new(clientRow)
	err := q.
		Model(row).
		Where("c.account_id = ?", accountID).
		Where("c.id = ?", id).
		Scan(ctx)
	if err != nil {
		return nil, pgFault(err, "client")
	}
	return row.client()
}

// LockClients reads clients and locks them, in one order whoever asks.
func (s treeTx) LockClients(ctx context.Context, accountID account.ID, ids ...tree.ClientID) ([]*tree.Client, error) {
	var rows []clientRow
	err := s.tx.NewSelect().
		Model(&rows).
		Where("c.account_id = ?", accountID).
		Where("c.id IN (?)", bun.List(ids)).
		OrderExpr("c.id").
		For("UPDATE").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock clients: %w", err)
	}
	return clients(rows)
}

// ClientsNamed reads the clients that are found by one of the keys.
func (s *Trees) ClientsNamed(ctx context.Context, accountID account.ID, keys []string) ([]*tree.Client, error) {
	return readNamed(ctx, s.db, s.db.NewSelect(), accountID, keys)
}

// KeepClientsNamed reads them and keeps others from changing them.
func (s treeTx) KeepClientsNamed(ctx context.Context, accountID account.ID, keys []string) ([]*tree.Client, error) {
	return readNamed(ctx, s.tx, s.tx.NewSelect().For("SHARE"), accountID, keys)
}

func readNamed(ctx context.Context, db bun.IDB, q *bun.SelectQuery, accountID account.ID, keys []string) ([]*tree.Client, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var rows []clientRow
	named := db.NewSelect().
		Model((*clientNameRow)(nil)).
		Column("client_id").
		Where("n.account_id = ?", accountID).
		Where("n.key IN (?)", bun.List(keys))
	err := q.
		Model(&rows).
		Where("c.account_id = ?", accountID).
		Where("c.id IN (?)", named).
		OrderExpr("c.id").
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for clients by name: %w", err)
	}
	return clients(rows)
}

// Clients reads a page of clients in one statement.
func (s *Trees) Clients(ctx context.Context, accountID account.ID, query tree.ClientQuery, span tree.Span) (tree.Connection[*tree.Client], error) {
	page := tree.Connection[*tree.Client]{Total: -1}
	keys := tree.NameKeys(query.Text)
	filter := func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("c.account_id = ?", accountID)
		if len(keys) == 0 {
			return q
		}
		named := s.db.NewSelect().
			Model((*clientNameRow)(nil)).
			Column("client_id").
			Where("n.account_id = ?", accountID).
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				for _, key := range keys { // the collation lets the index find beginnings
					q = q.WhereOr("n.key ^@ ? AND (n.kind <> ? OR n.key = ?)", key, tree.TicketKey, key)
				}
				return q
			})
		return q.Where("c.id = ANY (ARRAY(?))", named) // joined, the whole account's clients would be read
	}
	count := func() *bun.SelectQuery {
		return filter(s.db.NewSelect().TableExpr("clients AS c").ColumnExpr("count(*)"))
	}
	var rows []struct {
		clientRow
		Total int `bun:"total"`
	}
	q := s.db.NewSelect().
		TableExpr("clients AS c").
		ColumnExpr("c.*")
	if query.Total {
		q = q.ColumnExpr("(?) AS total", count())
	}
	order := key{column: "c.sort_key"}
	if err := order.page(filter(q), "c.id", span, false).Scan(ctx, &rows); err != nil {
		return page, fmt.Errorf("list clients: %w", err)
	}
	if query.Total {
		switch {
		case len(rows) > 0:
			page.Total = rows[0].Total
		case span.From == nil:
			page.Total = 0
		default: // a cursor behind the last one: rare enough for a statement of its own
			if err := count().Scan(ctx, &page.Total); err != nil {
				return page, fmt.Errorf("count clients: %w", err)
			}
		}
	}
	err := fill(&page, rows, span, func(r *struct {
		clientRow
		Total int `bun:"total"`
	},
	) (tree.Edge[*tree.Client], error) {
		c, err := r.client()
		return tree.Edge[*tree.Client]{Cursor: tree.Cursor{Order: tree.ClientOrder, Value: r.SortKey, ID: r.ID.UUID()}.String(), Node: c}, err
	})
	return page, err
}

// InsertClient adds a client with its names.
func (s treeTx) InsertClient(ctx context.Context, c *tree.Client) error {
	if _, err := s.tx.NewInsert().Model(newClientRow(c)).Exec(ctx); err != nil {
		return clientFault(err)
	}
	return s.nameClient(ctx, c)
}

// SaveClient writes what may change of a locked client, and shows it in the running
// sessions that are for it.
func (s treeTx) SaveClient(ctx context.Context, c *tree.Client) error {
	row := newClientRow(c)
	_, err := s.tx.NewUpdate().
		Model(row).
		ExcludeColumn("account_id", "id", "created_at").
		Where("c.account_id = ?", c.AccountID).
		Where("c.id = ?", c.ID).
		Exec(ctx)
	if err != nil {
		return clientFault(err)
	}
	_, err = s.tx.NewDelete().
		Model((*clientNameRow)(nil)).
		Where("n.account_id = ?", c.AccountID).
		Where("n.client_id = ?", c.ID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("take a client's names off: %w", err)
	}
	if err := s.nameClient(ctx, c); err != nil {
		return err
	}
	_, err = s.tx.NewUpdate().
		Model((*treeSessionRow)(nil)).
		Set("client_name = ?, client_facts = ?", c.Name, row.Facts).
		Where("s.account_id = ?", c.AccountID).
		Where("s.client_id = ?", c.ID).
		Where("s.status = ?", tree.InProgress).
		Where("(s.client_name, s.client_facts) <> (?, ?::jsonb)", c.Name, row.Facts).
		Exec(ctx)
	return wrap(err, "show a client in its sessions")
}

// nameClient writes the forms in which a client is found, in one order, so that two
// who take the same ones wait for each other in turn. The row of a client of another
// account is not found, and nothing is written.
func (s treeTx) nameClient(ctx context.Context, c *tree.Client) error {
	names := c.Names()
	slices.SortFunc(names, func(a, b tree.ClientName) int { return strings.Compare(a.Key, b.Key) })
	rows := make([]clientNameRow, len(names))
	for i, n := range names {
		rows[i] = clientNameRow{AccountID: c.AccountID, Key: n.Key, ClientID: c.ID, Kind: n.Kind}
	}
	_, err := s.tx.NewInsert().Model(&rows).Exec(ctx)
	return clientFault(err)
}

// MoveSessions makes all sessions for one client sessions for another one.
func (s treeTx) MoveSessions(ctx context.Context, accountID account.ID, from, to tree.ClientID) (int, error) {
	result, err := s.tx.NewUpdate().
		Model((*treeSessionRow)(nil)).
		Set("client_id = ?", to).
		Where("s.account_id = ?", accountID).
		Where("s.client_id = ?", from).
		Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("move sessions to another client: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// DeleteClient removes a client, whose names go with it.
func (s treeTx) DeleteClient(ctx context.Context, accountID account.ID, id tree.ClientID) error {
	_, err := s.tx.NewDelete().
		Model((*clientRow)(nil)).
		Where("c.account_id = ?", accountID).
		Where("c.id = ?", id).
		Exec(ctx)
	if refersTo(err, "tree_sessions") {
		return fault.New(fault.Conflict, "A troubleshooting session is for this client, so its record must stay. If it is another spelling of a client, merge the two.").Wrap(err)
	}
	return pgFault(err, "client")
}

func newClientRow(c *tree.Client) *clientRow {
	row := &clientRow{
		AccountID: c.AccountID,
		ID:        c.ID,
		Name:      c.Name,
		SortKey:   tree.NameKeys(c.Name)[0],
		Aliases:   append([]string{}, c.Aliases...),
		TicketKey: c.TicketKey,
		Facts:     factsJSON(c.Facts),
		Revision:  c.Revision,
		CreatedAt: c.CreatedAt,
		UpdatedAt: c.UpdatedAt,
	}
	return row
}

func clientFault(err error) error {
	if violates(err, "client_names_pkey") {
		return fault.New(fault.Conflict, "Another client goes by one of these names since a moment ago. Look for it, then try again.").Wrap(err)
	}
	return pgFault(err, "client")
}
