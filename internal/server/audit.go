package server

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/login"
)

// auditPath is the audit log as a file, which is no part of the API's one path
// because it is streamed: a log may be longer than what a process wants to hold.
const auditPath = "/audit-log.csv"

// auditChunk is how many lines go out at a time, each chunk within auditPatience.
const (
	auditChunk    = 1000
	auditPatience = time.Minute
)

// auditLog streams the caller's audit log as CSV. Who asks is said by the access
// token alone: the refresh token's cookie is bound to the API's path, and a page of
// another site has no token.
func (s *Server) auditLog(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := s.newCaller(r)
	w.Header().Set(requestIDHeader, c.RequestID)
	if s.crossOrigin(w, r) {
		return
	}
	ctx := s.authenticateRequest(graph.WithCaller(r.Context(), c), w, r, c)
	out := &countingWriter{statusWriter: statusWriter{ResponseWriter: w}}
	rec := live.Record{Name: "AuditLogCSV", Kind: "export"}
	err := s.writeAuditLog(out, r.WithContext(ctx), c)
	if err != nil {
		shown := graph.Presenter(s.Log, newID)(ctx, err)
		rec.Code = string(fault.Of(shown.Err).Code)
		if out.status == 0 {
			header := out.Header()
			header.Del("Content-Disposition")
			header.Set("Content-Type", "application/json; charset=utf-8")
			if fault.Code(rec.Code) == fault.Unauthenticated {
				header.Set("WWW-Authenticate", "Bearer")
			}
			out.WriteHeader(statusOf(shown.Err))
			_ = json.NewEncoder(out).Encode(map[string]any{"errors": []any{shown}}) // the client is gone; there is nobody to tell
			err = nil
		}
	}
	rec.Took, rec.Bytes = time.Since(began), out.bytes
	s.operation(ctx, "http", out.status, rec)
	if err != nil {
		panic(http.ErrAbortHandler) // so that nobody takes half a log for the whole
	}
}

func (s *Server) writeAuditLog(w *countingWriter, r *http.Request, c *graph.Caller) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return fault.New(fault.BadUserInput, "Ask for the audit log by GET.").Because(wrongMethod)
	}
	if c.Refused != nil {
		return c.Refused
	}
	filter, err := auditFilterOf(r)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", `attachment; filename="audit-log-`+s.Now().UTC().Format(time.DateOnly)+`.csv"`)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	file := login.NewAuditCSV(w)
	if err := file.Head(); err != nil {
		return err
	}
	lines := 0
	who := login.Caller{Actor: c.Actor, SessionID: c.Bearer.SessionID, Device: c.Device}
	err = s.Resolver.Logins.ExportAudit(r.Context(), who, filter, func(line *login.AuditLine) error {
		if lines%auditChunk == 0 {
			// The read may have waited, and the client may have been slow.
			if err := s.Register.Check(r.Context(), c.Bearer); err != nil {
				return err
			}
			if err := file.Flush(); err != nil {
				return err
			}
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(auditPatience)) // only a recorder in a test has none
		}
		lines++
		return file.Line(line)
	})
	if err != nil {
		return err
	}
	return file.Flush()
}

// wrongMethod tells the one refusal apart whose status the code does not give.
const wrongMethod fault.Reason = "METHOD_NOT_ALLOWED"

// auditFilterOf reads from and to, which are moments or days, which begin at 00:00
// UTC; the actions, and the user.
func auditFilterOf(r *http.Request) (login.AuditFilter, error) {
	var filter login.AuditFilter
	query := r.URL.Query()
	for name, at := range map[string]*time.Time{"from": &filter.From, "to": &filter.To} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			*at, err = time.Parse(time.DateOnly, text)
		}
		if err != nil || at.Year() < 1 {
			return filter, fault.Input(name, "%q is no moment: write it like 2026-11-23T14:43:00Z or 2026-11-23.", text)
		}
	}
	for _, action := range query["action"] {
		filter.Actions = append(filter.Actions, account.AuditAction(action))
	}
	if text := query.Get("user"); text != "" {
		if err := filter.User.UnmarshalText([]byte(text)); err != nil {
			return filter, fault.Input("user", "This is no user's global id.")
		}
	}
	return filter, nil
}

// statusOf returns the status of an error outside of GraphQL.
func statusOf(err error) int {
	f := fault.Of(err)
	switch {
	case f == nil || f.Code == fault.Internal:
		return http.StatusInternalServerError
	case f.Reason == wrongMethod:
		return http.StatusMethodNotAllowed
	case f.Reason == fault.CannotVerify, f.Code == fault.Unavailable:
		return http.StatusServiceUnavailable
	case f.Code == fault.Unauthenticated:
		return http.StatusUnauthorized
	case f.Code == fault.Forbidden:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// countingWriter counts what is written.
type countingWriter struct {
	statusWriter
	bytes int
}

// Write writes and counts.
func (w *countingWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.Writer(w.ResponseWriter).Write(b)
	w.bytes += n
	return n, err
}
