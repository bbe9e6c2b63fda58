package model

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/branchline/branchline/internal/fault"
)

// MarshalString writes a text.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a text. A number or a truth value is none (GraphQL, 3.5.3);
// gqlgen's own would take them.
func UnmarshalString(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", fault.New(fault.BadUserInput, "A String is expected, not %v. Put it into quotes.", v)
	}
	return text, nil
}
