//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/id"
	"github.com/branchline/branchline/internal/login"
)

const (
	queryClients  = 8
	queryRounds   = 5
	queryRequests = 2000 // a round
	walksEach     = 50   // a round
	signInsEach   = 250  // a round
	treeCount     = 1000
	people        = 256 // the first half of them has a password whose hash costs nothing
)

// api measures single requests, in a database of its own and on a process of the
// product of its own: what else the run does to the database is not in the figures.
type api struct {
	*bench
	ours, bare answerer
	token      string
}

// answerer is the product or its floor.
type answerer struct {
	name        string
	process     *process
	address     string
	application string // its application_name in PostgreSQL
}

// requests measures queries, steps of walks, and sign-ins.
func (b *bench) requests(ctx context.Context, _ *product, _ *child) error {
	b.say("product and floor for queries: preparing %d trees", treeCount)
	a := &api{bench: &bench{
		options: b.options, dir: b.dir, binary: b.binary, cluster: b.cluster, keys: b.keys, tokens: b.tokens,
		report: b.report,
	}}
	a.sockets = people
	defer a.closeDatabase()
	if err := a.openDatabase(ctx, "branchline_requests"); err != nil {
		return err
	}
	server, err := a.serve(ctx, "server for requests")
	if err != nil {
		return err
	}
	defer server.stop()
	floor, err := a.child(ctx, "plain server")
	if err != nil {
		return err
	}
	defer floor.stop()
	listens, err := floor.do(order{Do: "serve", Database: a.database, Keys: string(a.keys)})
	if err != nil {
		return err
	}
	a.ours = answerer{"product", server.process, server.address, productName}
	a.bare = answerer{"floor", floor.process, listens.Address, plainName}
	if err := a.people(ctx, server); err != nil {
		return err
	}
	walk, err := a.library(ctx, server)
	if err != nil {
		return err
	}
	if a.only != "sign-ins" {
		if err := a.reads(ctx); err != nil {
			return err
		}
		if err := a.walks(ctx, walk); err != nil {
			return err
		}
	}
	if a.only == "requests" {
		return nil
	}
	if err := a.signIns(ctx); err != nil {
		return err
	}
	return a.storm(ctx, floor)
}

// productName is the product's application_name in PostgreSQL.
const productName = "branchline"

// library makes what is read and walked: one published tree by the API, copies of
// it by SQL. It returns a walk that has just begun.
func (a *api) library(ctx context.Context, p *product) (walk id.Of[walkKind], err error) {
	owner, err := a.ownerToken()
	if err != nil {
		return walk, err
	}
	type vars = map[string]any
	nodes := []any{vars{"solution": vars{"nodeId": "done", "title": "It works again.", "outcome": "RESOLVED"}}}
	for i := range questions {
		on := "done"
		if i+1 < questions {
			on = questionID(i + 1)
		}
		nodes = append(nodes, vars{"decision": vars{
			"nodeId": questionID(i), "title": questionTitle(i), "text": strings.Repeat("Look at the lights first. ", 8),
			"options": []any{
				vars{"optionId": optionOn, "label": labelOn, "target": on}, vars{"optionId": optionStop, "label": labelStop, "target": "done"},
			},
		}})
	}
	var made struct {
		CreateTree struct{ Tree struct{ ID string } }
	}
	if err := p.ask(ctx, owner, `mutation($in: CreateTreeInput!) { createTree(input: $in) { tree { id } } }`,
		vars{"in": vars{"title": "Runbook for the printers", "graph": vars{"root": questionID(0), "nodes": nodes}}}, &made); err != nil {
		return walk, err
	}
	var published struct{ PublishTree struct{ Version int } }
	if err := p.ask(ctx, owner, `mutation($in: PublishTreeInput!) { publishTree(input: $in) { version } }`,
		vars{"in": vars{"treeId": made.CreateTree.Tree.ID, "expectedRevision": 1}}, &published); err != nil {
		return walk, err
	}

	// Whoever reads and walks is one engineer.
	all, err := a.signIn(ctx, 1)
	if err != nil {
		return walk, err
	}
	a.token = all[0].token
	var started struct {
		StartSession struct{ Session struct{ ID string } }
	}
	if err := p.ask(ctx, a.token, `mutation($in: StartSessionInput!) { startSession(input: $in) { session { id } } }`,
		vars{"in": vars{"treeId": made.CreateTree.Tree.ID}}, &started); err != nil {
		return walk, err
	}
	if walk, err = id.Parse[walkKind](started.StartSession.Session.ID); err != nil {
		return walk, err
	}

	account := uuidOf(a.owner.AccountID.UUID())
	for _, statement := range []string{
		`INSERT INTO tree_categories (account_id, id, name, position) SELECT $1, gen_random_uuid(), 'Category ' || n, n FROM generate_series(1, 20) AS n`,
		`UPDATE trees SET category_id = (SELECT id FROM tree_categories AS c WHERE c.account_id = $1 LIMIT 1) WHERE account_id = $1`,
		`INSERT INTO trees (account_id, id, title, category_id, status, author_id, owner_id, saved_by, draft, draft_node_count, created_at, updated_at)
		 SELECT t.account_id, gen_random_uuid(), 'Runbook ' || n || ' for the printers of a branch office', of.categories[1 + n % 20], 'DRAFT',
		   of.users[1 + n % 200], of.users[1 + n % 200], of.users[1 + n % 200], t.draft, t.draft_node_count, t.created_at - n * interval '1 minute', t.created_at - n * interval '1 minute'
		 FROM trees AS t, generate_series(2, ` + fmt.Sprint(treeCount) + `) AS n, (SELECT
		   (SELECT array_agg(c.id) FROM tree_categories AS c WHERE c.account_id = $1) AS categories,
		   (SELECT array_agg(u.id) FROM users AS u WHERE u.account_id = $1) AS users) AS of
		 WHERE t.account_id = $1`,
	} {
		if _, err := a.db.Exec(ctx, statement, account); err != nil {
			return walk, fmt.Errorf("fill the library: %w", err)
		}
	}
	_, err = a.db.Exec(ctx, `VACUUM ANALYZE`)
	return walk, err
}

