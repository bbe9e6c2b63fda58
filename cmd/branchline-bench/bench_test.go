//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

func TestSpreadOf(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	tests := map[string]struct {
		times []time.Duration
		want  spread
	}{
		"one time is all of them":                           {[]time.Duration{time.Second}, spread{1000, 1000, 1000}},
		"of a hundred, in any order, 99 are within the p99": {hundred, spread{50, 99, 100}},
		"of three, the p99 is the longest":                  {[]time.Duration{3e6, 1e6, 2e6}, spread{2, 3, 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spreadOf(tt.times); got != tt.want {
				t.Errorf("spreadOf = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMiddle_takesTheMedianOfEachFigure(t *testing.T) {
	t.Parallel()
	got := middle([]spread{{1, 20, 30}, {2, 10, 50}, {3, 30, 40}})
	if want := (spread{2, 20, 40}); got != want {
		t.Errorf("middle = %v, want %v", got, want)
	}
}

func TestParseStat_namesMayHoldSpacesAndParentheses(t *testing.T) {
	t.Parallel()
	got, err := parseStat("4711 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 8 0 100 0 0\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := 1750 * time.Millisecond; got != want {
		t.Errorf("parseStat = %v, want %v", got, want)
	}
	if _, err := parseStat("4711 (a) S 1"); err == nil {
		t.Error("parseStat of half a line: no error")
	}
}

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	got, err := parseMetrics(strings.NewReader("# HELP x y\n# TYPE x gauge\ngo_goroutines 12\nbranchline_closes_total{code=\"4401\"} 1e+04\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metrics{"go_goroutines": 12, `branchline_closes_total{code="4401"}`: 10_000}, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if _, err := parseMetrics(strings.NewReader("go_goroutines many\n")); err == nil {
		t.Error("a metric without a number: no error")
	}
}

func TestParseBenchmarks(t *testing.T) {
	t.Parallel()
	got := parseBenchmarks("goos: linux\nBenchmarkHerd/one_instant-2   \t  10\t  59147 ns/op\t  59.15 ms/herd\nBenchmarkCheck \t 7\t 21.5 ns/op\nPASS\n")
	want := map[string]float64{"Herd/one_instant ns/op": 59147, "Herd/one_instant ms/herd": 59.15, "Check ns/op": 21.5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
}

func TestReport_showsRatioAndVerdict(t *testing.T) {
	t.Parallel()
	r := &report{}
	r.judge("S5", "memory", "B", 8000, 4000, "≤ 9000 B", true)
	r.judge("S9", "told", "ms", 4.25, 0, "≤ 3 ms", false)
	var out bytes.Buffer
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"S5", "memory", "8000 B", "4000 B", "2.00", "≤ 9000 B", "ok"}, {"S9", "told", "4.25 ms", "–", "–", "≤ 3 ms", "OVER"}} {
		found := false
		for line := range strings.Lines(out.String()) {
			at := 0
			for _, cell := range want {
				i := strings.Index(line[at:], cell)
				if i < 0 {
					at = -1
					break
				}
				at += i + len(cell)
			}
			if found = at >= 0; found {
				break
			}
		}
		if !found {
			t.Errorf("no line with %q in\n%s", want, out.String())
		}
	}
}

// children runs a floor and a crowd in this process, over pipes, as their own
// processes would run over theirs.
func children(t *testing.T) (floor, crowd func(order) reply) {
	t.Helper()
	start := func(run func(io.Reader, io.Writer) error) func(order) reply {
		orders, give := io.Pipe()
		replies, answer := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			ended <- run(orders, answer)
			answer.Close()
		}()
		t.Cleanup(func() {
			give.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		to, from := json.NewEncoder(give), json.NewDecoder(replies)
		return func(o order) reply {
			t.Helper()
			if err := to.Encode(o); err != nil {
				t.Fatal(err)
			}
			var r reply
			if err := from.Decode(&r); err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	return start(runFloor), start(runCrowd)
}

func TestFloorAndCrowd(t *testing.T) {
	t.Parallel()
	floor, crowd := children(t)
	text := func(body string) frame { return frame{websocket.TextMessage, []byte(body)} }
	play := script{
		Ack: text(`{"type":"connection_ack"}`), State: text(`{"type":"next","state":1}`), Event: text(`{"type":"next","event":1}`),
		End: text(`{"type":"next","end":1}`), Complete: text(`{"type":"complete"}`),
		Close: frame{websocket.CloseMessage, websocket.FormatCloseMessage(4401, "Sign in.")},
	}
	must := func(r reply) reply {
		t.Helper()
		if r.Error != "" {
			t.Fatal(r.Error)
		}
		return r
	}

	address := must(floor(order{Do: "script", Script: &play})).Address
	must(crowd(order{Do: "connect", Address: address, Source: "127.0.0.1", Tokens: make([]string, 20), AtOnce: 4}))
	told := must(floor(order{Do: "event"}))
	heard := must(crowd(order{Do: "await", Count: 20, Events: 1, Patience: time.Minute}))
	for i, at := range heard.At {
		if at < told.Moment {
			t.Errorf("socket %d was told before the floor began to", i)
		}
	}
	must(floor(order{Do: "end"}))
	closed := must(crowd(order{Do: "await", Count: 20, Events: 2, Closed: true, Patience: time.Minute}))
	for i, code := range closed.Codes {
		if code != 4401 {
			t.Errorf("socket %d was closed with %d, want 4401", i, code)
		}
	}

	// Ensure the first client heard what was written, byte by byte.
	if diff := cmp.Diff(play.all(), closed.Heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	if r := crowd(order{Do: "await", Count: 20, Events: 3}); r.Error == "" {
		t.Error("an event that never came was awaited without an error")
	}
	if r := crowd(order{Do: "sing"}); r.Error == "" {
		t.Error("a crowd obeyed an order that does not exist")
	}
}
