//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// crowd holds client sockets, each with one subscription, and writes down when
// each of them hears what.
type crowd struct {
	members []*member
	sentOff atomic.Int64 // how often a socket was closed with comeBack while it was opened
}

// comeBack is the close code on which clients connect again by themselves, with a
// fresh token.
const comeBack = 4403

// mostEvents is how many events of a socket are written down.
const mostEvents = 16

// member is one client. Its reader writes a moment down before it counts it.
type member struct {
	conn     *websocket.Conn
	at       [mostEvents]int64
	events   atomic.Int32
	closedAt int64
	code     int
	closed   atomic.Bool
	sampled  bool // heard is kept
	heard    []frame
}

func runCrowd(in io.Reader, out io.Writer) error {
	c := &crowd{}
	defer c.drop()
	return obey(in, out, func(o order) (reply, error) {
		switch o.Do {
		case "connect":
			err := c.connect(o)
			return reply{SentOff: c.sentOff.Load()}, err
		case "await":
			return c.await(o)
		case "drop":
			c.drop()
			return reply{}, nil
		}
		return reply{}, fmt.Errorf("a crowd cannot %q", o.Do)
	})
}

// connect opens a socket for each token and returns when every one has heard its
// first event. The first one's frames are kept.
func (c *crowd) connect(o order) error {
	dialer := websocket.Dialer{
		Subprotocols: []string{subprotocol}, ReadBufferSize: 512, WriteBufferSize: 512, WriteBufferPool: new(sync.Pool),
		NetDial: func(network, address string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(o.Source)}}
			return d.Dial(network, address)
		},
	}
	c.members = make([]*member, len(o.Tokens))
	var (
		next    atomic.Int64
		opening sync.WaitGroup
		failed  = make(chan error, o.AtOnce)
	)
	for range o.AtOnce {
		opening.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(o.Tokens) {
					return
				}
				m := &member{sampled: i == 0}
				err := m.open(&dialer, "ws://"+o.Address+"/graphql", o.Tokens[i])
				for range 3 {
					if !websocket.IsCloseError(err, comeBack) {
						break
					}
					c.sentOff.Add(1)
					err = m.open(&dialer, "ws://"+o.Address+"/graphql", o.Tokens[i])
				}
				if err != nil {
					failed <- fmt.Errorf("connect socket %d of %d: %w", i+1, len(o.Tokens), err)
					return
				}
				c.members[i] = m
			}
		})
	}
	opening.Wait()
	select {
	case err := <-failed:
		c.drop()
		return err
	default:
		return nil
	}
}

// drop breaks all connections, as when a network goes away.
func (c *crowd) drop() {
	for _, m := range c.members {
		if m != nil {
			_ = m.conn.NetConn().Close()
		}
	}
	c.members = nil
}

func (m *member) open(dialer *websocket.Dialer, url, token string) error {
	conn, response, err := dialer.Dial(url, nil)
	if err != nil {
		if response != nil {
			return fmt.Errorf("%w: %s", err, response.Status)
		}
		return err
	}
	m.conn, m.heard = conn, nil
	secret, err := json.Marshal("Bearer " + token)
	if err != nil {
		return err
	}
	query, err := json.Marshal(expiryQuery)
	if err != nil {
		return err
	}
	for _, step := range []struct{ say, hear string }{
		{`{"type":"connection_init","payload":{"authorization":` + string(secret) + `}}`, `"type":"connection_ack"`},
		{`{"id":"` + operationID + `","type":"subscribe","payload":{"query":` + string(query) + `}}`, `"type":"next"`},
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(step.say)); err != nil {
			return err
		}
		kind, body, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		m.keep(kind, body)
		if !bytes.Contains(body, []byte(step.hear)) {
			return fmt.Errorf("heard %s instead of %s", body, step.hear)
		}
	}
	go m.listen()
	return nil
}

func (m *member) keep(kind int, body []byte) {
	if m.sampled {
		m.heard = append(m.heard, frame{kind, body})
	}
}

var nextMessage = []byte(`"type":"next"`)

// listen is the client's one goroutine.
func (m *member) listen() {
	defer m.conn.Close()
	for {
		kind, body, err := m.conn.ReadMessage()
		now := time.Now().UnixNano()
		var farewell *websocket.CloseError
		if errors.As(err, &farewell) && farewell.Code != websocket.CloseAbnormalClosure {
			m.code = farewell.Code
			m.keep(websocket.CloseMessage, websocket.FormatCloseMessage(farewell.Code, farewell.Text))
		}
		if err != nil {
			m.closedAt = now
			m.closed.Store(true)
			return
		}
		m.keep(kind, body)
		if n := m.events.Load(); n < mostEvents && bytes.Contains(body, nextMessage) {
			m.at[n] = now
			m.events.Store(n + 1)
		}
	}
}

// await waits until each of the sockets has had so many events or is closed, and
// returns when that was. It looks fifty times a second; the moments are exact.
func (c *crowd) await(o order) (reply, error) {
	if o.First < 0 || o.First+o.Count > len(c.members) || o.Events > mostEvents {
		return reply{}, errors.New("there are no such sockets")
	}
	members := c.members[o.First : o.First+o.Count]
	deadline := time.Now().Add(o.Patience)
	for {
		missing := 0
		for _, m := range members {
			if int(m.events.Load()) < o.Events || o.Closed && !m.closed.Load() {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			return reply{}, fmt.Errorf("%d of %d sockets heard nothing within %v", missing, len(members), o.Patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
	var r reply
	for _, m := range members {
		if o.Closed {
			r.At = append(r.At, m.closedAt)
			r.Codes = append(r.Codes, m.code)
		} else {
			r.At = append(r.At, m.at[o.Events-1])
		}
	}
	if first := members[0]; first.sampled && (o.Closed || o.Frames) {
		r.Heard = first.heard
	}
	return r, nil
}