// operation returns the body of a request.
func operation(query string, variables map[string]any) []byte {
	body, err := json.Marshal(struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables,omitempty"`
	}{query, variables})
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	return body
}

// cost is what a request cost in one round, in microseconds of processor time, and
// how long the answers took.
type cost struct {
	server, database float64
	times            spread
	perSecond        float64
}

// measured drives one side and reads what that cost it and its connections to
// PostgreSQL.
func (a *api) measured(ctx context.Context, s answerer, clients int, jobs []job) (cost, error) {
	before, err := a.backends(ctx, s.application)
	if err != nil {
		return cost{}, err
	}
	cpu, err := s.process.cpu()
	if err != nil {
		return cost{}, err
	}
	done, err := drive(ctx, s.address, clients, jobs)
	if err != nil {
		return cost{}, fmt.Errorf("ask the %s: %w", s.name, err)
	}
	now, err := s.process.cpu()
	if err != nil {
		return cost{}, err
	}
	after, err := a.backends(ctx, s.application)
	if err != nil {
		return cost{}, err
	}
	var database time.Duration
	for pid, used := range after {
		database += used - before[pid] // zero where the connection is new
	}
	n := float64(len(done.times))
	return cost{
		server: microseconds(now-cpu) / n, database: microseconds(database) / n,
		times: spreadOf(done.times), perSecond: n / done.took.Seconds(),
	}, nil
}

