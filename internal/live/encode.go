package live

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/branchline/branchline/internal/fault"
)

// appendResponse writes a response by hand: to marshal the data again, as
// encoding/json does with a json.RawMessage, costs three times what encoding it
// did. Request errors have no data member (GraphQL over HTTP, 6.4.1).
func appendResponse(b []byte, resp *graphql.Response) []byte {
	b = append(b, '{')
	if len(resp.Errors) > 0 {
		b = append(b, `"errors":`...)
		b = appendErrors(b, resp.Errors)
	}
	if resp.Data != nil {
		if len(resp.Errors) > 0 {
			b = append(b, ',')
		}
		b = append(b, `"data":`...)
		b = append(b, resp.Data...)
	}
	if len(resp.Extensions) > 0 {
		if extensions, err := json.Marshal(resp.Extensions); err == nil {
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = append(b, `"extensions":`...)
			b = append(b, extensions...)
		}
	}
	return append(b, '}')
}

// appendErrors writes a list of errors.
func appendErrors(b []byte, errs gqlerror.List) []byte {
	list, err := json.Marshal(errs)
	if err != nil { // an extension that cannot be JSON
		return append(b, `[{"message":"Internal error.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]`...)
	}
	return append(b, list...)
}

// appendString writes a JSON string. Ids are nearly always plain ASCII.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // strings always can be
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// codeOf returns the code of the first error, or "".
func codeOf(errs gqlerror.List) string {
	if len(errs) == 0 {
		return ""
	}
	switch code := errs[0].Extensions["code"].(type) {
	case string:
		return code
	case fault.Code:
		return string(code)
	}
	return string(fault.Internal)
}

// reasonOf returns the reason of the first error, or "".
func reasonOf(errs gqlerror.List) string {
	if len(errs) == 0 {
		return ""
	}
	switch reason := errs[0].Extensions["reason"].(type) {
	case string:
		return reason
	case fault.Reason:
		return string(reason)
	}
	return ""
}
