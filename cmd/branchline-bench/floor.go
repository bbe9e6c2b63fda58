//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
)

// floorChannel carries the number of the socket to end.
const floorChannel = "bench_floor"

// floor is the least that a server of the same sockets does: no GraphQL, no
// tokens, no limits, no database but one LISTEN. Buffers are as small as they work
// well, each socket has one goroutine, which reads, and what is to be sent is there
// as bytes.
type floor struct {
	upgrader websocket.Upgrader
	script   atomic.Pointer[script]
	address  string

	mu    sync.Mutex // guards seats, the place of each, and a socket's answer to subscribe
	seats []*seat
}

// seat is a subscribed socket and its place in the list.
type seat struct {
	conn  *websocket.Conn
	place int
}

func runFloor(in io.Reader, out io.Writer) error {
	f := &floor{upgrader: websocket.Upgrader{
		ReadBufferSize: 256, WriteBufferSize: 1024, WriteBufferPool: new(sync.Pool), Subprotocols: []string{subprotocol},
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.address = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(f.accept), ReadHeaderTimeout: 10 * time.Second}
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // until Close
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return obey(in, out, func(o order) (reply, error) { return f.do(ctx, o) })
}

func (f *floor) do(ctx context.Context, o order) (reply, error) {
	switch o.Do {
	case "script":
		f.script.Store(o.Script)
		return reply{Address: f.address}, nil
	case "event":
		return f.send(f.script.Load().Event)
	case "end":
		play := f.script.Load()
		return f.send(play.End, play.Complete, play.Close)
	case "memory":
		for range 6 { // stacks shrink by half at each collection
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return reply{Heap: m.HeapInuse, Stack: m.StackInuse, Goroutines: runtime.NumGoroutine()}, nil
	case "listen":
		return reply{}, f.listen(ctx, o.Database)
	}
	return reply{}, fmt.Errorf("a floor cannot %q", o.Do)
}

// accept answers the two messages that a client begins with, unread but for
// their bytes, and leaves the socket to its goroutine.
func (f *floor) accept(w http.ResponseWriter, r *http.Request) {
	conn, err := f.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	go f.serve(conn)
}

func (f *floor) serve(conn *websocket.Conn) {
	play := f.script.Load()
	var taken *seat
	defer func() {
		conn.Close()
		f.leave(taken)
	}()
	for i := 0; ; i++ {
		_, message, err := conn.NextReader()
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, message); err != nil {
			return
		}
		switch i {
		case 0:
			err = conn.WriteMessage(play.Ack.Kind, play.Ack.Body)
		case 1:
			taken, err = f.sit(conn, play.State)
		}
		if err != nil {
			return
		}
	}
}

// sit answers a subscription. Nobody writes to the socket in between.
func (f *floor) sit(conn *websocket.Conn, state frame) (*seat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &seat{conn, len(f.seats)}
	f.seats = append(f.seats, s)
	return s, conn.WriteMessage(state.Kind, state.Body)
}

func (f *floor) leave(s *seat) {
	if s == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.seats) - 1
	f.seats[s.place] = f.seats[last]
	f.seats[s.place].place = s.place
	f.seats[last] = nil
	f.seats = f.seats[:last]
}

// all returns the sockets of this moment.
func (f *floor) all() []*websocket.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	conns := make([]*websocket.Conn, len(f.seats))
	for i, s := range f.seats {
		conns[i] = s.conn
	}
	return conns
}

// send writes the frames to every socket, on all cores, and returns when it
// began.
func (f *floor) send(frames ...frame) (reply, error) {
	conns := f.all()
	if len(conns) == 0 {
		return reply{}, errors.New("the floor has no sockets")
	}
	began := time.Now().UnixNano()
	var sending sync.WaitGroup
	for share := range slices.Chunk(conns, (len(conns)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0)) {
		sending.Go(func() {
			for _, conn := range share {
				write(conn, frames...)
			}
		})
	}
	sending.Wait()
	return reply{Moment: began}, nil
}

// write sends frames. A socket that is gone is noticed by its reader.
func write(conn *websocket.Conn, frames ...frame) {
	for _, fr := range frames {
		if conn.WriteMessage(fr.Kind, fr.Body) != nil {
			return
		}
	}
}

// listen ends the sockets whose numbers come over a PostgreSQL channel. They are
// numbered in the order in which they subscribed.
func (f *floor) listen(ctx context.Context, database string) error {
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "LISTEN "+floorChannel); err != nil {
		return err
	}
	conns, play := f.all(), f.script.Load()
	go func() {
		defer db.Close(context.WithoutCancel(ctx))
		for {
			got, err := db.WaitForNotification(ctx)
			if err != nil {
				return
			}
			if i, err := strconv.Atoi(got.Payload); err == nil && i < len(conns) {
				write(conns[i], play.End, play.Complete, play.Close)
			}
		}
	}()
	return nil
}
