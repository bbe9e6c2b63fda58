package server

import (
	"context"
	"net/http"
	"time"
)

// readyPatience is how long /readyz waits for the database. Load balancers ask
// every few seconds and give up after about as long.
const readyPatience = 2 * time.Second

// healthz says that the process runs. It asks nobody: a database that is away is
// no reason to restart the program.
func healthz(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

// readyz says whether this process should get requests: it is not draining, the
// database answers, and the login register is up to date. Without hints it is half a
// second slower to see what others did, and ready all the same: if it said no, all
// processes would.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
	defer cancel()
	switch {
	case s.draining.Load():
		plain(w, http.StatusServiceUnavailable, "draining\n")
	case s.Ping(ctx) != nil:
		plain(w, http.StatusServiceUnavailable, "the database does not answer\n")
	case !s.Register.Trusted():
		plain(w, http.StatusServiceUnavailable, "the login register is not up to date\n")
	case !s.Hints().Connected:
		plain(w, http.StatusOK, "ready, but without hints: the other processes' changes are seen within half a second\n")
	default:
		plain(w, http.StatusOK, "ready\n")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
