package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// subjectPrefix begins every word of the subjects of one account's sessions that
// began in one month. So a common word costs what a few months of the account have of
// it, however many other accounts and years there are.
func subjectPrefix(accountID account.ID, month time.Time) string {
	return wordPrefix(accountID, wordKind{tree.DraftForm, false, rest}) + month.UTC().Format("0601")
}

// subjectVector returns the words of a session's subject as PostgreSQL reads a
// tsvector.
func subjectVector(s *tree.Session) string {
	var b strings.Builder
	for _, w := range tree.SubjectWords(s.Subject) {
		b.WriteString("'" + subjectPrefix(s.AccountID, s.StartedAt) + w.Text + "' ")
	}
	return b.String()
}

// maxAlike bounds how many sessions with a word of the subject are compared.
const maxAlike = 2000

type seenSession struct {
	bun.BaseModel `bun:"table:tree_sessions,alias:s"`
	readTreeSession
	SameClient    bool      `bun:"same_client"`
	Matched       int       `bun:"matched"`
	SolutionKind  tree.Kind `bun:"solution_kind"`
	SolutionTitle string    `bun:"solution_title"`
	SolutionText  string    `bun:"solution_text"`
}

// rankedBy are the columns by which sessions that were seen before are ranked.
const rankedBy = "s.id, s.client_id, s.client_key, s.tree_id, s.started_at"

// seenFields is what is told of a session that was seen before.
const seenFields = tree.SessionTree | tree.SessionSubject | tree.SessionTimes | tree.SessionResult | tree.SessionHolder | tree.SessionValues

// SeenBefore reads what was walked before for a client and about a subject, in one
// statement: what is for the client and what has at least half of the words, each
// from an index, ranked together.
func (s *Trees) SeenBefore(ctx context.Context, accountID account.ID, query tree.SeenQuery) ([]tree.SeenSession, error) {
	lately := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.
			Where("s.account_id = ?", accountID).
			Where("s.started_at >= ?", query.Since).
			Where("s.status <> ?", tree.Abandoned)
	}
	// The names of the client, by which it may have been typed before it had a record.
	names := s.db.NewSelect().
		Model((*clientNameRow)(nil)).
		Column("client_id", "key").
		Where("n.account_id = ?", accountID)
	if query.ClientID.IsZero() {
		named := s.db.NewSelect().
			TableExpr("client_names AS k").
			ColumnExpr("k.client_id").
			Where("k.account_id = ?", accountID).
			Where("k.key = ANY (?::text[])", pgdialect.Array(append([]string{}, query.Keys...)))
		names = names.Where("n.client_id IN (?)", named)
	} else {
		names = names.Where("n.client_id = ?", query.ClientID)
	}
	const mine = "s.client_id = ANY (ARRAY(SELECT client_id FROM names))"
	typed := bun.SafeQuery("s.client_key <> '' AND s.client_key = ANY (ARRAY(SELECT key FROM names) || ?::text[])", pgdialect.Array(append([]string{}, query.Keys...)))
	latest := func(where string, args ...any) *bun.SelectQuery {
		return s.db.NewSelect().TableExpr("(?) AS l", lately(s.db.NewSelect().TableExpr("tree_sessions AS s").ColumnExpr(rankedBy)).
			Where(where, args...).
			OrderExpr("s.started_at DESC, s.id DESC").
			Limit(int64(query.Limit))).ColumnExpr("l.*, 0 AS matched")
	}
	same := bun.SafeQuery("coalesce((?) OR (?), false)", bun.Safe(mine), typed)
	place := bun.SafeQuery("row_number() OVER (PARTITION BY ? ORDER BY max(s.matched) DESC, coalesce(s.tree_id = ?, false) DESC, s.started_at DESC, s.id DESC)",
		same, query.Tree)
	ranked := s.db.NewSelect().
		TableExpr("found AS s").
		ColumnExpr("s.id, max(s.matched) AS matched, ? AS same_client, ? AS place", same, place).
		GroupExpr(rankedBy)

	var rows []seenSession
	q := selectTreeSession(s.db.NewSelect().Model(&rows), seenFields).
		With("names", names).
		With("found", latest(mine).UnionAll(latest("?", typed)).UnionAll(s.alike(accountID, query, lately))).
		With("ranked", ranked).
		ColumnExpr("r.same_client, r.matched, e.node_kind AS solution_kind, e.title AS solution_title, e.text AS solution_text").
		Join("JOIN ranked AS r ON r.id = s.id AND r.place <= ?", query.Limit).
		Join("LEFT JOIN tree_session_steps AS e ON e.account_id = s.account_id AND e.session_id = s.id AND e.seq = s.last_seq AND e.kind = ?", tree.Finished).
		Where("s.account_id = ?", accountID).
		OrderExpr("r.same_client DESC, r.place")
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("look for what was seen before: %w", err)
	}
	seen := make([]tree.SeenSession, len(rows))
	for i := range rows {
		r := &rows[i]
		session, err := r.session()
		if err != nil {
			return nil, err
		}
		seen[i] = tree.SeenSession{Session: session, SameClient: r.SameClient, Alike: r.Matched > 0, Solution: session.Reason}
		if r.SolutionKind == tree.Solution {
			seen[i].Solution, seen[i].Text = r.SolutionTitle, r.SolutionText
		}
	}
	return seen, nil
}

