//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// request is the bytes of one request.
type request []byte

// newRequest returns a POST of a JSON body. It accepts no compression: what is
// compared is what a server makes, byte by byte.
func newRequest(token string, body []byte) request {
	var out bytes.Buffer
	fmt.Fprintf(&out, "POST /graphql HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	if token != "" {
		fmt.Fprintf(&out, "Authorization: Bearer %s\r\n", token)
	}
	out.WriteString("\r\n")
	out.Write(body)
	return out.Bytes()
}

// job is requests that one client sends one after the other.
type job []request

// caller is one client on one connection. It does as little as it can: it takes
// its processor time from the same machine.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

func call(ctx context.Context, address string) (*caller, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// ask sends one request and returns the body of the answer, which is good until
// the next one. An answer that is no success is an error.
func (c *caller) ask(r request) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(r); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	c.body.Reset()
	if _, err := io.Copy(&c.body, answer.Body); err != nil {
		return nil, err
	}
	body := c.body.Bytes()
	if answer.StatusCode != http.StatusOK || bytes.Contains(body, []byte(`"errors":`)) {
		return nil, fmt.Errorf("the answer is %s: %s", answer.Status, body)
	}
	return body, nil
}

// askOnce asks on a connection of its own.
func askOnce(ctx context.Context, address string, r request) (string, error) {
	c, err := call(ctx, address)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	body, err := c.ask(r)
	return string(body), err
}

// driven is what so many requests took.
type driven struct {
	times []time.Duration // of each
	took  time.Duration   // from the first to the last
}

// drive has so many clients do the jobs, and returns when all are done.
func drive(ctx context.Context, address string, clients int, jobs []job) (driven, error) {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		failed  = make(chan error, clients)
		times   = make([][]time.Duration, clients)
		callers = make([]*caller, clients)
	)
	for i := range callers {
		var err error
		if callers[i], err = call(ctx, address); err != nil {
			return driven{}, err
		}
		defer callers[i].conn.Close()
	}
	began := time.Now()
	for i, c := range callers {
		running.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(jobs) || ctx.Err() != nil {
					return
				}
				for _, r := range jobs[n] {
					sent := time.Now()
					if _, err := c.ask(r); err != nil {
						failed <- err
						return
					}
					times[i] = append(times[i], time.Since(sent))
				}
			}
		})
	}
	running.Wait()
	out := driven{took: time.Since(began)}
	for _, t := range times {
		out.times = append(out.times, t...)
	}
	select {
	case err := <-failed:
		return driven{}, err
	default:
		return out, ctx.Err()
	}
}
