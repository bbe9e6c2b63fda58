package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// The media types of a response.
const (
	typeResponse = "application/graphql-response+json"
	typeJSON     = "application/json"
	typeEvents   = "text/event-stream" // of subscriptions, or of anything for clients that accept nothing else
)

// reply writes the response to one HTTP request.
type reply struct {
	w     http.ResponseWriter
	media string // typeResponse or typeJSON
	rec   *Record
}

// serveRequest answers POST and GET as GraphQL over HTTP has it. The status
// follows the media type that the client accepts: with
// application/graphql-response+json it says how the request went; with
// application/json a well-formed request is answered with 200 whatever comes of
// it, since clients of that type do not expect GraphQL in anything else.
func (s *Server) serveRequest(w http.ResponseWriter, r *http.Request) {
	media, events := accepted(r.Header.Values("Accept"))
	out := reply{w, media, recordOf(r.Context())}
	w.Header().Add("Vary", "Accept")
	if media == "" {
		out.media = typeResponse
	}
	if media == "" && !events {
		s.fault(out, r, http.StatusNotAcceptable, fault.New(fault.BadUserInput,
			"Accept %s, %s or %s.", typeResponse, typeJSON, typeEvents))
		return
	}
	params, status, err := s.readParams(w, r)
	if err != nil {
		s.fault(out, r, status, err)
		return
	}
	p := principalOf(r.Context())
	ctx := r.Context()
	if p.Context != nil {
		ctx = p.Context(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Answer) // an event stream outlives it
	defer cancel()
	op, errs := s.prepare(ctx, params)
	out.rec.Name = shortName(params.OperationName)
	if len(errs) != 0 {
		out.refuse(refuseAll(ctx, s.exec, op, errs), 0)
		return
	}
	kind := op.Operation.Operation
	out.rec.Name, out.rec.Kind = shortName(op.Operation.Name), string(kind)
	switch {
	case kind == ast.Mutation && r.Method == http.MethodGet:
		w.Header().Set("Allow", http.MethodPost)
		s.fault(out, r, http.StatusMethodNotAllowed, fault.New(fault.BadUserInput, "Send mutations by POST."))
		return
	case events && (kind == ast.Subscription || media == ""): // see Streams
		s.serveEvents(out, r, ctx, p, op)
		return
	case kind == ast.Subscription:
		s.fault(out, r, http.StatusNotAcceptable, fault.New(fault.BadUserInput,
			"Subscribe over WebSocket, or accept %s.", typeEvents))
		return
	}
	resp := respond(ctx, s.exec, op)
	if resp.Data == nil {
		out.refuse(resp, 0)
		return
	}
	out.rec.Code = codeOf(resp.Errors)
	out.write(http.StatusOK, resp)
}

// Streams says whether the request is answered with a stream of events whatever
// its operation is. The operation then runs beside the handler, after the header
// is written: it must not touch the response's header, so it can set no cookie.
// Any other answer that is a stream belongs to a subscription.
func Streams(r *http.Request) bool {
	media, events := accepted(r.Header.Values("Accept"))
	return events && media == ""
}

// fault answers with an error. A status of 0 leaves it to the error's code;
// any other one holds for both media types.
func (s *Server) fault(out reply, r *http.Request, status int, err error) {
	out.refuse(refuse(r.Context(), s.exec, nil, err), status)
}

// refuse answers with a response that has no data.
func (out reply) refuse(resp *graphql.Response, status int) {
	out.rec.Code = codeOf(resp.Errors)
	byCode := statusOf(resp.Errors)
	if byCode == http.StatusTooManyRequests || byCode == http.StatusServiceUnavailable {
		out.w.Header().Set("Retry-After", retryAfter(resp.Errors))
	}
	switch {
	case status != 0:
	case out.media == typeJSON:
		status = http.StatusOK
	default:
		status = byCode
	}
	out.write(status, resp)
}

func (out reply) write(status int, resp *graphql.Response) {
	buf := scratch.Get().(*bytes.Buffer)
	defer putScratch(buf)
	b := appendResponse(buf.AvailableBuffer(), resp)
	buf.Write(b) // keeps what append may have grown
	out.rec.Bytes = len(b)
	header := out.w.Header()
	header.Set("Content-Type", out.media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(b)))
	header.Set("Cache-Control", "no-store") // tokens and one person's view: no cache may keep them, of a GET neither
	header.Set("X-Content-Type-Options", "nosniff")
	out.w.WriteHeader(status)
	out.w.Write(b) // the client is gone; there is nobody to tell
}

// statusOf returns the status of a response without data.
func statusOf(errs gqlerror.List) int {
	switch fault.Code(codeOf(errs)) {
	case fault.Unauthenticated:
		if reasonOf(errs) == string(fault.CannotVerify) {
			return http.StatusServiceUnavailable
		}
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		// Errors of gqlgen's parser and validator have codes of their own; one
		// without a code comes from coercing variables.
		if _, presented := errs[0].Extensions["code"]; presented {
			return http.StatusInternalServerError
		}
	}
	return http.StatusBadRequest
}

// retryAfter returns the header's value in seconds.
func retryAfter(errs gqlerror.List) string {
	if seconds := errs[0].Extensions["retryAfterSeconds"]; seconds != nil {
		return fmt.Sprint(seconds)
	}
	return "1"
}

