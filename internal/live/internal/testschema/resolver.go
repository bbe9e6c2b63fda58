package testschema

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
)

// Resolver answers the test schema.
type Resolver struct {
	Hub  event.Hub[string, *Count]
	News event.Hub[string, News]
	// Present is what a counter starts with. Default: {name, 0}.
	Present func(name string) *Count
	// BeforeOpen runs in the resolver of counter before it subscribes.
	BeforeOpen func(ctx context.Context) error
	Waiting    chan struct{}   // gets a value when wait runs
	Release    chan struct{}   // lets wait answer
	Cancelled  chan struct{}   // gets a value when wait was cancelled
	Opens      atomic.Int64    // subscriptions of counter opened
	Closes     atomic.Int64    // and ended
	Viewers    atomic.Int64    // calls of Count.viewer
	Unopened   map[string]bool // counters that do not use Stream
}

// New returns an executable schema over r.
func New(r *Resolver) graphql.ExecutableSchema {
	return NewExecutableSchema(Config{Resolvers: r, Directives: DirectiveRoot{
		SignedIn: func(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
			if Viewer(ctx) == "" {
				return nil, fault.New(fault.Unauthenticated, "Sign in.").Because(fault.NotSignedIn)
			}
			return next(ctx)
		},
	}})
}

type viewerKey struct{}

// WithViewer says who looks.
func WithViewer(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, viewerKey{}, name)
}

// Viewer returns who looks.
func Viewer(ctx context.Context) string {
	name, _ := ctx.Value(viewerKey{}).(string)
	return name
}

// Last ends a counter after -1.
func (c *Count) Last() bool { return c.Value == -1 }

// Last ends the news with the end.
func (*Ended) Last() bool { return true }

func (r *Resolver) Query() QueryResolver               { return query{r} }
func (r *Resolver) Mutation() MutationResolver         { return mutation{r} }
func (r *Resolver) Subscription() SubscriptionResolver { return subscription{r} }
func (r *Resolver) Count() CountResolver               { return count{r} }

type (
	query        struct{ *Resolver }
	mutation     struct{ *Resolver }
	subscription struct{ *Resolver }
	count        struct{ *Resolver }
)

func (query) Hello(context.Context) (string, error)               { return "world", nil }
func (query) Whoami(ctx context.Context) (string, error)          { return Viewer(ctx), nil }
func (query) Echo(_ context.Context, text string) (string, error) { return text, nil }
func (query) Boom(context.Context) (string, error)                { panic("boom") }

func (query) Fail(context.Context) (*string, error) {
	return nil, fault.New(fault.NotFound, "No such thing.")
}

func (q query) Wait(ctx context.Context) (string, error) {
	q.Waiting <- struct{}{}
	select {
	case <-q.Release:
		return "done", nil
	case <-ctx.Done():
		q.Cancelled <- struct{}{}
		return "", ctx.Err()
	}
}

func (mutation) Add(_ context.Context, n int) (int, error) { return n + 1, nil }

func (s subscription) Counter(ctx context.Context, name string) (<-chan *Count, error) {
	if s.Unopened[name] {
		return make(chan *Count), nil
	}
	return live.Stream(ctx, func(ctx context.Context, send func(*Count)) (func(), error) {
		if s.BeforeOpen != nil {
			if err := s.BeforeOpen(ctx); err != nil {
				return nil, err
			}
		}
		present := &Count{Name: name}
		if s.Present != nil {
			present = s.Present(name)
		}
		send(present)
		sub := s.Hub.Subscribe(name, event.SinkFunc[*Count](send))
		s.Opens.Add(1)
		return func() {
			sub.Cancel()
			s.Closes.Add(1)
		}, nil
	})
}

func (s subscription) Broken(ctx context.Context) (<-chan *Count, error) {
	return live.Stream(ctx, func(_ context.Context, send func(*Count)) (func(), error) {
		send(&Count{}) // must not reach anybody
		return nil, fault.New(fault.NotFound, "No such counter.")
	})
}

func (s subscription) Secret(ctx context.Context) (<-chan *Count, error) {
	return s.Counter(ctx, "secret")
}

func (s subscription) News(ctx context.Context) (<-chan News, error) {
	return live.Stream(ctx, func(_ context.Context, send func(News)) (func(), error) {
		send(&Opened{At: "noon"})
		return s.Resolver.News.Subscribe("", event.SinkFunc[News](send)).Cancel, nil
	})
}

func (c count) Viewer(ctx context.Context, _ *Count) (string, error) {
	c.Viewers.Add(1)
	return Viewer(ctx), nil
}

func (count) Lucky(_ context.Context, c *Count) (int, error) {
	if c.Value == 13 {
		return 0, errors.New("dial tcp: secret")
	}
	return c.Value, nil
}

func (count) Maybe(_ context.Context, c *Count) (*int, error) {
	if c.Value == 13 {
		return nil, fault.New(fault.Conflict, "Unlucky.")
	}
	return &c.Value, nil
}
