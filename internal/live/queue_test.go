package live

import "testing"

func TestQueue_SignsOvertakeAndTheRestKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var q queue
	for _, f := range []frame{{id: "a", kind: next}, {id: "b", kind: complete}, {kind: pong}, {id: "c", kind: next}, {kind: beat}} {
		q.push(f)
	}
	for _, want := range []kind{pong, beat} {
		if f, ok := q.popSign(); !ok || f.kind != want {
			t.Errorf("popSign returned %v, %v; want the kind %v", f, ok, want)
		}
	}
	if f, ok := q.popSign(); ok {
		t.Errorf("popSign let %v go", f)
	}
	for _, want := range []string{"a", "b", "c"} {
		if f, _ := q.pop(); f.id != want {
			t.Errorf("then came %q, want %q", f.id, want)
		}
	}
}

func TestHasIdentity(t *testing.T) {
	t.Parallel()
	type wrapped struct{ e *int }
	type loose struct{ list []int }
	n := 1
	for name, tt := range map[string]struct {
		event any
		want  bool
	}{
		"a pointer":            {&n, true},
		"a struct around one":  {wrapped{&n}, true},
		"a struct around nil":  {wrapped{}, false},
		"a value":              {n, false},
		"an empty struct":      {struct{}{}, false},
		"what cannot be equal": {loose{[]int{1}}, false},
		"nothing":              {nil, false},
		"a pointer and a number": {struct {
			e *int
			n int
		}{&n, 1}, false},
	} {
		if got := hasIdentity(tt.event); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