// backends returns the processor time of PostgreSQL's processes that serve an
// application in this database. What the writers of its log and of its pages do
// is nobody's.
func (a *api) backends(ctx context.Context, application string) (map[int]time.Duration, error) {
	rows, err := a.db.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`, application)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	used := map[int]time.Duration{}
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return nil, err
		}
		if used[pid], err = cpuOf(pid); err != nil {
			return nil, fmt.Errorf("read the processor time of PostgreSQL: %w", err)
		}
	}
	return used, rows.Err()
}

// inTurns measures both sides round by round, the one and then the other, and
// returns the medians. The first round is not counted: it opens connections and
// prepares statements.
func (a *api) inTurns(ctx context.Context, ours, bare answerer, jobs func(ours bool) ([]job, error)) (us, floor cost, err error) {
	var rounds [2][]cost
	for round := range queryRounds + 1 {
		for i, s := range []answerer{ours, bare} {
			work, err := jobs(i == 0)
			if err != nil {
				return cost{}, cost{}, err
			}
			c, err := a.measured(ctx, s, queryClients, work)
			if err != nil {
				return cost{}, cost{}, err
			}
			if round > 0 {
				rounds[i] = append(rounds[i], c)
			}
		}
	}
	return middleCost(rounds[0]), middleCost(rounds[1]), nil
}

func middleCost(rounds []cost) cost {
	of := func(get func(cost) float64) float64 { return median(rounds, get) }
	return cost{
		server: of(func(c cost) float64 { return c.server }), database: of(func(c cost) float64 { return c.database }),
		times: spread{
			p50: of(func(c cost) float64 { return c.times.p50 }), p99: of(func(c cost) float64 { return c.times.p99 }),
			max: of(func(c cost) float64 { return c.times.max }),
		},
		perSecond: of(func(c cost) float64 { return c.perSecond }),
	}
}

// show adds the figures of one operation. A limit of 0 is none.
func (a *api) show(what, goal string, limit float64, goalBoth string, limitBoth float64, us, floor cost) {
	row := func(goal string, limit float64, what string, value, floor float64) {
		if limit == 0 {
			a.report.add(what, "µs", value, floor)
			return
		}
		a.report.judge(goal, what, "µs", value, floor, fmt.Sprintf("≤ %.2f × floor", limit), value <= limit*floor)
	}
	row(goal, limit, what+": server CPU", us.server, floor.server)
	row(goalBoth, limitBoth, what+": server and PostgreSQL CPU", us.server+us.database, floor.server+floor.database)
	a.report.add(fmt.Sprintf("%s: p50, %d clients at once", what, queryClients), "ms", us.times.p50, floor.times.p50)
	a.report.add(fmt.Sprintf("%s: p99, %d clients at once", what, queryClients), "ms", us.times.p99, floor.times.p99)
}

// reads measures a page of a list and a single read.
func (a *api) reads(ctx context.Context) error {
	var singles []request
	rows, err := a.db.Query(ctx, `SELECT id FROM trees WHERE account_id = $1`, uuidOf(a.owner.AccountID.UUID()))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var treeID id.Of[treeKind]
		if err := rows.Scan(&treeID); err != nil {
			return err
		}
		singles = append(singles, newRequest(a.token, operation(singleQuery, map[string]any{"id": treeID.String()})))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, o := range []struct {
		what, goal, goalBoth string
		limit, limitBoth     float64
		requests             []request
	}{
		{"list query", "S1", "S2", 1.35, 1.15, []request{newRequest(a.token, operation(listQuery, nil))}},
		{"single read", "S3", "", 1.5, 0, singles},
	} {
		a.say("%s: comparing bytes, then %d rounds", o.what, queryRounds)
		for _, r := range o.requests[:min(len(o.requests), 20)] {
			if err := a.sameAnswer(ctx, a.ours, a.bare, r, r, func(s string) string { return s }); err != nil {
				return err
			}
		}
		jobs := make([]job, queryRequests)
		for i := range jobs {
			jobs[i] = job{o.requests[i%len(o.requests)]}
		}
		us, floor, err := a.inTurns(ctx, a.ours, a.bare, func(bool) ([]job, error) { return jobs, nil })
		if err != nil {
			return err
		}
		a.show(o.what, o.goal, o.limit, o.goalBoth, o.limitBoth, us, floor)
	}
	return nil
}

// sameAnswer makes sure that both sides answer the same, but for what mask takes
// out.
func (a *api) sameAnswer(ctx context.Context, ours, bare answerer, r, floorRequest request, mask func(string) string) error {
	want, err := askOnce(ctx, ours.address, r)
	if err != nil {
		return fmt.Errorf("ask the %s: %w", ours.name, err)
	}
	got, err := askOnce(ctx, bare.address, floorRequest)
	if err != nil {
		return fmt.Errorf("ask the %s: %w", bare.name, err)
	}
	if mask(want) != mask(got) {
		return fmt.Errorf("the floor answers %s where the product answers %s", got, want)
	}
	return nil
}

// walks measures a step of a walk, which is committed durably.
func (a *api) walks(ctx context.Context, first id.Of[walkKind]) error {
	a.say("step of a walk: comparing bytes, then %d rounds", queryRounds)
	newWalks := func(n int) ([]job, error) {
		rows, err := a.db.Query(ctx, `INSERT INTO tree_sessions (account_id, id, tree_id, tree_version, started_by, held_by, status, started_at, current_node_id, current_title, updated_at)
			SELECT account_id, gen_random_uuid(), tree_id, tree_version, started_by, held_by, status, started_at, current_node_id, current_title, updated_at
			FROM tree_sessions, generate_series(1, $3) WHERE account_id = $1 AND id = $2 RETURNING id`,
			uuidOf(a.owner.AccountID.UUID()), uuidOf(first.UUID()), n)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var jobs []job
		for rows.Next() {
			var walk id.Of[walkKind]
			if err := rows.Scan(&walk); err != nil {
				return nil, err
			}
			var j job
			for step := range stepsEach {
				j = append(j, newRequest(a.token, operation(advanceQuery, map[string]any{
					"input": map[string]any{"sessionId": walk.String(), "expectedStep": step, "optionId": optionOn},
				})))
			}
			jobs = append(jobs, j)
		}
		return jobs, rows.Err()
	}
	two, err := newWalks(2)
	if err != nil {
		return err
	}
	ids := regexp.MustCompile(`tses_\w+`)
	for step := range stepsEach {
		if err := a.sameAnswer(ctx, a.ours, a.bare, two[0][step], two[1][step], func(s string) string { return ids.ReplaceAllString(s, "walk") }); err != nil {
			return err
		}
	}
	us, floor, err := a.inTurns(ctx, a.ours, a.bare, func(bool) ([]job, error) { return newWalks(walksEach) })
	if err != nil {
		return err
	}
	a.show("step of a walk", "S16", 1.5, "", 0, us, floor)
	return nil
}

// benchPassword is everybody's.
const benchPassword = "a password of the benchmark"

// signInRequest signs one of the users in.
func signInRequest(user int) request {
	return newRequest("", operation(loginQuery, map[string]any{
		"input": map[string]any{"email": fmt.Sprintf("engineer%d@bench.example", user), "password": benchPassword},
	}))
}

// changing finds what is another in each sign-in's answer.
var changing = regexp.MustCompile(`"(accessToken|refreshToken|id|\w+At)":"([^"]*)"`)

