package event

import (
	"maps"
	"testing"
)

// FuzzHints reads any payload, and reads back what was written.
func FuzzHints(f *testing.F) {
	for _, payload := range []string{"", " \n", "login_sessions acct_01\n", "login_sessions acct_01\nx \n", "{}", "a b c\n\n"} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		set := map[Hint]struct{}{}
		for _, h := range ParseHints(payload) {
			set[h] = struct{}{}
		}
		o := NewOutbox()
		for h := range set {
			o.Put(h, h)
		}
		text := FormatHints(o.Take())
		if len(text) > LongestPayload {
			t.Fatalf("a payload of %d bytes", len(text))
		}
		again := map[Hint]struct{}{}
		for _, h := range ParseHints(text) {
			again[h] = struct{}{}
		}
		if _, all := again[Hint{}]; !all && !maps.Equal(set, again) {
			t.Errorf("%q became %q", payload, text)
		}
	})
}

func TestOutbox_HoldsEachHintOnce(t *testing.T) {
	t.Parallel()
	o := NewOutbox()
	a, b := Hint{"acct_1", Trees}, Hint{"acct_2", Trees}
	o.Put(a, b, a)
	o.Put(b)
	<-o.Wake()
	if got := o.Take(); len(got) != 2 {
		t.Errorf("%v wait, want each hint once", got)
	}
	select {
	case <-o.Wake():
		t.Error("it wakes for nothing")
	default:
	}
	if got := o.Take(); len(got) != 0 {
		t.Errorf("%v wait after they were taken", got)
	}
}
