package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/event"
)

// Notifier carries hints between processes by PostgreSQL's LISTEN and NOTIFY,
// over two connections of its own. A transaction-mode pooler cannot serve it.
//
// It notifies outside of any transaction, after the commit that the hint is
// about: commits that notify go one at a time (3,500/s against 20,000, measured).
// One statement is on its way at a time, and the hints that come meanwhile go
// together in the next.
//
// It implements event.Hinter.
type Notifier struct {
	config  *pgx.ConnConfig
	deliver func(event.Hint)
	log     *slog.Logger

	outbox *event.Outbox
	sender atomic.Uint32 // the server's process that serves the sending connection
	counts event.Counts

	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ event.Hinter = (*Notifier)(nil)

const (
	notifyChannel = "branchline_hints"
	firstPause    = 100 * time.Millisecond // after a failure, doubled up to longestPause
	longestPause  = time.Second
	sendTimeout   = 5 * time.Second
)

// everything is the hint about every account and topic. It is what a listener
// has to assume that it missed while it was not connected.
var everything = event.Hint{}

// NewNotifier returns a notifier on the database at url. It hands every hint to
// deliver, which must not block: those of other processes as they arrive, and this
// process's own within Send. The zero Hint means everything; it follows each new
// connection.
func NewNotifier(url string, deliver func(event.Hint), log *slog.Logger) (*Notifier, error) {
	config, err := ownConfig(url)
	if err != nil {
		return nil, err
	}
	return &Notifier{config: config, deliver: deliver, log: log, outbox: event.NewOutbox()}, nil
}

// Start begins to listen and to send, until ctx is done or Stop is called.
func (n *Notifier) Start(ctx context.Context) {
	ctx, n.stop = context.WithCancel(ctx)
	n.running.Go(func() { n.keep(ctx, "listen", n.listen) })
	n.running.Go(func() { n.keep(ctx, "send", n.send) })
}

// Stop ends both and waits for it. A hint that is still waiting is lost; the
// others' next read finds what it was about. It is safe to call more than once,
// and without a start.
func (n *Notifier) Stop() {
	if n.stop == nil {
		return
	}
	n.stop()
	n.running.Wait()
}

// Send implements event.Hinter. The others come first: their way is longer.
func (n *Notifier) Send(h event.Hint) {
	n.outbox.Put(h)
	n.deliver(h)
}

// Traffic returns what the notifier has done.
func (n *Notifier) Traffic() event.Traffic { return n.counts.Traffic("postgres") }

// keep runs work with a connection of its own, over and over with a pause, until
// ctx is done.
func (n *Notifier) keep(ctx context.Context, what string, work func(context.Context, *pgx.Conn) error) {
	pause := firstPause
	for {
		connected, err := n.connect(ctx, work)
		if ctx.Err() != nil {
			return
		}
		if connected {
			pause = firstPause
		}
		if pause == firstPause {
			n.log.Warn("connection for hints was lost", "purpose", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

func (n *Notifier) connect(ctx context.Context, work func(context.Context, *pgx.Conn) error) (connected bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTimeout)
		defer cancel()
		_ = conn.Close(ctx) // nothing is lost with it
	}()
	return true, work(ctx, conn)
}

// listen delivers what others send until the connection fails.
func (n *Notifier) listen(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "LISTEN "+notifyChannel); err != nil {
		return err
	}
	n.counts.Connected.Store(true)
	defer n.counts.Connected.Store(false)
	n.deliver(everything)
	for {
		got, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.sender.Load() == got.PID {
			continue // delivered when it was sent
		}
		for _, h := range event.ParseHints(got.Payload) {
			n.counts.Received.Add(1)
			n.deliver(h)
		}
	}
}

// send notifies the others of what waits until the connection fails.
func (n *Notifier) send(ctx context.Context, conn *pgx.Conn) error {
	n.sender.Store(conn.PgConn().PID())
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.outbox.Wake():
		}
		hints := n.outbox.Take()
		if len(hints) == 0 {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, sendTimeout)
		_, err := conn.Exec(limited, "SELECT pg_notify($1, $2)", notifyChannel, event.FormatHints(hints))
		cancel()
		if err != nil {
			n.outbox.Put(hints...) // they may not have arrived
			return err
		}
		n.counts.Sent.Add(int64(len(hints)))
	}
}
