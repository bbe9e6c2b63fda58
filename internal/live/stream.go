package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
)

// Stream is what the resolver of a subscription returns:
//
//	func (r *subscriptionResolver) Counter(ctx context.Context, name string) (<-chan *model.Count, error) {
//		return live.Stream(ctx, func(ctx context.Context, send func(*model.Count)) (func(), error) {
//			sub := r.hub.Subscribe(name, event.SinkFunc[*model.Count](send))
//			send(r.present(name))
//			return sub.Cancel, nil
//		})
//	}
//
// There is no goroutine and no channel per subscription. The transport runs the
// resolver once to open each subscription, which calls open, and once for all that
// ask for the same fields, which does not: Stream then returns a channel to which
// the transport gives one event at a time, so that gqlgen's executor turns it into
// JSON. So everything that costs something, such as reading and checking
// permissions, belongs inside open.
//
// open checks whether the caller may subscribe, subscribes, and sends the whole
// present state first. Its ctx ends when it returns. An error, best a fault,
// refuses the subscription. cancel ends the subscription; it is called once and
// may be called while send runs.
//
// send never blocks and may be called from any goroutine, also before open
// returns. A client that cannot keep up is disconnected with SlowReader. Send
// the same pointer to all subscribers, or a struct that holds nothing but it: an event is then executed and encoded
// once for all who ask for the same fields, by whichever of them comes first,
// and must not be changed afterwards. Principal.Audience tells apart those for
// whom fields have different values. An event with a method Last() bool that
// returns true is the subscription's last.
func Stream[E any](
	ctx context.Context,
	open func(ctx context.Context, send func(E)) (cancel func(), err error),
) (<-chan E, error) {
	switch m := ctx.Value(modeKey{}).(type) {
	case *opening:
		op := m.op
		return nil, m.open(func() (func(), error) {
			return open(ctx, func(e E) { op.send(e) })
		})
	case *showing:
		events := make(chan E, 1)
		m.field = graphql.GetFieldContext(ctx)
		m.put = func(event any) error {
			e, ok := event.(E)
			if !ok {
				return fmt.Errorf("stream an event of type %T as %T", event, *new(E))
			}
			events <- e // there is room: respond has taken the one before
			return nil
		}
		return events, nil
	}
	return nil, errors.New("stream outside of the live transport")
}

// modeKey is where the context says why a subscription's resolver runs: the
// value is an *opening or a *showing.
type modeKey struct{}

// opening runs a resolver to open a subscription.
type opening struct {
	op     *operation
	cancel func() // set when the subscription is open
}

func (m *opening) open(open func() (func(), error)) error {
	if m.cancel != nil {
		return errors.New("open a subscription twice")
	}
	cancel, err := open()
	if err != nil {
		return err
	}
	if cancel == nil {
		cancel = func() {}
	}
	m.cancel = cancel
	return nil
}

// showing is a resolver that runs to turn events into responses, one after the
// other.
type showing struct {
	put     func(event any) error // set when the resolver has called Stream
	respond graphql.ResponseHandler
	// field is the root field's, for the path of errors below it: gqlgen does
	// not pass it on to the fields of a stream's events.
	field *graphql.FieldContext
}
