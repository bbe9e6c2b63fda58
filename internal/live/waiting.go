package live

import (
	"container/list"
	"sync"
)

// waiting are the sockets on which nobody has signed in: before connection_init,
// while its token is looked at, and after a refusal until they are gone. They are
// bounded, in all and by network. One more is let in all the same, and the one that
// has waited longest gives way: so a flood has to send as many as the bound within
// the moment in which whoever signs in properly does, or it keeps nobody out.
type waiting struct {
	mu       sync.Mutex // guards what follows, and the place of each socket
	all      list.List  // of *socket, the oldest in front
	networks map[string]*list.List
}

// place is where a socket stands among those that wait.
type place struct {
	network           string
	inAll, inNetworks *list.Element
}

// join adds a socket and returns the one that has to give way, if any.
func (w *waiting) join(s *socket, network string, limits *Limits) (first *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	near := w.networks[network]
	if near == nil {
		near = list.New()
		if w.networks == nil {
			w.networks = map[string]*list.List{}
		}
		w.networks[network] = near
	}
	switch {
	case near.Len() >= limits.WaitingOfNetwork:
		first = near.Front().Value.(*socket)
	case w.all.Len() >= limits.Waiting:
		first = w.all.Front().Value.(*socket)
	}
	s.place = &place{network, w.all.PushBack(s), near.PushBack(s)}
	if first != nil {
		w.remove(first)
	}
	return first
}

// leave takes a socket off, if it is there.
func (w *waiting) leave(s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(s)
}

// remove is leave with w.mu held.
func (w *waiting) remove(s *socket) {
	p := s.place
	if p == nil {
		return
	}
	s.place = nil
	w.all.Remove(p.inAll)
	near := w.networks[p.network]
	if near.Remove(p.inNetworks); near.Len() == 0 {
		delete(w.networks, p.network)
	}
}

func (w *waiting) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Len()
}

// giveWay sends a socket away on which nobody has signed in. It is broken at the
// next turn of the wheel, whether the client takes the farewell or not.
func (s *socket) giveWay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acked { // meanwhile
		return
	}
	s.cutOff(Crowded)
	s.goneBy = s.server.clock()
	s.hurry(s.goneBy)
}
