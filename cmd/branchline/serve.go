package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/heap"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/natsfeed"
	"github.com/branchline/branchline/internal/server"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/web"
)

func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API and the web app",
		Long: `Serves the API and the web app on BRANCHLINE_ADDRESS, from the database at
DATABASE_URL, which has to be up to date ("branchline migrate up").

The first SIGINT or SIGTERM drains: sockets are asked to come back to another
process, spread over BRANCHLINE_DRAIN, and requests that run may end. The second
one ends it at once.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadSettings(cmd, config.Serve)
			if err != nil {
				return err
			}
			p, err := assemble(cmd.Context(), loaded.Settings, newLogger(loaded.Log, cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer p.close()
			if err := p.refuseOldDatabase(cmd.Context()); err != nil {
				return err
			}
			return p.serve(cmd.Context(), func() {})
		},
	}
}

// app is everything that serves, put together.
type app struct {
	settings config.Settings
	log      *slog.Logger
	db       *store.DB
	changes  *store.LoginChanges
	carrier  carrier
	register *login.Register
	active   *login.ActiveFeed
	logins   *login.Service
	trees    *tree.Service
	feed     *tree.Feed
	audit    *login.AuditFeed
	server   *server.Server
	now      func() time.Time // the database's clock

	treeStore *store.Trees
	stop      context.CancelFunc // nil until it was started
	running   sync.WaitGroup
}

// carrier takes hints to the other processes and brings theirs.
type carrier interface {
	event.Hinter
	Start(ctx context.Context)
	Stop()
	Traffic() event.Traffic
}

// newCarrier returns NATS where it is set up, else PostgreSQL.
func newCarrier(s config.Settings, deliver func(event.Hint), log *slog.Logger) (carrier, error) {
	if s.Events.EventsURL.IsZero() {
		return store.NewNotifier(s.Database.Feed().Reveal(), deliver, log)
	}
	return natsfeed.New(s.Events.EventsURL.Reveal(), s.Events.EventsSubject, deliver, log)
}

// assemble connects to the database and puts the program together. Nothing runs
// yet.
func assemble(ctx context.Context, s config.Settings, log *slog.Logger) (*app, error) {
	ring, err := login.ParseRing(login.Secret(s.Server.Keys.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("BRANCHLINE_KEYS: %w", err)
	}
	db, err := store.Open(ctx, s.Database.URL.Reveal(), store.Options{
		MaxConns: s.Database.Connections, Pooled: !s.Database.FeedURL.IsZero(),
	})
	if err != nil {
		return nil, err
	}
	p := &app{settings: s, log: log, db: db}
	if p.changes, err = store.NewLoginChanges(s.Database.Feed().Reveal()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.carrier, err = newCarrier(s, func(h event.Hint) {
		p.register.Deliver(h)
		p.active.Deliver(h)
		p.feed.Deliver(h)
		p.audit.Deliver(h)
	}, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	clock := login.NewClock(login.OwnClocks())
	logins := store.NewLogins(db)
	p.register = login.NewRegister(login.RegisterOptions{
		Clock: clock, Changes: p.changes, Expirer: logins, Present: logins, Hints: p.carrier, TokenLife: s.Login.AccessTokenLifetime, Log: log,
	})
	settings := login.DefaultSettings()
	settings.AccessLife, settings.Grace, settings.Reauthentication = s.Login.AccessTokenLifetime, s.Login.RefreshGrace, s.Login.ReauthenticateWithin
	settings.Tries, settings.RegistrationClosed = s.SignIn.TryLimits(), s.SignIn.Registration == config.Closed
	if p.logins, err = login.NewService(logins, p.carrier, ring, s.Login.Bounds(), settings, clock.Now); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.now, p.treeStore = clock.Now, store.NewTrees(db)
	p.active = login.NewActiveFeed(logins, clock.Now, log)
	p.trees = &tree.Service{Store: p.treeStore, Now: clock.Now, Hints: p.carrier}
	p.feed = tree.NewFeed(p.treeStore, p.carrier, log)
	p.audit = login.NewAuditFeed(logins, clock.Now, log)

	schema := ""
	if s.Server.Explorer {
		schema = graph.Schema()
	}
	p.server = server.New(server.Options{
		Resolver: &graph.Resolver{
			Trees: p.trees, Feed: p.feed, Active: p.active, Logins: p.logins, Audit: p.audit, Register: p.register, Now: clock.Now, Version: version(),
			InvitationURL: func(token string) string {
				return string(s.Server.PublicURL) + "/accept-invitation#token=" + url.QueryEscape(token)
			},
			ShareURL: func(token string) string {
				return string(s.Server.PublicURL) + server.SharePath + url.PathEscape(token)
			},
			StartURL: string(s.Server.PublicURL) + "/start",
			Explorer: s.Server.Explorer,
		},
		Register:        p.register,
		Tokens:          p.logins.Access,
		Ping:            db.PingContext,
		Hints:           p.carrier.Traffic,
		Web:             web.Handler(web.Options{Explorer: s.Server.Explorer}),
		Schema:          schema,
		Now:             clock.Now,
		Log:             log,
		Origins:         s.Server.Origins(),
		TrustedProxies:  s.Server.TrustedProxies,
		InsecureCookies: s.Server.InsecureCookies,
		Introspection:   s.Server.Explorer,
		Limits: live.Limits{
			Sockets: s.Sockets.PerLogin, Operations: s.Sockets.Operations, Message: int64(s.Sockets.MessageBytes),
			Init: s.Sockets.InitTimeout, Write: s.Sockets.WriteTimeout, Ping: s.Sockets.Ping, Life: s.Sockets.Lifetime,
		},
	})
	return p, nil
}

// refuseOldDatabase returns an error when the database lacks migrations.
func (p *app) refuseOldDatabase(ctx context.Context) error {
	list, err := p.db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, m := range list {
		if !m.Applied {
			missing = append(missing, m.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf(`the database lacks %s. Run "branchline migrate up" first`, strings.Join(missing, ", "))
	}
	return nil
}

// start begins to read the database's changes.
func (p *app) start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx)) // they end by close, after the last request
	p.carrier.Start(ctx)
	p.register.Start(ctx)
	p.active.Start(ctx)
	p.feed.Start(ctx)
	p.audit.Start(ctx)
	p.server.Start(ctx)
	p.running.Go(func() { p.keepHouse(ctx) })
}

// close ends what start began and closes the database.
func (p *app) close() {
	if p.stop != nil {
		p.server.Stop()
		p.stop()
		p.running.Wait()
		p.active.Stop()
		p.feed.Stop()
		p.audit.Stop()
		p.register.Stop()
		p.carrier.Stop()
	}
	if err := p.db.Close(); err != nil {
		p.log.Error("close the database", "error", err)
	}
}

// serve listens and answers until ctx ends, then drains. ready is called when
// requests are answered.
func (p *app) serve(ctx context.Context, ready func()) error {
	listener, err := listen(ctx, p.settings.Server.Address, "BRANCHLINE_ADDRESS")
	if err != nil {
		return err
	}
	defer listener.Close()
	var metrics net.Listener
	if address := p.settings.Server.MetricsAddress; address != "" && address != "off" {
		if metrics, err = listen(ctx, address, "BRANCHLINE_METRICS_ADDRESS to off, or"); err != nil {
			return err
		}
		defer metrics.Close()
	}

	heap.Calm(ctx)
	p.start(ctx)
	api := httpServer(p.server, p.log)
	defer api.Close() // whatever still runs must not outlive the database
	failed := make(chan error, 2)
	go func() { failed <- api.Serve(p.server.Door(listener)) }()
	operators := httpServer(p.server.Metrics(), p.log)
	defer operators.Close()
	if metrics != nil {
		go func() { failed <- operators.Serve(metrics) }()
	}
	p.log.Info("serving", "address", listener.Addr().String(), "web_app", web.Embedded(), "version", version())
	ready()

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return p.drain(ctx, api, operators)
}

// drain sends the connections elsewhere, then stops taking requests and waits for
// those that run. What has not ended by then is cut off.
func (p *app) drain(ctx context.Context, servers ...*http.Server) error {
	span := p.settings.Server.Drain
	p.log.Info("draining", "span", span)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), span+5*time.Second)
	defer cancel()
	leaving, stop := context.WithTimeout(ctx, span)
	defer stop()
	// Where no socket is open, requests are still answered for a while: a load
	// balancer has to read /readyz before it sends them elsewhere.
	notice := time.NewTimer(span / 5)
	defer notice.Stop()
	errs := []error{p.server.Drain(leaving, span*4/5)} // the rest is for what was asked last
	select {
	case <-notice.C:
	case <-ctx.Done():
	}
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil { // such as a request whose body never ends
			errs = append(errs, err, s.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		p.log.Warn("not all that ran could end", "error", err)
	}
	p.log.Info("stopped")
	return nil
}

// httpServer returns a server whose time limits are for requests. Sockets and event
// streams lift them, see package live. A body of the greatest size takes 30 s at
// 70 kB a second; the answer has as long again, and a statement's limit is below that.
func httpServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // broken connections: nobody's mistake here
	}
}

// listen opens a port. setting names the variable that says which. The system looks
// after no connection by itself, for which it would be told four things about each:
// sockets are pinged, and everything else has a time limit.
func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program. Stop that one, or set %s to another port", address, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s. Set %s to a port above 1023", address, setting)
	case err != nil:
		return nil, fmt.Errorf("listen on %s (%s): %w", address, setting, err)
	}
	return listener, nil
}
