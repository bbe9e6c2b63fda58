//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/server"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// runCheap serves the product's own packages, put together as `branchline serve`
// puts them together, with a password hash that costs nothing. The real program
// cannot be told to use one. It logs to a file, as the product does.
func runCheap(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return obey(in, out, func(o order) (reply, error) {
		if o.Do != "serve" {
			return reply{}, fmt.Errorf("a cheap server cannot %q", o.Do)
		}
		address, err := serveCheap(ctx, o)
		return reply{Address: address}, err
	})
}

func serveCheap(ctx context.Context, o order) (string, error) {
	file, err := os.CreateTemp(o.Dir, "cheap-*.log")
	if err != nil {
		return "", err
	}
	log := slog.New(slog.NewJSONHandler(file, nil))
	ring, err := login.ParseRing(login.Secret(o.Keys))
	if err != nil {
		return "", err
	}
	db, err := store.Open(ctx, o.Database, store.Options{MaxConns: 16}) // the product's default
	if err != nil {
		return "", err
	}
	var register *login.Register
	changes, err1 := store.NewLoginChanges(o.Database)
	notifier, err2 := store.NewNotifier(o.Database, func(h event.Hint) { register.Deliver(h) }, log)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	clock := login.NewClock(login.OwnClocks())
	logins, settings := store.NewLogins(db), login.DefaultSettings()
	register = login.NewRegister(login.RegisterOptions{
		Clock: clock, Changes: changes, Expirer: logins, Present: logins, Hints: notifier, TokenLife: settings.AccessLife, Log: log,
	})
	service, err := login.NewService(logins, notifier, ring, login.DefaultBounds(), settings, clock.Now)
	if err != nil {
		return "", err
	}
	service.Passwords = login.NewPasswords(cheapHash)
	service.Settings.Tries.Off = true // all sign-ins come from one address
	api := server.New(server.Options{
		Resolver: &graph.Resolver{
			Trees: &tree.Service{Store: store.NewTrees(db), Now: clock.Now}, Logins: service, Register: register, Now: clock.Now,
		},
		Register: register, Tokens: service.Access, Ping: db.PingContext, Hints: notifier.Traffic, Web: http.NotFoundHandler(), Now: clock.Now, Log: log,
		InsecureCookies: true,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	notifier.Start(ctx)
	register.Start(ctx)
	api.Start(ctx)
	web := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(listener) }() // until this process ends
	return listener.Addr().String(), nil
}
