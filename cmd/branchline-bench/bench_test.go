//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
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

func TestCPUOf_countsWhatThisProcessWorks(t *testing.T) {
	t.Parallel()
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	for range 1000 {
		sum = sha256.Sum256(sum[:])
	}
	now, err := cpuOf(os.Getpid())
	if err != nil || now <= before {
		t.Errorf("%v of processor time, then %v (%v)", before, now, err)
	}
	if _, err := cpuOf(1 << 28); err == nil { // above the kernel's highest number
		t.Error("the processor time of a process that does not exist: no error")
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

// obeying runs one of this program's children in this process, over pipes, as its own
// process would run over its own.
func obeying(t *testing.T, run func(io.Reader, io.Writer) error) func(order) reply {
	t.Helper()
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

func TestFloorAndCrowd(t *testing.T) {
	t.Parallel()
	floor, crowd := obeying(t, runFloor), obeying(t, runCrowd)
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

func TestHerald_executesAnEventOnceForAll(t *testing.T) {
	t.Parallel()
	crowd, herald := obeying(t, runCrowd), obeying(t, runHerald) // which waits for its sockets at its end
	const sockets = 20
	connect := order{Do: "connect", Address: herald(order{Do: "address"}).Address, Source: "127.0.0.1", Tokens: make([]string, sockets), AtOnce: 4}
	if r := crowd(connect); r.Error != "" {
		t.Fatal(r.Error)
	}
	before := herald(order{Do: "executions"}).Executions
	for n := range 2 {
		if r := herald(order{Do: "event"}); r.Error != "" {
			t.Fatal(r.Error)
		}
		heard := crowd(order{Do: "await", Count: sockets, Events: n + 1, Frames: true, Patience: time.Minute})
		if heard.Error != "" {
			t.Fatal(heard.Error)
		}
		// Ensure the events are the ones that the floor repeats.
		if last := heard.Heard[len(heard.Heard)-1]; len(heard.Heard) != n+3 || last.String() != heard.Heard[2].String() || !strings.Contains(last.String(), "SessionExtended") {
			t.Errorf("after event %d the first socket has heard %v", n+1, heard.Heard)
		}
	}
	if now := herald(order{Do: "executions"}).Executions; now-before != 2 {
		t.Errorf("2 events for %d sockets were executed %d times", sockets, now-before)
	}
}

func TestDrive_asksEachJobInOrderOnOneConnection(t *testing.T) {
	t.Parallel()
	const jobs, each = 10, 5
	var mu sync.Mutex // guards asked
	asked := map[string][]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Accept-Encoding") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		name, step, _ := strings.Cut(string(body), " ")
		asked[name] = append(asked[name], step+" "+r.RemoteAddr)
		io.WriteString(w, `{"data":{}}`)
	}))
	defer server.Close()
	var work []job
	for i := range jobs {
		var j job
		for step := range each {
			j = append(j, newRequest("secret", fmt.Appendf(nil, "job%d %d", i, step)))
		}
		work = append(work, j)
	}
	done, err := drive(t.Context(), server.Listener.Addr().String(), 3, work)
	if err != nil || len(done.times) != jobs*each {
		t.Fatalf("%d answers, error %v", len(done.times), err)
	}
	for name, steps := range asked {
		_, connection, _ := strings.Cut(steps[0], " ")
		for i, step := range steps {
			if step != fmt.Sprint(i, " ", connection) {
				t.Errorf("%s was asked as %q", name, steps)
				break
			}
		}
	}
	if len(asked) != jobs {
		t.Errorf("%d jobs were done, want %d", len(asked), jobs)
	}
}

func TestCaller_takesAnErrorForNoAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"an error of GraphQL": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errors":[],"data":null}`) },
		"a status":            func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) },
	} {
		server := httptest.NewServer(answer)
		defer server.Close()
		if body, err := askOnce(t.Context(), server.Listener.Addr().String(), newRequest("", nil)); err == nil {
			t.Errorf("%s is taken for an answer: %q", name, body)
		}
	}
}

func TestPlain_writesJSON(t *testing.T) {
	t.Parallel()
	row := treeRow{id: [16]byte{15: 1}, title: "A", category: "C", author: "P", nodes: 13}
	want := `{"id":"tree_00000000000000000000000001","title":"A","category":{"name":"C"},"author":{"name":"P"},"nodeCount":13}`
	if diff := cmp.Diff(want, string(row.append(nil))); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	at := time.Date(2026, 11, 23, 14, 43, 0, 120_000_999, time.FixedZone("", 3600))
	if diff := cmp.Diff(`"2026-11-23T13:43:00.12Z"`, string(appendTime(nil, at))); diff != "" {
		t.Errorf("time (-want +got):\n%s", diff)
	}
}

func TestSizes_TakesRisingNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1000": "1000", "1000,100000": "1000,100000", "": "", "1000,1000": "refused", "10": "refused", "many": "refused"} {
		s := sizes{1000, 2000}
		got := "refused"
		if err := s.Set(text); err == nil {
			got = s.String()
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}
