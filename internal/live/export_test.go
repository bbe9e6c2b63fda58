package live

import (
	"context"
	"maps"
	"net/http"
)

// StartManually is Start for tests that turn the wheel themselves.
func (s *Server) StartManually(ctx context.Context) { s.start(ctx, nil, func() {}) }

// Turn turns the wheel to the clock's time.
func (s *Server) Turn() { s.turn() }

// Keys returns the keys that hold places for connections.
func (s *Server) Keys() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.keys)
}

// HeardNow says whether every client has given a sign of life at this moment.
func (s *Server) HeardNow() bool {
	for _, p := range s.wheel.all() {
		if p.heard.Load() != int64(s.clock()) {
			return false
		}
	}
	return true
}

// Refuse answers a request with an error, in the type that it accepts.
func (s *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	media, _ := accepted(r.Header.Values("Accept"))
	if media == "" {
		media = typeResponse
	}
	s.fault(reply{w, media, recordOf(r.Context())}, r, 0, err)
}
