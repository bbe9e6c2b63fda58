package live

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// message is what a client sends over a socket. The payload has the members that
// connection_init and subscribe may have, so that one pass decodes any message.
type message struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Payload struct {
		Query         string          `json:"query"`
		OperationName string          `json:"operationName"`
		Variables     json.RawMessage `json:"variables"`
		Extensions    json.RawMessage `json:"extensions"`
		Authorization string          `json:"authorization"` // decoding takes "Authorization" for it too
		AccessToken   string          `json:"accessToken"`
	} `json:"payload"`

	// wrong is the first mistake in the payload's types, as with a query that is a
	// number. Only messages that need that member mind.
	wrong *json.UnmarshalTypeError
}

// decodeMessage reads a message and says whether it is one.
func decodeMessage(data []byte) (m message, ok bool) {
	if scan := (scanner{text: data}); scan.message(&m) {
		return m, m.Type != ""
	}
	return decodeAnyMessage(data)
}

// decodeAnyMessage is decodeMessage for any JSON.
func decodeAnyMessage(data []byte) (m message, ok bool) {
	err := json.Unmarshal(data, &m)
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		in, member, _ := strings.Cut(wrong.Field, ".")
		if in == "payload" {
			wrong.Field, m.wrong, err = member, wrong, nil
		}
	}
	return m, err == nil && m.Type != ""
}

// token finds the access token in connection_init's payload. None is "": an
// anonymous socket. It says whether the payload is well-formed.
func (m *message) token() (token string, ok bool) {
	if m.wrong != nil {
		switch m.wrong.Field {
		case "", "authorization", "accessToken":
			return "", false
		}
	}
	token = cmp.Or(m.Payload.Authorization, m.Payload.AccessToken)
	if scheme, rest, has := strings.Cut(token, " "); has && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(rest)
	}
	return token, true
}

// params returns what subscribe's payload asks for. Its error is a fault for
// whoever wrote the client.
func (m *message) params() (*graphql.RawParams, error) {
	if m.wrong != nil {
		switch m.wrong.Field {
		case "", "query", "operationName":
			return nil, wrongType(m.wrong)
		}
	}
	p := &m.Payload
	in := request{p.Query, p.OperationName, p.Variables, p.Extensions}
	return in.params()
}

// scanner reads a message of strings and objects, as nearly all are, at a fraction
// of what encoding/json takes. Where it finds anything else it says so, and nothing
// that it has read counts.
type scanner struct {
	text []byte
	at   int
}

// message reads the whole text. What it accepts, encoding/json reads the same.
func (s *scanner) message(m *message) bool {
	ok := s.object(func(name []byte) bool {
		switch string(name) {
		case "type":
			return s.into(&m.Type)
		case "id":
			return s.into(&m.ID)
		case "payload":
			return s.object(func(name []byte) bool {
				switch string(name) {
				case "query":
					return s.into(&m.Payload.Query)
				case "operationName":
					return s.into(&m.Payload.OperationName)
				case "authorization", "Authorization":
					return s.into(&m.Payload.Authorization)
				case "accessToken":
					return s.into(&m.Payload.AccessToken)
				}
				return false
			})
		}
		return false
	})
	if ok && s.next() == 0 {
		return true
	}
	*m = message{}
	return false
}

// request reads the whole text of a request. What it accepts, encoding/json reads the
// same, but for what variables and extensions hold, which it leaves as it is.
func (s *scanner) request(in *request) bool {
	ok := s.object(func(name []byte) bool {
		switch string(name) {
		case "query":
			return s.into(&in.Query)
		case "operationName":
			return s.into(&in.OperationName)
		case "variables":
			return s.whole(&in.Variables)
		case "extensions":
			return s.whole(&in.Extensions)
		}
		return false
	})
	if ok && s.next() == 0 {
		return true
	}
	*in = request{}
	return false
}

// whole passes an object and keeps its text. It only looks where it ends.
func (s *scanner) whole(to *json.RawMessage) bool {
	if s.next() != '{' {
		return false
	}
	depth := 0
	for start := s.at; s.at < len(s.text); {
		switch s.text[s.at] {
		case '"':
			if _, _, ok := s.quoted(); !ok {
				return false
			}
			continue
		case '{':
			depth++
		case '}':
			depth--
		}
		if s.at++; depth == 0 {
			*to = s.text[start:s.at]
			return true
		}
	}
	return false
}

// next passes white space and returns the byte after it, or 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 1 // no JSON
		default:
			return c
		}
	}
	return 0
}

// object reads an object and has each member read.
func (s *scanner) object(member func(name []byte) bool) bool {
	if s.next() != '{' {
		return false
	}
	s.at++
	if s.next() == '}' {
		s.at++
		return true
	}
	for {
		name, escaped, ok := s.quoted()
		if !ok || escaped || s.next() != ':' {
			return false
		}
		s.at++
		if !member(name[1 : len(name)-1]) {
			return false
		}
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return true
		default:
			return false
		}
	}
}

// quoted returns the next string with its quotes.
func (s *scanner) quoted() (text []byte, escaped, ok bool) {
	if s.next() != '"' {
		return nil, false, false
	}
	for i := s.at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			text, s.at = s.text[s.at:i+1], i+1
			return text, escaped, true
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// into reads a string.
func (s *scanner) into(to *string) bool {
	text, escaped, ok := s.quoted()
	switch {
	case !ok:
		return false
	case escaped:
		if plain, ok := unescape(text[1 : len(text)-1]); ok {
			*to = plain
			return true
		}
		return json.Unmarshal(text, to) == nil
	}
	*to = string(text[1 : len(text)-1])
	return true
}

// unescape returns a string without its escapes, such as the line breaks of a query.
// It says no where one is of another kind, with a number or wrong.
func unescape(text []byte) (string, bool) {
	var b strings.Builder
	b.Grow(len(text))
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			b.Write(text)
			return b.String(), true
		}
		b.Write(text[:i])
		switch c := text[i+1]; c { // quoted has seen one more
		case '"', '\\', '/':
			b.WriteByte(c)
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		default:
			return "", false
		}
		text = text[i+2:]
	}
}
