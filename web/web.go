// Package web holds the web app as it was built, and serves it: the app itself,
// and the explorer and the reference of the API.
//
// The folder is an npm project as well. Its build goes to dist, which is not in
// the repository, so a program that was built without Node holds no app; it then
// answers every page with a short explanation, and everything else works.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed all:dist
var built embed.FS

//go:embed missing.html
var missing []byte

const (
	appPage       = "index.html"
	explorerPage  = "explorer.html"
	referencePage = "reference.html"
)

// appPolicy lets a page load nothing but its own files, and lets no script turn
// a text into markup (Trusted Types).
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// explorerPolicy is looser where GraphiQL's editor needs it: it writes styles and
// starts its workers from blobs.
const explorerPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// referencePolicy is appPolicy without what the reference does not need: it asks
// nobody for anything.
const referencePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// missingPolicy is for the page that stands in for an app that was not built.
const missingPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

// Options say what of the web app is served.
type Options struct {
	Explorer bool // the explorer at /api/docs and the reference at /api/reference; without it both are 404
}

// Embedded says whether the app was built into this program.
func Embedded() bool { return exists(dist(), appPage) }

// Handler serves the app for GET and HEAD:
//
//   - /assets/… are files whose names hold a hash of their content: cached for
//     ever, 404 where there is none, never a page
//   - /api/docs is the explorer and /api/reference the reference, where /api/redoc
//     leads too; other paths below /api/ are 404
//   - any other file of the build is itself, and any other path is the app, which
//     finds its page by the path
//
// Where the app was not built, pages are 503 and say how to build it.
func Handler(o Options) http.Handler { return newHandler(dist(), o) }

func dist() fs.FS {
	sub, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // the name above is wrong
	}
	return sub
}

func exists(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}

type handler struct {
	files fs.FS
	tags  map[string]string // the entity tag of every file that may change its content
	o     Options
}

func newHandler(files fs.FS, o Options) http.Handler {
	h := &handler{files: files, tags: map[string]string{}, o: o}
	names, err := fs.Glob(files, "*")
	if err != nil {
		panic(err) // the pattern is malformed
	}
	for _, name := range names {
		if text, err := fs.ReadFile(files, name); err == nil { // folders are no files
			sum := sha256.Sum256(text)
			h.tags[name] = base64.RawURLEncoding.EncodeToString(sum[:12])
		}
	}
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "This is a page: read it with GET.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	switch {
	case name == "assets" || strings.HasPrefix(name, "assets/"):
		h.asset(w, r, name)
	case !h.o.Explorer && (name == "api/docs" || name == "api/reference" || name == "api/redoc"):
		http.Error(w, "This server does not describe its API. BRANCHLINE_EXPLORER=true makes it.", http.StatusNotFound)
	case name == "api/docs":
		h.page(w, r, explorerPage, explorerPolicy)
	case name == "api/reference":
		h.page(w, r, referencePage, referencePolicy)
	case name == "api/redoc":
		http.Redirect(w, r, "/api/reference", http.StatusFound)
	case name == "api" || strings.HasPrefix(name, "api/"):
		http.Error(w, "There is nothing here. The API is at /graphql.", http.StatusNotFound)
	case h.tags[name] != "" && !isPage(name) && !strings.HasPrefix(name, "."):
		header.Set("Cache-Control", "no-cache")
		h.file(w, r, name)
	default:
		h.page(w, r, appPage, appPolicy)
	}
}

// isPage says whether a file is one of the pages, in any of its forms. They have
// addresses of their own, which the options may close.
func isPage(name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".br"), ".gz")
	return name == appPage || name == explorerPage || name == referencePage
}

func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	if !exists(h.files, name) {
		w.Header().Set("Cache-Control", "no-store") // it may come with the next version
		http.Error(w, "There is no such file. Reload the page: the app may have changed.", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	h.file(w, r, name)
}

func (h *handler) page(w http.ResponseWriter, r *http.Request, name, policy string) {
	header := w.Header()
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if !exists(h.files, name) {
		header.Set("Content-Security-Policy", missingPolicy)
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(missing) // who is gone needs no page
		return
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-cache")
	h.file(w, r, name)
}

// file writes a file in the smallest form that the client takes.
func (h *handler) file(w http.ResponseWriter, r *http.Request, name string) {
	header := w.Header()
	header.Set("Content-Type", contentType(name))
	header.Add("Vary", "Accept-Encoding")
	stored, tag := name, h.tags[name]
	for _, form := range [...]struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if accepts(r.Header.Values("Accept-Encoding"), form.encoding) && exists(h.files, name+form.suffix) {
			header.Set("Content-Encoding", form.encoding)
			stored += form.suffix
			break
		}
	}
	if tag != "" {
		tag = `"` + tag + path.Ext(stored) + `"` // each form is a representation of its own (RFC 9110, 8.8.3.3)
		header.Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if err := h.send(w, r, stored); err != nil {
		// Nothing was written yet, or the client is gone.
		header.Del("Content-Encoding")
		header.Del("Content-Length")
		http.Error(w, "This file cannot be read.", http.StatusInternalServerError)
	}
}

func (h *handler) send(w http.ResponseWriter, r *http.Request, name string) (err error) {
	file, err := h.files.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, file) // an error here is the client's going away
	}
	return nil
}

// contentType returns the type of the files that a build makes. It does not ask
// the machine's own table, which differs between machines.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".ttf":
		return "font/ttf"
	case ".woff2":
		return "font/woff2"
	case ".html", ".css", ".svg", ".png", ".json", ".wasm":
		return mime.TypeByExtension(ext)
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return "application/octet-stream"
}

// accepts says whether an Accept-Encoding header takes an encoding (RFC 9110,
// 12.5.3). A weight of zero refuses it; "*" is not asked, because every client
// that matters names what it takes.
func accepts(header []string, encoding string) bool {
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), encoding) {
				continue
			}
			key, weight, found := strings.Cut(parameters, "=")
			if !found || !strings.EqualFold(strings.TrimSpace(key), "q") {
				return true
			}
			q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
			return err == nil && q > 0
		}
	}
	return false
}

// matches says whether an If-None-Match header names an entity tag, weakly
// compared (RFC 9110, 13.1.2).
func matches(header []string, tag string) bool {
	return slices.ContainsFunc(header, func(line string) bool {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.TrimSpace(part)
			if part == "*" || strings.TrimPrefix(part, "W/") == tag {
				return true
			}
		}
		return false
	})
}
