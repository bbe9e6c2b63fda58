// Package natsfeed carries hints between processes by NATS, in place of
// PostgreSQL's LISTEN and NOTIFY: where a pooler stands before the database, and
// where there are many processes.
//
// A hint carries no state, so nothing has to be kept: what is sent while NATS is
// away is lost, and every process's own read finds within half a second what it was
// about. A NATS that cannot be reached is therefore no reason not to serve.
package natsfeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/branchline/branchline/internal/event"
)

// Feed sends hints to the other processes and hands on theirs. It implements
// event.Hinter.
//
// One message is on its way at a time, and the hints that come meanwhile go together
// in the next.
type Feed struct {
	servers string
	subject string
	options []nats.Option
	deliver func(event.Hint)
	log     *slog.Logger

	outbox *event.Outbox
	counts event.Counts
	conn   atomic.Pointer[nats.Conn] // nil before the first attempt

	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ event.Hinter = (*Feed)(nil)

const (
	connectTimeout = 2 * time.Second
	reconnectWait  = 250 * time.Millisecond // between two attempts, and as much again at random
	sendTimeout    = 2 * time.Second
	pingEvery      = 10 * time.Second // a server that vanished is noticed after two
)

// everything is the hint about every account and topic. It is what a process has to
// assume that it missed while it was not connected.
var everything = event.Hint{}

// New returns a feed on the NATS servers at address: one address or several, parted
// by commas, of the form nats://user:password@host:port, or tls:// for TLS from the
// first byte. A query may name files: ?creds= a user's credentials, ?ca= the
// certificates to trust. Processes hear each other that use the same subject.
//
// It hands every hint to deliver, which must not block: those of other processes as
// they arrive, and this process's own within Send. The zero Hint means everything; it
// follows each new connection. An error is in words for the operator and repeats no
// password.
func New(address, subject string, deliver func(event.Hint), log *slog.Logger) (*Feed, error) {
	f := &Feed{subject: subject, deliver: deliver, log: log, outbox: event.NewOutbox()}
	var servers []string
	for text := range strings.SplitSeq(address, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" {
			return nil, errors.New("EVENTS_URL is not the address of a NATS server: write it like nats://user:password@host:4222") // err would repeat the password
		}
		files, err := url.ParseQuery(u.RawQuery)
		if err != nil {
			return nil, errors.New("EVENTS_URL has a query that cannot be read: write it like ?creds=/path/to/user.creds")
		}
		for name, paths := range files {
			option, known := map[string]func(string) nats.Option{
				"creds": func(path string) nats.Option { return nats.UserCredentials(path) },
				"ca":    func(path string) nats.Option { return nats.RootCAs(path) },
			}[name]
			if !known {
				return nil, fmt.Errorf("EVENTS_URL has %q in its query, which is not known: use creds or ca", name)
			}
			if _, err := os.ReadFile(paths[0]); err != nil {
				return nil, fmt.Errorf("EVENTS_URL names a file that cannot be read as %s: %w", name, err)
			}
			f.options = append(f.options, option(paths[0]))
		}
		u.RawQuery = ""
		servers = append(servers, u.String())
	}
	f.servers = strings.Join(servers, ",")
	f.options = append(f.options,
		nats.Name("branchline"),
		nats.NoEcho(), // this process's own hints are delivered when they are sent
		nats.Timeout(connectTimeout),
		nats.PingInterval(pingEvery),
		// It comes back for ever, whatever was wrong, also with the password.
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), // hints that are late help nobody
		nats.ConnectHandler(f.connected),
		nats.ReconnectHandler(f.connected),
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			f.counts.Connected.Store(false)
			if !c.IsClosed() {
				f.log.Warn("NATS is away; other processes' changes are seen within half a second until it is back", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				f.deliver(everything) // some were left out
			}
		}),
	)
	return f, nil
}

// Start begins to listen and to send, until ctx is done or Stop is called.
func (f *Feed) Start(ctx context.Context) {
	ctx, f.stop = context.WithCancel(ctx)
	f.running.Go(func() { f.run(ctx) })
}

// Stop ends both and waits for it. It is safe to call more than once, and without a
// start.
func (f *Feed) Stop() {
	if f.stop == nil {
		return
	}
	f.stop()
	f.running.Wait()
}

// Send implements event.Hinter. The others come first: their way is longer.
func (f *Feed) Send(h event.Hint) {
	f.outbox.Put(h)
	f.deliver(h)
}

// Traffic returns what the feed has done.
func (f *Feed) Traffic() event.Traffic {
	t := f.counts.Traffic("nats")
	conn := f.conn.Load()
	t.Connected = t.Connected && conn.IsConnected() // it is told that it was lost a little later
	return t
}

// connected says that hints arrive from now on, once the server knows the
// subscription: what was sent before that is lost, so it may have been anything.
func (f *Feed) connected(conn *nats.Conn) {
	if conn.NumSubscriptions() == 0 || conn.FlushTimeout(sendTimeout) != nil {
		return // it is not there yet, or the connection was lost again
	}
	f.deliver(everything)
	if !f.counts.Connected.Swap(true) {
		f.log.Info("NATS carries hints")
	}
}

func (f *Feed) run(ctx context.Context) {
	warned := false
	for {
		err := f.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if !warned { // it comes back by itself from all else, so this is rare
			f.log.Error("hints cannot be carried by NATS; other processes' changes are seen within half a second", "error", err)
			warned = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(connectTimeout):
		}
	}
}

// serve listens and sends over one connection, which comes and goes by itself, until
// ctx is done or the connection has ended for good.
func (f *Feed) serve(ctx context.Context) error {
	closed := make(chan struct{})
	conn, err := nats.Connect(f.servers, append(slices.Clip(f.options), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		return err
	}
	f.conn.Store(conn)
	defer func() {
		conn.Close()
		<-closed // nothing of it delivers any more
		f.counts.Connected.Store(false)
	}()
	if _, err := conn.Subscribe(f.subject, f.receive); err != nil {
		return err
	}
	if conn.IsConnected() {
		f.connected(conn)
	} else {
		f.log.Warn("no NATS server answers; other processes' changes are seen within half a second until one does", "error", conn.LastError())
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return conn.LastError()
		case <-f.outbox.Wake():
		}
		hints := f.outbox.Take()
		if len(hints) == 0 {
			continue
		}
		if err := f.publish(ctx, conn, hints); err != nil {
			f.counts.Dropped.Add(int64(len(hints)))
		} else {
			f.counts.Sent.Add(int64(len(hints)))
		}
	}
}

func (f *Feed) receive(m *nats.Msg) {
	for _, h := range event.ParseHints(string(m.Data)) {
		f.counts.Received.Add(1)
		f.deliver(h)
	}
}

// publish sends hints, and waits until the server has them.
func (f *Feed) publish(ctx context.Context, conn *nats.Conn, hints []event.Hint) error {
	if !conn.IsConnected() {
		return nats.ErrConnectionReconnecting
	}
	if err := conn.Publish(f.subject, []byte(event.FormatHints(hints))); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return conn.FlushWithContext(ctx)
}
