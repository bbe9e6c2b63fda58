package live

import (
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
