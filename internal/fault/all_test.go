package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/fault"
)

func TestAll(t *testing.T) {
	t.Parallel()
	name := fault.Input("input.name", "A name is needed.")
	email := fault.Input("input.email", "An address is needed.")
	gone := fault.Missing("tree")
	broken := errors.New("connection lost")
	tests := map[string]struct {
		err  error
		want []string
	}{
		"no error has none":                       {nil, nil},
		"an operator's error has none":            {broken, nil},
		"a fault is its own":                      {name, []string{"input.name"}},
		"joined ones come in their order":         {errors.Join(name, nil, email), []string{"input.name", "input.email"}},
		"joins within joins too":                  {errors.Join(errors.Join(name, email), gone), []string{"input.name", "input.email", ""}},
		"wrapping hides none":                     {fmt.Errorf("register: %w", errors.Join(name, email)), []string{"input.name", "input.email"}},
		"what an operator has to see is left out": {errors.Join(broken, email), []string{"input.email"}},
		"a fault's cause is not for people":       {name.Wrap(email), []string{"input.name"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range fault.All(tt.err) {
				got = append(got, f.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the fields of the faults (-want +got):\n%s", diff)
			}
		})
	}
}
