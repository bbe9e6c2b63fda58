//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/event"
)

// run measures everything and returns what it found.
func run(ctx context.Context, o options) (*report, error) {
	dir, err := os.MkdirTemp("", "branchline-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, report: &report{
		Began: time.Now(), Machine: machine(), Go: runtime.Version(), GOGC: os.Getenv("GOGC"), Sockets: o.sockets, Load: load(), Settings: o.settings,
	}}
	defer b.close()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	b.report.PostgreSQL = b.cluster.Version()
	steps := []func(context.Context) error{b.service, b.inProcess, b.validation, b.growth}
	switch {
	case o.growthOnly:
		steps = steps[2:]
	case o.only != "":
		steps = steps[:1]
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, b.errorsLogged())
		}
	}
	b.report.Took = time.Since(b.report.Began).Seconds()
	return b.report, ctx.Err()
}

// parts are what can be measured alone, of what service does.
var parts = []string{"sockets", "requests", "sign-ins", "fan-out", "everybody", "one"}

// service measures the program beside its floors: sockets, requests and revocations.
func (b *bench) service(ctx context.Context) error {
	if err := b.firstUser(ctx); err != nil {
		return err
	}
	server, err := b.serve(ctx, "server")
	if err != nil {
		return err
	}
	defer server.stop()
	floor, err := b.child(ctx, "floor")
	if err != nil {
		return err
	}
	defer floor.stop()

	for _, step := range []struct {
		parts string // those that it is done for; "" is every one
		do    func(context.Context, *product, *child) error
	}{
		{"", b.compareBytes},
		{"sockets", b.subscribers},
		{"requests sign-ins", b.requests},
		{"sockets", b.afterwards},
		{"sockets", b.held},
		{"fan-out", b.fanOut},
		{"everybody", b.revokeAll},
		{"one", b.twoProcesses},
	} {
		if b.only != "" && step.parts != "" && !slices.Contains(strings.Fields(step.parts), b.only) {
			continue
		}
		if err := step.do(ctx, server, floor); err != nil {
			return err
		}
	}
	b.report.judge("–", fmt.Sprintf("of %d sockets, sent away with %d while they subscribed", b.connected, comeBack), "", float64(b.sentOff), 0, "0", b.sentOff == 0)
	return nil
}

// firstUser makes the account. The hash of the owner's password takes memory that
// is no subscriber's, so the process that makes it is not the one that is measured.
func (b *bench) firstUser(ctx context.Context) error {
	server, err := b.serve(ctx, "first server")
	if err != nil {
		return err
	}
	defer server.stop()
	return b.people(ctx, server)
}

// machine says what kind of machine this is.
func machine() string {
	model := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d cores (%s)", runtime.NumCPU(), model)
}

// load returns the load averages of the last 1, 5 and 15 minutes: a machine that
// does other work measures that too.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// crowd starts a crowd and connects it. Each has an address of its own, because
// the ports of closed connections stay taken for a minute.
func (b *bench) crowd(ctx context.Context, address string, all []seated, atOnce int) (*child, error) {
	c, err := b.child(ctx, "crowd")
	if err != nil {
		return nil, err
	}
	b.sources++
	o := order{Do: "connect", Address: address, AtOnce: atOnce, Source: fmt.Sprintf("127.0.0.%d", 1+b.sources)}
	for _, s := range all {
		o.Tokens = append(o.Tokens, s.token)
	}
	connected, err := c.do(o)
	if err != nil {
		c.stop()
		return nil, err
	}
	b.connected += len(all)
	b.sentOff += int(connected.SentOff)
	return c, nil
}

const patience = 30 * time.Second

