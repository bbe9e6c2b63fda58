package devdb

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const readyFile = "4711\n/var/lib/x/data\n1732390000\n5432\n/var/lib/x/run\n\n 12345678     65536\nready   \n"

func TestParsePostmaster(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want postmaster
		bad  bool
	}{
		"ready":                   {text: readyFile, want: postmaster{pid: 4711, ready: true}},
		"starting":                {text: "4711\n/d\n1\n5432\n/run\n\n1 2\nstarting\n", want: postmaster{pid: 4711}},
		"not all lines yet":       {text: "4711\n/d\n1\n5432\n", want: postmaster{pid: 4711}},
		"empty":                   {text: "", bad: true},
		"a standalone backend":    {text: "-4711\n", bad: true},
		"something else entirely": {text: "ready\n", bad: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsePostmaster(tt.text)
			if (err != nil) != tt.bad {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(postmaster{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParsePostmaster(f *testing.F) {
	f.Add(readyFile)
	f.Add("4711")
	f.Add("-1\n")
	f.Fuzz(func(t *testing.T, text string) {
		pm, err := parsePostmaster(text)
		if err != nil {
			if pm != (postmaster{}) {
				t.Errorf("an error and %+v", pm)
			}
			return
		}
		if pm.pid <= 0 {
			t.Errorf("process id %d: a signal to it would reach a whole group", pm.pid)
		}
		again, err := parsePostmaster(strconv.Itoa(pm.pid))
		if err != nil || again.ready {
			t.Errorf("the id alone gives %+v, %v", again, err)
		}
	})
}
