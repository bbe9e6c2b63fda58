package server

import (
	"context"
	"time"
)

// lookAtTrust is how often the server looks whether its register is up to date.
// The register itself refuses requests without waiting for that.
const lookAtTrust = 250 * time.Millisecond

// holdWhileBlind holds what sockets are to be sent while the login register does
// not know whether their sessions still live, until ctx ends.
func (s *Server) holdWhileBlind(ctx context.Context) {
	ticker := time.NewTicker(lookAtTrust)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.Register.Trusted() {
			continue
		}
		s.live.Hold(true)
		// The first read that works says who was signed out meanwhile; when the
		// second one is in, their sockets have been told and closed.
		for range 2 {
			select {
			case <-ctx.Done():
				return
			case <-s.Register.Regained():
			}
		}
		s.live.Hold(false)
	}
}