// move puts the idle deadlines of sessions off, as an active refresh does, hints,
// and returns the moment of the commit.
func (b *bench) move(ctx context.Context, all []seated) (int64, error) {
	var committed time.Time
	_, err := b.db.Exec(ctx, `UPDATE login_sessions SET last_active_at = now(), idle_at = idle_at + interval '1 second' WHERE account_id = $1 AND id = ANY($2)`,
		uuidOf(b.owner.AccountID.UUID()), ids(all))
	if err != nil {
		return 0, err
	}
	// The product's own hint after such a commit.
	if _, err := b.db.Exec(ctx, `SELECT pg_notify('branchline_hints', $1)`, fmt.Sprintf("%s %s\n", event.LoginSessions, b.owner.AccountID)); err != nil {
		return 0, err
	}
	err = b.db.QueryRow(ctx, `SELECT pg_xact_commit_timestamp(moved_xid::xid) FROM login_sessions WHERE account_id = $1 AND id = $2`,
		uuidOf(b.owner.AccountID.UUID()), uuidOf(all[0].ID.UUID())).Scan(&committed)
	return committed.UnixNano(), err
}

// ended returns the moment at which the transaction that ended a session was
// committed, as PostgreSQL wrote it down: before the commit was flushed to disk.
func (b *bench) ended(ctx context.Context, s seated) (int64, error) {
	var committed time.Time
	err := b.db.QueryRow(ctx, `SELECT pg_xact_commit_timestamp(ended_xid::xid) FROM login_sessions WHERE account_id = $1 AND id = $2 AND ended_at IS NOT NULL`,
		uuidOf(b.owner.AccountID.UUID()), uuidOf(s.ID.UUID())).Scan(&committed)
	if err != nil {
		return 0, fmt.Errorf("when was the login session ended: %w", err)
	}
	return committed.UnixNano(), nil
}

func ids(all []seated) [][16]byte {
	out := make([][16]byte, len(all))
	for i, s := range all {
		out[i] = s.ID.UUID()
	}
	return out
}

// compareBytes writes down what the product sends to one socket, teaches it to
// the floor, and makes sure that a client hears the same from both.
func (b *bench) compareBytes(ctx context.Context, server *product, floor *child) error {
	b.say("comparing the bytes of product and floor")
	one, err := b.signIn(ctx, 1)
	if err != nil {
		return err
	}
	client, err := b.crowd(ctx, server.address, one, 1)
	if err != nil {
		return err
	}
	defer client.stop()
	if _, err := b.move(ctx, one); err != nil {
		return err
	}
	if _, err := client.do(order{Do: "await", Count: 1, Events: 1, Patience: patience}); err != nil {
		return err
	}
	if _, err := b.revoke(ctx, server, one[0]); err != nil {
		return err
	}
	heard, err := client.do(order{Do: "await", Count: 1, Closed: true, Patience: patience})
	if err != nil {
		return err
	}
	if b.script, err = parseScript(heard.Heard); err != nil {
		return err
	}

	address, err := floor.do(order{Do: "script", Script: &b.script})
	if err != nil {
		return err
	}
	b.floor = address.Address
	other, err := b.crowd(ctx, b.floor, one, 1)
	if err != nil {
		return err
	}
	defer other.stop()
	if _, err := floor.do(order{Do: "event"}); err != nil {
		return err
	}
	if _, err := floor.do(order{Do: "end"}); err != nil {
		return err
	}
	same, err := other.do(order{Do: "await", Count: 1, Closed: true, Patience: patience})
	if err != nil {
		return err
	}
	for i, f := range b.script.all() {
		if i >= len(same.Heard) || same.Heard[i].Kind != f.Kind || !bytes.Equal(same.Heard[i].Body, f.Body) {
			return fmt.Errorf("the floor does not send the product's frame %v", f)
		}
	}
	return nil
}

// revoke ends a login session by the API, as its account's owner.
func (b *bench) revoke(ctx context.Context, server *product, s seated) (time.Duration, error) {
	token, err := b.ownerToken()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var out struct{ RevokeSession struct{ RevokedCount int } }
	err = server.ask(ctx, token, `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { revokedCount } }`, map[string]any{"id": s.ID.String()}, &out)
	if err == nil && out.RevokeSession.RevokedCount != 1 {
		err = fmt.Errorf("the product ended %d login sessions instead of 1", out.RevokeSession.RevokedCount)
	}
	return time.Since(began), err
}

