package server

import (
	"context"
	_ "embed" // the page of a link that opens nothing
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/branchline/branchline/graph"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/tree"
)

var (
	//go:embed share.html
	shareFrame string

	sharePage = template.Must(template.New("share").Parse(shareFrame))
)

// sharePolicy holds beside the policy that a shared record brings itself, which
// knows its style by its hash: no other page may frame it.
const sharePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// sharePatience is how long a record may take to be read, as long as any operation.
const sharePatience = 5 * time.Second

// share shows a troubleshooting session to whoever has a link to it: the export as
// a page, without scripts, for people who have no client and no sign-in. The
// token stands in the path, so nothing may keep the answer or pass its address on,
// and the log line has no path.
func (s *Server) share(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := s.newCaller(r)
	ctx, cancel := context.WithTimeout(graph.WithCaller(r.Context(), c), sharePatience)
	defer cancel()
	header := w.Header()
	header.Set(requestIDHeader, c.RequestID)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", sharePolicy)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Robots-Tag", "noindex")

	rec := live.Record{Name: "SharePage", Kind: "query"}
	status := http.StatusOK
	var page string
	shared, err := s.Resolver.Trees.OpenShare(ctx, r.PathValue("token"), c.Device.IP)
	var file *tree.Export
	if err == nil {
		file, err = shared.Export(tree.HTMLExport)
	}
	switch f := fault.Of(err); {
	case err == nil:
		page = file.Content
		header.Set("Content-Disposition", `inline; filename="`+file.Filename+`"`)
	case f != nil && f.Code == fault.NotFound:
		status, rec.Code = http.StatusNotFound, string(f.Code)
		page = shareWords("Nothing to see here", f.Message)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		status, rec.Code = http.StatusServiceUnavailable, string(fault.Unavailable)
		header.Set("Retry-After", "1")
		page = shareWords("This page cannot be shown now", "The server could not answer in time. Try again in a moment.")
	default:
		status, rec.Code = http.StatusInternalServerError, string(fault.Internal)
		s.Log.ErrorContext(ctx, "a shared session cannot be shown", "error", err, "request_id", c.RequestID)
		page = shareWords("This page cannot be shown now", "Something went wrong here. Try again; if it stays, tell whoever sent you the link the number "+c.RequestID+".")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		rec.Bytes, _ = w.Write([]byte(page)) // who is gone needs no page
	}
	rec.Took = time.Since(began)
	s.operation(ctx, "page", status, rec)
}

// shareWords returns a page that says why there is nothing to be seen.
func shareWords(title, text string) string {
	var b strings.Builder
	if err := sharePage.Execute(&b, map[string]string{"Title": title, "Text": text}); err != nil {
		panic("server: the page of a dead link cannot be written: " + err.Error()) // the frame has no part that can fail
	}
	return b.String()
}
