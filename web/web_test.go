package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// app is a build with a page, the explorer, the reference, and an asset in three forms.
var app = fstest.MapFS{
	".gitkeep":               {},
	"index.html":             {Data: []byte("<!doctype html>app")},
	"index.html.br":          {Data: []byte("brotli page")},
	"explorer.html":          {Data: []byte("<!doctype html>explorer")},
	"reference.html":         {Data: []byte("<!doctype html>reference")},
	"reference.html.gz":      {Data: []byte("gzip reference")},
	"theme.js":               {Data: []byte("theme")},
	"assets/app-1a2b.js":     {Data: []byte("script")},
	"assets/app-1a2b.js.br":  {Data: []byte("brotli")},
	"assets/app-1a2b.js.gz":  {Data: []byte("gzip")},
	"assets/font-3c4d.woff2": {Data: []byte("font")},
}

func ask(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s %s lacks nosniff or no-referrer: %v", method, target, w.Header())
	}
	return w
}

func TestHandler(t *testing.T) {
	t.Parallel()
	h := newHandler(app, Options{Explorer: true})
	const forever, check = "public, max-age=31536000, immutable", "no-cache"
	tests := map[string]struct {
		target, accept                      string
		code                                int
		body, kind, encoding, cache, policy string
	}{
		"the app":                                {"/", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"the app, compressed":                    {"/", "gzip, br", 200, "brotli page", "text/html; charset=utf-8", "br", check, appPolicy},
		"the app's page, by its path":            {"/trees/tree_123/edit", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"the app by its file's name":             {"/index.html", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"a path with dots stays inside":          {"/../../etc/passwd", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"a hidden file is the app":               {"/.gitkeep", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"the explorer":                           {"/api/docs", "", 200, "<!doctype html>explorer", "text/html; charset=utf-8", "", check, explorerPolicy},
		"the explorer, with a slash":             {"/api/docs/", "", 200, "<!doctype html>explorer", "text/html; charset=utf-8", "", check, explorerPolicy},
		"the explorer is nowhere else":           {"/explorer.html", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"the reference":                          {"/api/reference", "", 200, "<!doctype html>reference", "text/html; charset=utf-8", "", check, referencePolicy},
		"the reference, with a slash":            {"/api/reference/", "", 200, "<!doctype html>reference", "text/html; charset=utf-8", "", check, referencePolicy},
		"the reference is nowhere else":          {"/reference.html", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"the packed reference is nowhere else":   {"/reference.html.gz", "", 200, "<!doctype html>app", "text/html; charset=utf-8", "", check, appPolicy},
		"nothing else below /api":                {"/api/trees", "", 404, "There is nothing here. The API is at /graphql.\n", "text/plain; charset=utf-8", "", "", ""},
		"a file beside the page":                 {"/theme.js", "", 200, "theme", "text/javascript; charset=utf-8", "", check, ""},
		"an asset":                               {"/assets/app-1a2b.js", "", 200, "script", "text/javascript; charset=utf-8", "", forever, ""},
		"an asset by brotli":                     {"/assets/app-1a2b.js", "gzip, deflate, br, zstd", 200, "brotli", "text/javascript; charset=utf-8", "br", forever, ""},
		"an asset by gzip":                       {"/assets/app-1a2b.js", "GZIP", 200, "gzip", "text/javascript; charset=utf-8", "gzip", forever, ""},
		"an asset to who refuses brotli":         {"/assets/app-1a2b.js", "br;q=0, gzip;q=0.5", 200, "gzip", "text/javascript; charset=utf-8", "gzip", forever, ""},
		"an asset without other forms":           {"/assets/font-3c4d.woff2", "br", 200, "font", "font/woff2", "", forever, ""},
		"an asset that is not there is no page":  {"/assets/app-old.js", "", 404, "There is no such file. Reload the page: the app may have changed.\n", "text/plain; charset=utf-8", "", "no-store", ""},
		"the folder of the assets is not listed": {"/assets/", "", 404, "There is no such file. Reload the page: the app may have changed.\n", "text/plain; charset=utf-8", "", "no-store", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, h, http.MethodGet, tt.target, "Accept-Encoding", tt.accept)
			got := []any{w.Code, w.Body.String(), w.Header().Get("Content-Type"), w.Header().Get("Content-Encoding"), w.Header().Get("Cache-Control"), w.Header().Get("Content-Security-Policy")}
			want := []any{tt.code, tt.body, tt.kind, tt.encoding, tt.cache, tt.policy}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.target, diff)
			}
			if tt.code == 200 && w.Header().Get("Vary") != "Accept-Encoding" {
				t.Error("the answer does not vary with Accept-Encoding")
			}
		})
	}
}

func TestHandler_HeadHasTheLengthAndNoBody(t *testing.T) {
	t.Parallel()
	w := ask(t, newHandler(app, Options{}), http.MethodHead, "/", "Accept-Encoding", "br")
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "11" {
		t.Errorf("%d, %d bytes, length %s", w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

func TestHandler_UnchangedPagesAreNotSentAgain(t *testing.T) {
	t.Parallel()
	h := newHandler(app, Options{})
	plain, packed := ask(t, h, http.MethodGet, "/").Header().Get("ETag"), ask(t, h, http.MethodGet, "/", "Accept-Encoding", "br").Header().Get("ETag")
	if plain == "" || plain == packed {
		t.Fatalf("tags %s and %s: two forms need two tags", plain, packed)
	}
	if w := ask(t, h, http.MethodGet, "/trees", "If-None-Match", `"old", W/`+plain); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with the present tag: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := ask(t, h, http.MethodGet, "/trees", "If-None-Match", packed); w.Code != http.StatusOK {
		t.Errorf("with the other form's tag: %d", w.Code)
	}
}

func TestHandler_OnlyReads(t *testing.T) {
	t.Parallel()
	w := ask(t, newHandler(app, Options{}), http.MethodPost, "/")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestHandler_WhatDescribesTheAPICanBeTurnedOff(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/api/docs", "/api/reference", "/api/redoc"} {
		w := ask(t, newHandler(app, Options{}), http.MethodGet, target)
		if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<") || !strings.Contains(w.Body.String(), "BRANCHLINE_EXPLORER") {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
}

func TestHandler_RedocLeadsToTheReference(t *testing.T) {
	t.Parallel()
	w := ask(t, newHandler(app, Options{Explorer: true}), http.MethodGet, "/api/redoc")
	if w.Code != http.StatusFound || w.Header().Get("Location") != "/api/reference" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestHandler_WithoutABuildSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	h := newHandler(fstest.MapFS{".gitkeep": {}}, Options{Explorer: true})
	for _, target := range []string{"/", "/trees", "/api/docs", "/api/reference"} {
		w := ask(t, h, http.MethodGet, target)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") || w.Header().Get("Content-Security-Policy") != missingPolicy {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
	if w := ask(t, h, http.MethodGet, "/assets/app.js"); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<") {
		t.Errorf("an asset: %d %q", w.Code, w.Body)
	}
}

// The pages of the real build are there together, or none is.
func TestHandler_OfThisBuild(t *testing.T) {
	t.Parallel()
	want := http.StatusServiceUnavailable
	if Embedded() {
		want = http.StatusOK
	}
	for _, target := range []string{"/", "/api/docs", "/api/reference"} {
		if w := ask(t, Handler(Options{Explorer: true}), http.MethodGet, target); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}
