//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/graph/model"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// herald serves the product's schema under the product's transport, with one
// subscription that works: everybody hears the same event. There is no database
// and no register, so that a fan-out is measured and nothing else.
type herald struct {
	graph.ResolverRoot // the rest is not asked for
	hub                event.Hub[string, model.SessionExpiryEvent]
	began              time.Time
}

// everybody is the one key of the herald's hub.
const everybody = "everybody"

// Subscription implements graph.ResolverRoot.
func (h *herald) Subscription() graph.SubscriptionResolver { return heralded{herald: h} }

// heralded is the herald's subscriptions.
type heralded struct {
	graph.SubscriptionResolver
	herald *herald
}

// SessionExpiry implements graph.SubscriptionResolver.
func (s heralded) SessionExpiry(ctx context.Context) (<-chan model.SessionExpiryEvent, error) {
	return live.Stream(ctx, func(_ context.Context, send func(model.SessionExpiryEvent)) (func(), error) {
		h := s.herald
		sub := h.hub.Subscribe(everybody, event.SinkFunc[model.SessionExpiryEvent](send))
		send(model.SessionExpiry(&login.State{ServerTime: h.began, Deadlines: h.deadlines(), Warning: calm}))
		return sub.Cancel, nil
	})
}

func (h *herald) deadlines() login.Deadlines {
	return login.Deadlines{Idle: h.began.Add(72 * time.Hour), Absolute: h.began.Add(14 * 24 * time.Hour)}
}

// calm is the warning of a session that is far from its end.
var calm = login.Warning{Level: login.NoWarning, Limit: login.IdleLimit}

// tell publishes one event, which is the same to all and the same each time.
func (h *herald) tell() (reply, error) {
	e := model.SessionExpiry(&login.Extended{ServerTime: h.began, Deadlines: h.deadlines(), Warning: calm})
	began := time.Now().UnixNano()
	if h.hub.Publish(everybody, e) == 0 {
		return reply{}, errors.New("nobody has subscribed")
	}
	return reply{Moment: began}, nil
}

func runHerald(in io.Reader, out io.Writer) error {
	h := &herald{began: time.Now().UTC()}
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: h, Directives: graph.DirectiveRoot{
		Auth: func(ctx context.Context, _ any, next graphql.Resolver, _ model.Role) (any, error) { return next(ctx) },
	}}))
	exec.SetQueryCache(lru.New[*ast.QueryDocument](10))
	transport := live.New(exec, live.Options{
		Authenticate: func(context.Context, string) (live.Principal, error) {
			return live.Principal{Audience: string(model.RoleEngineer)}, nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
	transport.Start(context.Background())
	defer transport.Stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: transport, ReadHeaderTimeout: 10 * time.Second}
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // until Close
	return obey(in, out, func(o order) (reply, error) {
		switch o.Do {
		case "address":
			return reply{Address: listener.Addr().String()}, nil
		case "event":
			return h.tell()
		case "executions":
			return reply{Executions: transport.Stats().Executions}, nil
		}
		return reply{}, fmt.Errorf("a herald cannot %q", o.Do)
	})
}

// fanOutRounds is how often everybody is told, product and floor in turns.
const fanOutRounds = 9

// fanOut measures one event that goes to everybody, executed and encoded once.
func (b *bench) fanOut(ctx context.Context, _ *product, floor *child) error {
	b.say("one event to %d subscribers", b.sockets)
	ours, err := b.child(ctx, "herald")
	if err != nil {
		return err
	}
	defer ours.stop()
	address, err := ours.do(order{Do: "address"})
	if err != nil {
		return err
	}
	// No token is looked at.
	one, all := make([]seated, 1), make([]seated, b.sockets)
	play := b.script
	if err := b.listenOnce(ctx, ours, address.Address, one, &play); err != nil {
		return err
	}
	if _, err := floor.do(order{Do: "script", Script: &play}); err != nil {
		return err
	}

	type side struct {
		*child
		address string
		crowd   *child
		used    time.Duration
		told    []spread
	}
	sides := []*side{{child: ours, address: address.Address}, {child: floor, address: b.floor}}
	for _, s := range sides {
		if s.crowd, err = b.crowd(ctx, s.address, all, 32); err != nil {
			return err
		}
		defer s.crowd.stop()
		if _, err := s.do(order{Do: "event"}); err != nil { // the first one grows stacks and buffers
			return err
		}
		heard, err := s.crowd.do(order{Do: "await", Count: b.sockets, Events: 1, Frames: true, Patience: patience})
		if err != nil {
			return err
		}
		for i, want := range []frame{play.Ack, play.State, play.Event} {
			if i >= len(heard.Heard) || heard.Heard[i].Kind != want.Kind || !bytes.Equal(heard.Heard[i].Body, want.Body) {
				return fmt.Errorf("the %s does not send %v to everybody", s.name, want)
			}
		}
	}
	before, err := ours.do(order{Do: "executions"})
	if err != nil {
		return err
	}
	for round := range fanOutRounds {
		for _, s := range sides {
			cpu, err := s.cpu()
			if err != nil {
				return err
			}
			told, err := s.do(order{Do: "event"})
			if err != nil {
				return err
			}
			heard, err := s.crowd.do(order{Do: "await", Count: b.sockets, Events: round + 2, Patience: patience})
			if err != nil {
				return err
			}
			now, err := s.cpu()
			if err != nil {
				return err
			}
			s.used += now - cpu
			s.told = append(s.told, spreadOf(after(told.Moment, heard.At)))
		}
	}
	after, err := ours.do(order{Do: "executions"})
	if err != nil {
		return err
	}
	if _, err := floor.do(order{Do: "script", Script: &b.script}); err != nil {
		return err
	}
	us, bare := middle(sides[0].told), middle(sides[1].told)
	deliveries := float64(b.sockets * fanOutRounds)
	b.report.add("one event to all: published → told, p50", "ms", us.p50, bare.p50)
	b.report.judge("S7", "one event to all: published → told, p99", "ms", us.p99, bare.p99, "≤ 1.15 × floor", us.p99 <= 1.15*bare.p99)
	b.report.add("one event to all: server CPU a delivery", "µs", microseconds(sides[0].used)/deliveries, microseconds(sides[1].used)/deliveries)
	b.report.add("one event to all: executions an event", "", float64(after.Executions-before.Executions)/fanOutRounds, 0)
	return nil
}

// listenOnce writes down what the herald sends to one socket until its first
// event.
func (b *bench) listenOnce(ctx context.Context, ours *child, address string, one []seated, play *script) error {
	client, err := b.crowd(ctx, address, one, 1)
	if err != nil {
		return err
	}
	defer client.stop()
	if _, err := ours.do(order{Do: "event"}); err != nil {
		return err
	}
	heard, err := client.do(order{Do: "await", Count: 1, Events: 1, Frames: true, Patience: patience})
	if err != nil {
		return err
	}
	if len(heard.Heard) != 3 {
		return fmt.Errorf("the herald sent other frames than expected: %v", heard.Heard)
	}
	play.Ack, play.State, play.Event = heard.Heard[0], heard.Heard[1], heard.Heard[2]
	return nil
}