// connectAll connects n sockets and returns what that cost the server.
func (b *bench) connectAll(ctx context.Context, p *process, address string, all []seated) (*child, time.Duration, error) {
	before, err := p.cpu()
	if err != nil {
		return nil, 0, err
	}
	c, err := b.crowd(ctx, address, all, 32)
	if err != nil {
		return nil, 0, err
	}
	now, err := p.cpu()
	return c, now - before, err
}

// side is the product or its floor with a crowd of subscribers.
type side struct {
	name                   string
	process                *process
	address                string
	memory                 func() (memory, error)
	tell                   func() (int64, error)
	before, idle, hot, end memory
	full                   float64 // bytes of resident memory with everybody connected
	connecting, telling    time.Duration
	told                   []spread
	crowd                  *child
}

// events is how often each subscriber is told that its deadline moved.
const events = 5

// tellAll tells everybody something, the nth time since they were connected, and
// adds what that took.
func (b *bench) tellAll(s *side, n int) error {
	cpu, err := s.process.cpu()
	if err != nil {
		return err
	}
	moment, err := s.tell()
	if err != nil {
		return err
	}
	heard, err := s.crowd.do(order{Do: "await", Count: b.sockets, Events: n, Patience: patience})
	if err != nil {
		return err
	}
	now, err := s.process.cpu()
	if err != nil {
		return err
	}
	s.telling += now - cpu
	s.told = append(s.told, spreadOf(after(moment, heard.At)))
	return nil
}

// subscribers measures what sockets cost: to connect, and to tell something. At its
// end they are gone. Nobody makes the product collect its garbage meanwhile: that
// would make more garbage, and an operator would never see it.
func (b *bench) subscribers(ctx context.Context, server *product, floor *child) error {
	all, err := b.signIn(ctx, b.sockets)
	if err != nil {
		return err
	}
	b.first = all
	ours := &side{
		name: "product", process: server.process, address: server.address,
		memory: func() (memory, error) { return server.memory(ctx) },
		tell:   func() (int64, error) { return b.move(ctx, all) },
	}
	bare := &side{
		name: "floor", process: floor.process, address: b.floor, memory: floor.memory,
		tell: func() (int64, error) {
			r, err := floor.do(order{Do: "event"})
			return r.Moment, err
		},
	}
	sides := []*side{ours, bare}
	for _, s := range sides {
		b.say("%s: connecting %d sockets", s.name, b.sockets)
		if s.before, err = s.memory(); err != nil {
			return err
		}
		if s.crowd, s.connecting, err = b.connectAll(ctx, s.process, s.address, all); err != nil {
			return err
		}
		defer s.crowd.stop()
		if s.full, err = s.process.resident(); err != nil {
			return err
		}
	}
	for i := range events {
		b.say("telling everybody, %d of %d", i+1, events)
		for _, s := range sides {
			if err := b.tellAll(s, i+1); err != nil {
				return err
			}
		}
	}
	for _, s := range sides {
		if _, err := s.crowd.do(order{Do: "drop"}); err != nil {
			return err
		}
	}
	b.ours, b.bare, b.alone = ours, bare, time.Now()

	n := float64(b.sockets)
	each := func(now, before float64) float64 { return (now - before) / n }
	b.report.add("resident memory a subscriber, garbage and all", "B", each(ours.full, ours.before.collected), each(bare.full, bare.before.collected)) // what measuring took is not the sockets'
	connecting := microseconds(ours.connecting) / n
	b.report.judge("S10", "connect and subscribe: server CPU a socket", "µs", connecting, microseconds(bare.connecting)/n, "≤ 130 µs", connecting <= 130)
	told, floorTold := middle(ours.told), middle(bare.told)
	b.report.add("everybody's deadline moved, each told another event: commit → told, p50", "ms", told.p50, floorTold.p50)
	b.report.add("everybody's deadline moved, each told another event: commit → told, p99", "ms", told.p99, floorTold.p99)
	b.report.add("everybody's deadline moved: server CPU a delivery", "µs", microseconds(ours.telling)/n/events, microseconds(bare.telling)/n/events)
	return nil
}

