package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/live"
)

// requestIDHeader carries a request's id in both directions.
const requestIDHeader = "X-Request-Id"

// requestID returns the id that the request came with, if it is one that a
// proxy would make (1 to 64 letters, digits, - and _), or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); validRequestID(id) {
		return id
	}
	return newID()
}

func validRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// newID returns a random id for requests and errors: 16 hexadecimal digits.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// callerOf returns who asks, as the server wrote it into the context.
func callerOf(ctx context.Context) *graph.Caller {
	if c := graph.CallerFrom(ctx); c != nil {
		return c
	}
	return &graph.Caller{}
}

// operation writes the log line of one operation. It holds no variables and no
// header: nothing secret can be in it.
func (s *Server) operation(ctx context.Context, transport string, status int, rec live.Record) {
	c := callerOf(ctx)
	level := slog.LevelInfo
	if rec.Code == "INTERNAL_SERVER_ERROR" || status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("transport", transport),
		slog.String("request_id", c.RequestID),
		slog.String("operation", rec.Name),
		slog.String("kind", rec.Kind),
		slog.Float64("took_ms", float64(rec.Took.Microseconds())/1000),
	}
	if status != 0 {
		attrs = append(attrs, slog.Int("status", status))
	}
	if rec.Code != "" {
		attrs = append(attrs, slog.String("code", rec.Code))
	}
	if !c.UserID.IsZero() {
		attrs = append(attrs, slog.String("user", c.UserID.String()), slog.String("account", c.AccountID.String()))
	}
	if rec.Kind == "subscription" {
		attrs = append(attrs, slog.Int("events", rec.Events))
	}
	attrs = append(attrs, slog.Int("bytes", rec.Bytes), slog.String("ip", c.Device.IP))
	s.Log.LogAttrs(ctx, level, "operation", attrs...)
	s.metrics.observe(rec.Kind, rec.Code, rec.Took)
}

// refusedSocket writes the log line of a socket that was closed before it was
// signed in. The code and the reason are the ones that the client gets.
func (s *Server) refusedSocket(ctx context.Context, why live.Close) {
	c := callerOf(ctx)
	s.Log.LogAttrs(ctx, slog.LevelInfo, "socket refused",
		slog.String("request_id", c.RequestID),
		slog.String("ip", c.Device.IP),
		slog.Int("code", why.Code),
		slog.String("reason", why.Reason),
	)
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush sends what is written. The compressing writer looks for this method, and
// not for Unwrap.
func (w *statusWriter) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush() // a broken connection shows at the next write
}

// Unwrap lets http.ResponseController reach the connection, for sockets and
// event streams.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
