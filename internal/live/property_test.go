package live_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

// TestProperty_NoSubscriberMissesAnEvent lets clients subscribe and complete at
// any moment while events are published: whoever is subscribed gets them all,
// in order, between its first and its last.
func TestProperty_NoSubscriberMissesAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *live.Options) { o.Limits.QueueMessages, o.Limits.QueueBytes = 1<<20, 1<<30 })
	stop := make(chan struct{})
	var publisher, clients sync.WaitGroup
	pace := b.signIn(t, "pace") // sees every event before the next one is published
	pace.send(subscribeMessage("1", counter))
	pace.want(next("1", 0))
	await(t, "it has subscribed", func() bool { return b.in.Opens.Load() == 1 })
	publisher.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			b.in.Hub.Publish("a", &testschema.Count{Value: i})
			if value, _, err := nextValue(pace); value != i {
				t.Errorf("event %d came as %d, %v", i, value, err)
				return
			}
		}
	})
	seed := rand.Uint64()
	for n := range 8 {
		c := b.signIn(t, fmt.Sprint("ann", n))
		clients.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			for round := range 5 {
				id := fmt.Sprint(round)
				if err := c.ws.WriteMessage(websocket.TextMessage, []byte(subscribeMessage(id, counter))); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				last := -1
				for range 1 + random.IntN(40) {
					value, gotID, err := nextValue(c)
					for err == nil && gotID != id { // of the round before
						value, gotID, err = nextValue(c)
					}
					if err != nil || last > 0 && value != last+1 {
						t.Errorf("seed %d: after %d came %d, %v", seed, last, value, err)
						return
					}
					last = value
				}
				if err := c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"complete","id":"`+id+`"}`)); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	publisher.Wait()
}

func nextValue(c *client) (value int, id string, err error) {
	got, err := c.receive()
	if err != nil {
		return 0, "", err
	}
	var m struct {
		ID, Type string
		Payload  struct {
			Data struct{ Counter struct{ Value int } }
		}
	}
	if err := json.Unmarshal([]byte(got), &m); err != nil {
		return 0, "", err
	}
	if m.Type != "next" {
		return 0, "", errors.New(got)
	}
	return m.Payload.Data.Counter.Value, m.ID, nil
}

// TestProperty_NothingIsLeft lets clients do anything, the forbidden included,
// while people are signed out, events are published and time passes. In the end
// everything that was taken has been given back.
func TestProperty_NothingIsLeft(t *testing.T) {
	t.Parallel()
	messages := []string{
		`{"type":"connection_init","payload":{"authorization":"Bearer ann"}}`,
		`{"type":"connection_init","payload":{"authorization":"Bearer bob"}}`,
		`{"type":"connection_init","payload":{"authorization":"Bearer expired"}}`,
		`{"type":"connection_init"}`,
		subscribeMessage("1", counter), subscribeMessage("2", counter), subscribeMessage("3", counter),
		subscribeMessage("1", `subscription { news { __typename } }`),
		subscribeMessage("4", `subscription { broken { value } }`),
		subscribeMessage("5", `{ hello }`), subscribeMessage("6", `{ wait }`), subscribeMessage("7", `{`),
		`{"type":"complete","id":"1"}`, `{"type":"complete","id":"2"}`, `{"type":"complete","id":"6"}`,
		`{"type":"ping"}`, `{"type":"pong"}`, `nonsense`,
	}
	rapid.Check(t, func(rt *rapid.T) {
		plans := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, len(messages)-1), 1, 12), 1, 6).Draw(rt, "messages of each client")
		ends := rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "tick", "event", "last", "drain"}), 0, 8).Draw(rt, "what happens meanwhile")
		b := setup(t, func(o *live.Options) { o.Limits.QueueMessages = 8 })
		defer b.http.Close()
		defer b.Stop()
		var all sync.WaitGroup
		for i, plan := range plans {
			c := b.dial(t)
			all.Go(func() {
				c.ws.SetReadDeadline(time.Now().Add(patience))
				if i%2 == 0 {
					plan = append([]int{i % 4}, plan...) // most clients begin well
				}
				for _, m := range plan {
					if c.ws.WriteMessage(websocket.TextMessage, []byte(messages[m])) != nil {
						break
					}
				}
				if i%3 == 0 {
					c.ws.WriteMessage(websocket.CloseMessage, nil) // it may be closed already
					for {
						if _, err := c.receive(); err != nil {
							break
						}
					}
				}
				c.ws.Close()
			})
		}
		all.Go(func() {
			for _, what := range ends {
				switch what {
				case "tick":
					b.pass(3 * time.Second)
				case "event":
					b.in.Hub.Publish("a", &testschema.Count{Value: 1})
				case "last":
					b.in.Hub.Publish("a", &testschema.Count{Value: -1})
				case "drain":
					for _, name := range []string{"ann", "bob"} {
						b.end(name, live.Restart)
					}
				default:
					b.end(what, live.SessionEnded)
				}
			}
		})
		all.Wait()
		await(t, "nothing is left", func() bool {
			s := b.Stats()
			return s.Sockets == 0 && s.Subscriptions == 0 && s.Selections == 0 &&
				b.in.Opens.Load() == b.in.Closes.Load() && b.in.News.Len() == 0 &&
				b.watches("ann") == 0 && b.watches("bob") == 0 && len(b.Keys()) == 0
		})
	})
}
