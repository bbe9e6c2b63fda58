// Package model holds the Go side of the schema's types. All but a few are
// generated; graph fills them from what the domain packages return.
package model

import (
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/internal/fault"
)

// MarshalDateTime writes a time as RFC 3339 in UTC, with microseconds where it
// has some.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(AppendDateTime(make([]byte, 0, len(`"2006-01-02T15:04:05.999999Z"`)), t))
	})
}

// AppendDateTime appends what MarshalDateTime writes.
func AppendDateTime(b []byte, t time.Time) []byte {
	b = t.UTC().Truncate(time.Microsecond).AppendFormat(append(b, '"'), time.RFC3339Nano)
	return append(b, '"')
}

// UnmarshalDateTime reads RFC 3339 text.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, fault.New(fault.BadUserInput, "A DateTime is text like 2026-11-23T14:43:00Z.")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fault.New(fault.BadUserInput, "%q is not a DateTime: write it like 2026-11-23T14:43:00Z.", text)
	}
	return t.Truncate(time.Microsecond), nil
}
