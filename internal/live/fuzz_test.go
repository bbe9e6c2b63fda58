package live

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzDecodeParams(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ hello }","variables":{"n":9007199254740993},"extensions":null}`, `[{"query":"{a}"}]`, `{"query":7}`, `{}`, `{"query":"a"}{`, "\xff",
		`{"query":"a","variables":{"a":{"b":"}\""},"c":[1,{}]},"operationName":"x"} `, `{"query":"a","variables":{"a":1}}}`, `{"query":"a","variables":{]}}`,
		`{"query":"a","variables":{},"variables":{"a":1}}`, `{"variables":{"a":1},"variables":null,"query":"a"}`, `{"query":"a","variables":{"a":tru}}`, `{"query":"a","query":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		params, err := decodeParams(body)
		if utf8.Valid(body) {
			want, wanted := decodeAnyParams(body)
			if !reflect.DeepEqual(params, want) || fmt.Sprint(err) != fmt.Sprint(wanted) {
				t.Errorf("%q is %+v, %v; encoding/json says %+v, %v", body, params, err, want, wanted)
			}
		}
		if err == nil && params.Query == "" && len(params.Extensions) == 0 {
			t.Error("accepted a request without a query")
		}
		if err != nil && !strings.HasSuffix(err.Error(), ".") && !strings.HasSuffix(err.Error(), ")") {
			t.Errorf("%q says nothing to a person", err)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{"authorization":"Bearer a"}`, `{"Authorization":"bearer  a "}`, `{"accessToken":null}`, `{"authorization":1}`, `[]`, `{"query":7}`, `{"variables":[]}`,
		`{"query":"subscription {\n\ta\u00e4\ud800 }" , "operationName":"a"}`, `{"query":"\"a\\b\/c\b\f\n\r\t", "operationName":"\x"}`, `{"query":"a\`, `{}`, `{"query":"a","query":"b"}`, `{"query":"a`, "{\"query\":\"\x00\"}", `{"query":"a"},"id":"1","type":"subscribe"`, `{"query":"a"}}`, "{\"query\":\"a\"\x00}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		text := append(append([]byte(`{"type":"connection_init","payload":`), payload...), '}')
		m, ok := decodeMessage(text)
		if want, wanted := decodeAnyMessage(text); utf8.Valid(text) && (ok != wanted || ok && !reflect.DeepEqual(m, want)) {
			t.Errorf("%q is %+v, %v; encoding/json says %+v, %v", text, m, ok, want, wanted)
		}
		if !ok {
			return
		}
		if _, err := m.params(); err != nil && !strings.HasSuffix(err.Error(), ".") && !strings.HasSuffix(err.Error(), ")") {
			t.Errorf("%q says nothing to a person", err)
		}
		token, ok := m.token()
		if !ok && token != "" {
			t.Errorf("refused, with the token %q", token)
		}
		if len(token) > 7 && strings.EqualFold(token[:7], "bearer ") && !strings.Contains(strings.ToLower(string(payload[:])), "bearer ") {
			t.Errorf("the scheme is out of nowhere in %q", token)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	f.Add(`plain`)
	f.Add("quote\" back\\slash \n \u2028 é \xff")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

func FuzzAccepted(f *testing.F) {
	f.Add("*/*")
	f.Add("application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0")
	f.Fuzz(func(t *testing.T, accept string) {
		media, _ := accepted([]string{accept})
		if media != "" && media != typeJSON && media != typeResponse {
			t.Errorf("answers %q with %q", accept, media)
		}
	})
}

func TestBecause_FitsIntoACloseFrame(t *testing.T) {
	t.Parallel()
	c := BadMessage.because(strings.Repeat("é", 100))
	if len(c.Reason) > 123 || !utf8.ValidString(c.Reason) || len(c.Reason) < 120 {
		t.Errorf("reason of %d bytes: %q", len(c.Reason), c.Reason)
	}
}