// readParams reads a request, or returns the status of its refusal.
func (s *Server) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, error) {
	var params *graphql.RawParams
	var err error
	switch r.Method {
	case http.MethodGet:
		params, err = paramsFromQuery(r)
	case http.MethodPost:
		// The content type is also what keeps forms of other sites out: a
		// browser asks before it sends this one across sites.
		if !isJSON(r.Header) {
			w.Header().Set("Accept-Post", typeJSON)
			return nil, http.StatusUnsupportedMediaType, fault.New(fault.BadUserInput, "Send %s in UTF-8.", typeJSON)
		}
		var body []byte
		body, err = readBody(w, r, s.limits.Body)
		if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
			return nil, http.StatusRequestEntityTooLarge, fault.New(fault.BadUserInput,
				"The request is too big. Send at most %d bytes.", s.limits.Body)
		}
		if err != nil {
			return nil, http.StatusBadRequest, fault.New(fault.BadUserInput, "The request broke off. Send it again.").Wrap(err)
		}
		params, err = decodeParams(bytes.TrimPrefix(body, []byte("\uFEFF")))
	default:
		w.Header().Set("Allow", "GET, POST")
		return nil, http.StatusMethodNotAllowed, fault.New(fault.BadUserInput, "Use POST, or GET for queries.")
	}
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	params.Headers = r.Header
	return params, 0, nil
}

// readBody reads the whole body. Small ones, as nearly all are, are read into
// memory of their size.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, most)
	if n := r.ContentLength; n > 0 && n <= most && n <= 16<<10 { // more is made room for as it comes
		text := make([]byte, n)
		_, err := io.ReadFull(body, text)
		return text, err
	}
	return io.ReadAll(body)
}

// isJSON says whether a body is JSON that can be read as it is.
func isJSON(header http.Header) bool {
	contentType := header.Get("Content-Type")
	if contentType == typeJSON && len(header["Content-Encoding"]) == 0 { // as nearly always
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != typeJSON {
		return false
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	encoding := header.Get("Content-Encoding")
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// decodeParams reads one request. Its error is a fault for whoever wrote the
// client.
func decodeParams(body []byte) (*graphql.RawParams, error) {
	if !utf8.Valid(body) {
		return nil, fault.New(fault.BadUserInput, "The request is not UTF-8.")
	}
	var in request
	if scan := (scanner{text: body}); scan.request(&in) {
		if params, err := in.params(); err == nil {
			return params, nil
		}
	}
	return decodeAnyParams(body)
}

// decodeAnyParams is decodeParams for any JSON, and for what is wrong.
func decodeAnyParams(body []byte) (*graphql.RawParams, error) {
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, wrongType(wrong)
		}
		if strings.Contains(err.Error(), "after top-level value") { // it has no type of its own
			return nil, fault.New(fault.BadUserInput, "Something follows the request. Send one operation a request.")
		}
		return nil, fault.New(fault.BadUserInput, "The request is not JSON.").Wrap(err)
	}
	return in.params()
}

// request is the JSON of an operation.
type request struct {
	Query         string          `json:"query"`
	OperationName string          `json:"operationName"`
	Variables     json.RawMessage `json:"variables"`
	Extensions    json.RawMessage `json:"extensions"`
}

// params returns the request as the executor takes it.
func (in *request) params() (*graphql.RawParams, error) {
	params := &graphql.RawParams{Query: in.Query, OperationName: in.OperationName}
	if err := decodeMembers("variables", in.Variables, &params.Variables); err != nil {
		return nil, err
	}
	if err := decodeMembers("extensions", in.Extensions, &params.Extensions); err != nil {
		return nil, err
	}
	return params, complain(params)
}

// decodeMembers reads a member of a request that is an object, or missing.
func decodeMembers(name string, text json.RawMessage, into *map[string]any) error {
	if len(text) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 64-bit integers stay exact
	err := dec.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.Input(name, "%q must not be of type %s.", name, wrong.Value)
	}
	return err // of text that was read before there is none
}

// wrongType words the fault of a request that, or a member of which, is of a wrong
// type.
func wrongType(wrong *json.UnmarshalTypeError) error {
	switch {
	case wrong.Field != "":
		return fault.Input(wrong.Field, "%q must not be of type %s.", wrong.Field, wrong.Value)
	case wrong.Value == "array":
		return fault.New(fault.BadUserInput, "Send one operation a request, not a list.")
	}
	return fault.New(fault.BadUserInput, "The request must be a JSON object.")
}

// complain returns the fault of a request without a query. A persisted one is
// filled in by an extension.
func complain(params *graphql.RawParams) error {
	if params.Query == "" && len(params.Extensions) == 0 {
		return fault.Input("query", "There is no query in the request.")
	}
	return nil
}

// paramsFromQuery reads the request of a GET.
func paramsFromQuery(r *http.Request) (*graphql.RawParams, error) {
	values := r.URL.Query()
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			return nil, fault.Input(name, "%q must be a JSON object.", name)
		}
	}
	return params, complain(params)
}

// accepted returns the media type to answer with, or "" if none is acceptable,
// and whether a stream of events is. A client that does not care gets
// application/json; one that accepts both equally gets the type that is made for
// GraphQL.
func accepted(accept []string) (media string, events bool) {
	if len(accept) == 0 {
		return typeJSON, false
	}
	best := 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, has := params["q"]; has {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch name {
		case typeEvents:
			events = q > 0
			continue
		case typeResponse, typeJSON:
		case "*/*", "application/*":
			name = typeJSON
		default:
			continue
		}
		if q > best || q == best && q > 0 && name == typeResponse {
			media, best = name, q
		}
	}
	return media, events
}
