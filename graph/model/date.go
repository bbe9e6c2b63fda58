package model

import (
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/internal/fault"
)

// MarshalDate writes the day of a time.
func MarshalDate(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(AppendDate(make([]byte, 0, len(`"2006-01-02"`)), t))
	})
}

// AppendDate appends what MarshalDate writes.
func AppendDate(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.DateOnly), '"')
}

// UnmarshalDate reads a day as RFC 3339 writes it, at 00:00 UTC.
func UnmarshalDate(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, fault.New(fault.BadUserInput, "A Date is text like 2027-03-01.")
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1 {
		return time.Time{}, fault.New(fault.BadUserInput, "%q is not a Date: write it like 2027-03-01.", text)
	}
	return day, nil
}