// signIns measures a sign-in whose hash costs nothing.
func (a *api) signIns(ctx context.Context) error {
	a.say("sign-in without the hash: comparing answers, then %d rounds", queryRounds)
	for from, params := range map[int]login.Argon2{0: cheapHash, people / 2: login.DefaultArgon2()} {
		hash, err := login.NewPasswords(params).Hash(ctx, benchPassword)
		if err != nil {
			return err
		}
		for i := from; i < from+people/2; i++ {
			if _, err := a.db.Exec(ctx, `UPDATE users SET password_hash = $3 WHERE account_id = $1 AND id = $2`,
				uuidOf(a.users[i].AccountID.UUID()), uuidOf(a.users[i].ID.UUID()), hash); err != nil {
				return err
			}
		}
	}
	if _, err := a.db.Exec(ctx, `INSERT INTO user_directory (email, account_id, user_id) SELECT email, account_id, id FROM users ON CONFLICT DO NOTHING`); err != nil {
		return err
	}
	if _, err := a.db.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	cheap, err := a.child(ctx, "cheap server")
	if err != nil {
		return err
	}
	defer cheap.stop()
	listens, err := cheap.do(order{Do: "serve", Database: a.database, Keys: string(a.keys), Dir: a.dir})
	if err != nil {
		return err
	}
	// The product that serves the rest has the same name in PostgreSQL: it does
	// nothing meanwhile but look for changes twice a second.
	ours := answerer{"product", cheap.process, listens.Address, productName}
	mask := func(s string) string {
		return changing.ReplaceAllStringFunc(s, func(field string) string {
			part := changing.FindStringSubmatch(field)
			if strings.HasSuffix(part[1], "At") || part[1] == "accessToken" { // zeros at the end of their times are not written
				return part[1]
			}
			return fmt.Sprint(part[1], len(part[2]))
		})
	}
	if err := a.sameAnswer(ctx, ours, a.bare, signInRequest(0), signInRequest(0), mask); err != nil {
		return err
	}
	jobs := make([]job, signInsEach)
	for i := range jobs {
		jobs[i] = job{signInRequest(i % (people / 2))}
	}
	us, floor, err := a.inTurns(ctx, ours, a.bare, func(bool) ([]job, error) { return jobs, nil })
	if err != nil {
		return err
	}
	a.show("sign-in without the hash", "S11", 1.2, "", 0, us, floor)
	return nil
}

// storm measures many sign-ins at once, with the hash, on a process that has done
// nothing before.
func (a *api) storm(ctx context.Context, floor *child) error {
	server, err := a.serve(ctx, "server for a storm")
	if err != nil {
		return err
	}
	defer server.stop()
	before, err := server.resident()
	if err != nil {
		return err
	}
	if err := server.forgetPeak(); err != nil {
		return err
	}
	hashes := func() (float64, error) {
		r, err := floor.do(order{Do: "hash", Patience: 1500 * time.Millisecond})
		return r.PerSecond, err
	}
	for _, at := range []int{16, 64} {
		a.say("%d sign-ins at once", at)
		first, err := hashes()
		if err != nil {
			return err
		}
		jobs := make([]job, 200+at)
		for i := range jobs {
			jobs[i] = job{signInRequest(people/2 + i%(people/2))}
		}
		done, err := drive(ctx, server.address, at, jobs)
		if err != nil {
			return err
		}
		second, err := hashes()
		if err != nil {
			return err
		}
		rate, most := float64(len(jobs))/done.took.Seconds(), (first+second)/2
		a.report.judge("S11", fmt.Sprintf("sign-ins, %d at once; floor: hashes on all cores", at), "/s", rate, most, "≥ 0.9 × floor", rate >= 0.9*most)
		a.report.add(fmt.Sprintf("sign-ins, %d at once: p99", at), "ms", spreadOf(done.times).p99, 0)
	}
	peak, err := server.peak()
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	grown, most := (peak-before)/mebi, float64(runtime.NumCPU()+1)*19+20
	a.report.judge("S12", "sign-in storm: resident memory at its peak, more than before", "MiB", grown, 0, fmt.Sprintf("≤ %.0f MiB", most), grown <= most)
	return nil
}
