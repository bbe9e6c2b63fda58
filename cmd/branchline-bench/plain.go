//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
)

// The operations that are measured. A plain server knows each by its beginning.
const (
	listQuery    = `query Trees { trees(first: 20) { nodes { id title category { name } author { name } nodeCount } } }`
	singleQuery  = `query Tree($id: ID!) { tree(id: $id) { id title category { name } author { name } nodeCount } }`
	advanceQuery = `mutation Advance($input: AdvanceSessionInput!) { advanceSession(input: $input) { session { id status step currentNode { __typename nodeId title ... on DecisionNode { options { optionId label } } } } } }`
	loginQuery   = `mutation Login($input: LoginInput!) { login(input: $input) { accessToken accessTokenExpiresAt refreshToken user { id name role } loginSession { id idleExpiresAt absoluteExpiresAt } } }`
)

// plainName is the plain server's application_name.
const plainName = "plain"

// plain is the least that a server of the same answers does: net/http, the same
// check of the token, statements that are prepared, JSON put together by hand. It
// knows no GraphQL and asks for what is never wrong.
type plain struct {
	db        *pgxpool.Pool
	ring      *login.Ring
	tokens    *login.AccessTokens
	passwords *login.Passwords
	settings  login.Settings
}

func runPlain(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var p *plain
	return obey(in, out, func(o order) (reply, error) {
		switch {
		case o.Do == "hash": // needs no server
			return hashOnAllCores(o.Patience)
		case o.Do != "serve" || p != nil:
			return reply{}, fmt.Errorf("a plain server cannot %q", o.Do)
		}
		var err error
		if p, err = newPlain(ctx, o); err != nil {
			return reply{}, err
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return reply{}, err
		}
		server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(listener) }() // until this process ends
		return reply{Address: listener.Addr().String()}, nil
	})
}

func newPlain(ctx context.Context, o order) (*plain, error) {
	config, err := pgxpool.ParseConfig(o.Database)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 16 // the product's default
	config.ConnConfig.RuntimeParams["application_name"] = plainName
	config.ConnConfig.RuntimeParams["jit"] = "off"
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	ring, err := login.ParseRing(login.Secret(o.Keys))
	if err != nil {
		return nil, err
	}
	s := login.DefaultSettings()
	return &plain{
		db: db, ring: ring, settings: s, passwords: login.NewPasswords(cheapHash),
		tokens: login.NewAccessTokens(ring, s.Issuer, s.Audience, s.AccessLife, time.Now),
	}, nil
}

// hashOnAllCores makes password hashes for a while, as many at a time as there are
// cores, and says how many that are in a second.
func hashOnAllCores(during time.Duration) (reply, error) {
	passwords := login.NewPasswords(login.DefaultArgon2())
	done := make(chan int)
	began := time.Now()
	cores := runtime.GOMAXPROCS(0)
	for range cores {
		go func() {
			n := 0
			for ; time.Since(began) < during; n++ {
				_, _ = passwords.Hash(context.Background(), benchPassword) // fails only when its context ends
			}
			done <- n
		}()
	}
	hashes := 0
	for range cores {
		hashes += <-done
	}
	return reply{PerSecond: float64(hashes) / time.Since(began).Seconds()}, nil
}

// asked is the variables of all operations together.
type asked struct {
	Variables struct {
		ID    string
		Input struct {
			SessionID    string
			ExpectedStep int
			OptionID     string
			Email        string
			Password     login.Secret
		}
	}
}

// ServeHTTP implements http.Handler.
func (p *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := p.answer(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func (p *plain) answer(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	ctx, is := r.Context(), func(query string) bool {
		name, _, _ := strings.Cut(query, "{")
		return bytes.HasPrefix(body, []byte(`{"query":"`+strings.TrimSpace(name)))
	}
	if is(loginQuery) { // there is no token yet
		return p.login(ctx, body)
	}
	claims, err := p.tokens.Verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		return nil, err
	}
	switch {
	case is(listQuery):
		return p.list(ctx, claims)
	case is(singleQuery):
		return p.single(ctx, claims, body)
	case is(advanceQuery):
		return p.advance(ctx, claims, body)
	}
	return nil, errors.New("a plain server knows no such operation")
}

func variables(body []byte) (asked, error) {
	var a asked
	return a, json.Unmarshal(body, &a)
}

const treeColumns = `SELECT t.id, t.title, t.draft_node_count, c.name, u.name
FROM trees AS t
LEFT JOIN tree_categories AS c ON c.account_id = t.account_id AND c.id = t.category_id
LEFT JOIN users AS u ON u.account_id = t.account_id AND u.id = t.author_id
WHERE t.account_id = $1 `

// treeRow is one tree of an answer.
type treeRow struct {
	id                      [16]byte
	title, category, author string
	nodes                   int
}

func (t *treeRow) into() []any { return []any{&t.id, &t.title, &t.nodes, &t.category, &t.author} }

func (t *treeRow) append(out []byte) []byte {
	out = appendText(append(out, `{"id":`...), id.FromUUID[treeKind](t.id).String())
	out = appendText(append(out, `,"title":`...), t.title)
	out = appendText(append(out, `,"category":{"name":`...), t.category)
	out = appendText(append(out, `},"author":{"name":`...), t.author)
	return fmt.Appendf(out, `},"nodeCount":%d}`, t.nodes)
}

// treeKind and the next are the kinds of ids that are read and written here.
type treeKind struct{}

// Prefix implements id.Kind.
func (treeKind) Prefix() string { return "tree" }

// Noun implements id.Kind.
func (treeKind) Noun() string { return "tree" }

func (p *plain) list(ctx context.Context, c login.Claims) ([]byte, error) {
	rows, err := p.db.Query(ctx, treeColumns+`AND t.status IN ('PUBLISHED', 'DRAFT') ORDER BY t.updated_at DESC, t.id DESC LIMIT 20`, uuidOf(c.AccountID.UUID()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := append(make([]byte, 0, 4096), `{"data":{"trees":{"nodes":[`...)
	var t treeRow
	into := t.into()
	for n := 0; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = t.append(out)
	}
	return append(out, `]}}}`...), rows.Err()
}

func (p *plain) single(ctx context.Context, c login.Claims, body []byte) ([]byte, error) {
	a, err := variables(body)
	if err != nil {
		return nil, err
	}
	treeID, err := id.Parse[treeKind](a.Variables.ID)
	if err != nil {
		return nil, err
	}
	var t treeRow
	if err := p.db.QueryRow(ctx, treeColumns+`AND t.id = $2`, uuidOf(c.AccountID.UUID()), uuidOf(treeID.UUID())).Scan(t.into()...); err != nil {
		return nil, err
	}
	out := t.append(append(make([]byte, 0, 512), `{"data":{"tree":`...))
	return append(out, `}}`...), nil
}

// appendText appends a JSON string. What would need an escape is not in the
// benchmark's rows, so it is refused by the comparison of the bytes.
func appendText(out []byte, text string) []byte {
	out = append(append(out, '"'), text...)
	return append(out, '"')
}

// appendTime appends a moment as the API writes it.
func appendTime(out []byte, t time.Time) []byte {
	out = t.UTC().Truncate(time.Microsecond).AppendFormat(append(out, '"'), time.RFC3339Nano)
	return append(out, '"')
}

// uuidFrom returns the UUID of 16 bytes as sql.Scanners take it.
func uuidFrom(b [16]byte) []byte { u := uuid.UUID(b); return u[:] }
