package server

import (
	"net/http"
	"slices"
	"strings"
)

// crossOrigin lets pages of the allowed origins call the API and read its answers
// (the Fetch standard's CORS protocol). It answers the preflights of these and
// says whether it did. Everybody else gets no header, and so no page an answer.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.Origins, strings.ToLower(origin)) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true") // the refresh token's cookie, between subdomains
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		header.Set("Access-Control-Expose-Headers", requestIDHeader+", Retry-After")
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, POST")
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+requestIDHeader)
	header.Set("Access-Control-Max-Age", "600") // ten minutes: the list of origins may change
	w.WriteHeader(http.StatusNoContent)
	return true
}