// afterwards looks at what is left of the subscribers when they have been gone for
// a while.
func (b *bench) afterwards(ctx context.Context, _ *product, _ *child) error {
	b.say("waiting until %v after the disconnect", b.rest)
	if err := sleep(ctx, b.rest-time.Since(b.alone)); err != nil {
		return err
	}
	ours, bare := b.ours, b.bare
	for _, s := range []*side{ours, bare} {
		var err error
		if s.end, err = s.memory(); err != nil {
			return err
		}
	}
	ratio := func(get func(memory) float64) (us, floor float64) {
		return get(ours.end) / get(ours.before), get(bare.end) / get(bare.before)
	}
	gone := fmt.Sprintf("%v after the disconnect", b.rest)
	left, floor := ratio(func(m memory) float64 { return m.resident })
	b.report.judge("S15", "resident memory "+gone+" ÷ before, as an operator sees it", "", left, floor, "≤ 1.3", left <= 1.3)
	b.report.add("resident memory before anybody came", "MB", ours.before.resident/1e6, bare.before.resident/1e6)
	b.report.add("resident memory "+gone, "MB", ours.end.resident/1e6, bare.end.resident/1e6)
	left, floor = ratio(func(m memory) float64 { return m.collected })
	b.report.add("resident memory, the same after six collections ÷ before, after six", "", left, floor)
	left, floor = ratio(func(m memory) float64 { return m.live })
	b.report.add("heap and stacks "+gone+" ÷ before, after six collections", "", left, floor)
	b.report.add("of it more than before", "MB", (ours.end.live-ours.before.live)/1e6, (bare.end.live-bare.before.live)/1e6)
	b.left = ours.end
	stay := ours.end.goroutines - ours.before.goroutines
	b.report.judge("S15", "goroutines that stay", "", stay, bare.end.goroutines-bare.before.goroutines, "0", stay <= 0)
	return nil
}

// held measures what sockets hold, idle and after a few events, when what is not
// needed was collected.
func (b *bench) held(ctx context.Context, _ *product, _ *child) error {
	if err := b.issue(b.first); err != nil {
		return err
	}
	for _, s := range []*side{b.ours, b.bare} {
		b.say("%s: what %d sockets hold", s.name, b.sockets)
		var err error
		if s.crowd, _, err = b.connectAll(ctx, s.process, s.address, b.first); err != nil {
			return err
		}
		defer s.crowd.stop()
		if s.idle, err = s.memory(); err != nil {
			return err
		}
		for i := range events {
			if err := b.tellAll(s, i+1); err != nil {
				return err
			}
		}
		if s.hot, err = s.memory(); err != nil {
			return err
		}
	}
	ours, bare := b.ours, b.bare
	each := func(now, before float64) float64 { return (now - before) / float64(b.sockets) }
	idle, hot := each(ours.idle.live, ours.before.live), each(ours.hot.live, ours.before.live)
	b.report.judge("S5", "memory a subscriber, idle: heap and stacks", "B", idle, each(bare.idle.live, bare.before.live), "≤ 9000 B", idle <= 9000)
	b.report.add("of it stacks", "B", each(ours.idle.stacks, ours.before.stacks), each(bare.idle.stacks, bare.before.stacks))
	b.report.judge("S5", "memory a subscriber, after 5 events: heap and stacks", "B", hot, each(bare.hot.live, bare.before.live), "≤ 9000 B", hot <= 9000)
	goroutines := each(ours.idle.goroutines, ours.before.goroutines)
	b.report.judge("S6", "goroutines a socket", "", goroutines, each(bare.idle.goroutines, bare.before.goroutines), "1", goroutines <= 1.01)
	return nil
}
