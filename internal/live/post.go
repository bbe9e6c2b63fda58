package live

import (
	"net"
	"runtime"
	"sync"
	"syscall"
)

// post writes what is queued for sockets, by a few goroutines: as many as can run
// at once. It takes from a socket's queue what one write can carry, and tries to
// write it without waiting. Nearly all clients have room for it. One that has not
// gets a goroutine of its own, which waits for it, so that it delays nobody.
type post struct {
	crew *crew

	mu       sync.Mutex // guards what follows
	waiting  []*socket  // each once: its writes is set
	head     int        // of waiting
	carriers int        // that are at work
}

// atOnce is how many sockets a carrier takes at a time.
const atOnce = 16

// call has a socket's queue written. It never blocks.
func (p *post) call(s *socket) {
	p.mu.Lock()
	p.waiting = append(p.waiting, s)
	more := p.carriers < runtime.GOMAXPROCS(0)
	if more {
		p.carriers++
	}
	p.mu.Unlock()
	if more {
		p.crew.do(p.carry)
	}
}

// take moves waiting sockets to round. Where there are none the carrier is done.
func (p *post) take(round []*socket) []*socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.waiting)-p.head, cap(round))
	if n == 0 {
		p.carriers--
		return nil
	}
	from := p.waiting[p.head : p.head+n]
	round = append(round[:0], from...)
	clear(from)
	if p.head += n; p.head == len(p.waiting) {
		p.waiting, p.head = nil, 0
	}
	return round
}

// carry writes until no socket waits.
func (p *post) carry() {
	c := carriers.Get().(*carrier)
	defer carriers.Put(c)
	round := make([]*socket, 0, atOnce)
	for round = p.take(round); len(round) > 0; round = p.take(round) {
		for i, s := range round {
			if s.carry(c) {
				p.call(s) // behind the others
			}
			round[i] = nil
		}
	}
}

// carrier is what a write without waiting needs, made once for many.
type carrier struct {
	text []byte // what is to be written
	try  func(fd uintptr) bool
	n    int // bytes that were written
	err  error
}

var carriers = sync.Pool{New: func() any {
	c := &carrier{text: make([]byte, 0, 2<<10)}
	c.try = func(fd uintptr) bool {
		c.n, c.err = writeNow(fd, c.text)
		return true // do not wait until there is room
	}
	return c
}}

// write writes what it can without waiting and returns the rest.
func (c *carrier) write(conn syscall.RawConn) (rest []byte, err error) {
	c.n, c.err = 0, nil
	if err := conn.Write(c.try); err != nil {
		return nil, err
	}
	return c.text[c.n:], c.err
}

// raw returns the connection for reads and writes without waiting, or nil where the
// system or TLS knows none.
func raw(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok && canNow {
		if r, err := c.SyscallConn(); err == nil {
			return r
		}
	}
	return nil
}