// alike finds the sessions with at least half of the subject's words, and says how
// many each has.
func (s *Trees) alike(accountID account.ID, query tree.SeenQuery, lately func(*bun.SelectQuery) *bun.SelectQuery) *bun.SelectQuery {
	q := s.db.NewSelect().ColumnExpr("a.*").Where("a.matched >= ?", (len(query.Terms)+1)/2)
	if len(query.Terms) == 0 {
		return q.TableExpr("(SELECT ?, 0 AS matched FROM tree_sessions AS s WHERE false) AS a", bun.Safe(rankedBy))
	}
	// A word of a month is a word of its own: each is looked for in every month.
	each, all := make([]any, len(query.Terms)), make([]string, len(query.Terms))
	for i, term := range query.Terms {
		var months []string
		for month := monthOf(query.Since); !month.After(query.Now); month = month.AddDate(0, 1, 0) {
			months = append(months, tsquery(tree.SearchTerms{term}, false, subjectPrefix(accountID, month)))
		}
		all[i] = strings.Join(months, " | ")
		each[i] = all[i]
	}
	matching := lately(s.db.NewSelect().TableExpr("tree_sessions AS s").ColumnExpr(rankedBy+", s.subject_words")).
		Where("s.subject_words @@ ?::tsquery", strings.Join(all, " | "))
	return q.TableExpr("(WITH m AS MATERIALIZED (?) SELECT m.id, m.client_id, m.client_key, m.tree_id, m.started_at, ? AS matched FROM (SELECT * FROM m LIMIT ?) AS m) AS a",
		matching, bun.SafeQuery("0"+strings.Repeat(" + (m.subject_words @@ ?::tsquery)::int", len(each)), each...), maxAlike)
}

func monthOf(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// OpenWalks reads the running sessions for a ticket in one statement.
func (s *Trees) OpenWalks(ctx context.Context, accountID account.ID, ticket string, limit int) ([]*tree.Session, error) {
	var rows []readTreeSession
	err := selectTreeSession(s.db.NewSelect().Model(&rows), tree.SessionTree|tree.SessionSubject|tree.SessionTimes|tree.SessionHolder).
		Where("s.account_id = ?", accountID).
		Where("s.ticket <> '' AND lower(s.ticket) = lower(?)", ticket).
		Where("s.status = ?", tree.InProgress).
		OrderExpr("s.started_at DESC, s.id DESC").
		Limit(int64(limit)).
		Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for the running sessions of a ticket: %w", err)
	}
	sessions := make([]*tree.Session, len(rows))
	for i := range rows {
		if sessions[i], err = rows[i].session(); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}

// indexSubjects makes the words of the subjects of sessions known that were there
// before anybody looked for them, so many at a time.
func (s *Trees) indexSubjects(ctx context.Context) error {
	for {
		const batch = 1000
		var rows []readTreeSession
		err := s.db.NewSelect().
			Model(&rows).
			ColumnExpr("s.account_id, s.id, s.subject, s.started_at").
			Where("s.subject_words IS NULL").
			OrderExpr("s.account_id, s.id").
			Limit(batch).
			Scan(ctx)
		if err != nil {
			return fmt.Errorf("look for subjects that are not known: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		accounts, ids, vectors := make([]string, len(rows)), make([]string, len(rows)), make([]string, len(rows))
		for i, r := range rows {
			accounts[i], ids[i] = r.AccountID.UUID().String(), r.ID.UUID().String()
			vectors[i] = subjectVector(&tree.Session{AccountID: r.AccountID, Subject: r.Subject, StartedAt: r.StartedAt})
		}
		_, err = s.db.NewRaw(`
			UPDATE tree_sessions AS s SET subject_words = k.words::tsvector
			FROM unnest(?::uuid[], ?::uuid[], ?::text[]) AS k (account_id, id, words)
			WHERE s.account_id = k.account_id AND s.id = k.id AND s.subject_words IS NULL`,
			pgdialect.Array(accounts), pgdialect.Array(ids), pgdialect.Array(vectors)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("make subjects known: %w", err)
		}
	}
}
