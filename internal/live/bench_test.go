package live_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/branchline/branchline/internal/live"
	"github.com/branchline/branchline/internal/live/internal/testschema"
)

// crowdURL makes the test binary a crowd of clients, so that their memory is
// not counted as the server's.
const crowdURL = "LIVE_TEST_CROWD_URL"

// serveAsChild plays the crowd where it is asked to. Each line of its input is
// answered when every client has received one more message; the first one lets
// them subscribe.
func serveAsChild() bool {
	url := os.Getenv(crowdURL)
	if url == "" {
		return false
	}
	var n int
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	if _, err := fmt.Sscan(in.Text(), &n); err != nil {
		panic(err)
	}
	dialer := websocket.Dialer{
		Subprotocols: []string{"graphql-transport-ws"}, ReadBufferSize: 512, WriteBufferSize: 512,
	}
	crowd := make([]*websocket.Conn, n)
	receive := func(ws *websocket.Conn) {
		if _, _, err := ws.ReadMessage(); err != nil {
			panic(err)
		}
	}
	for i := range crowd {
		ws, _, err := dialer.Dial(url, nil)
		if err != nil {
			panic(err)
		}
		for _, m := range []string{
			fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer user%d"}}`, i),
			`{"type":"subscribe","id":"6c0e9a8e-3a8c-4c59-9d0c-0d3b5a3e5a11","payload":{"query":"subscription Live($name: String!) { counter(name: $name) { name value viewer } }","variables":{"name":"a"}}}`,
		} {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
				panic(err)
			}
			receive(ws)
		}
		crowd[i] = ws
	}
	io.WriteString(os.Stdout, "ready\n")
	for in.Scan() {
		for _, ws := range crowd {
			receive(ws)
		}
		io.WriteString(os.Stdout, "received\n")
	}
	return true
}

// trusted is somebody who is never signed out.
type trusted struct{}

// Check implements live.Actor.
func (trusted) Check(context.Context) error { return nil }

// Watch implements live.Actor.
func (trusted) Watch(live.Connection) (cancel func()) { return func() {} }

// checked is somebody who may act as long as the function says so.
type checked func(context.Context) error

// Check implements live.Actor.
func (c checked) Check(ctx context.Context) error { return c(ctx) }

// Watch implements live.Actor.
func (checked) Watch(live.Connection) (cancel func()) { return func() {} }

// BenchmarkSubscribers reports what an authenticated subscriber costs the
// server, idle and after five events, and what a delivery costs. LIVE_TEST_CROWD
// sets their number.
//
//	go test -run '^$' -bench Subscribers -benchtime 1x ./internal/live/
func BenchmarkSubscribers(b *testing.B) {
	n := 2000
	if text := os.Getenv("LIVE_TEST_CROWD"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	in := &testschema.Resolver{}
	s := live.New(newExecutor(in), live.Options{
		Authenticate: func(_ context.Context, token string) (live.Principal, error) {
			name := strings.Clone(token)
			return live.Principal{
				Key: name, Audience: "engineer",
				Context: func(ctx context.Context) context.Context { return testschema.WithViewer(ctx, name) },
				Actor:   trusted{},
			}, nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
	s.Start(b.Context())
	web := httptest.NewServer(http.Handler(s))
	defer web.Close()
	defer s.Stop()

	crowd := exec.Command(os.Args[0])
	crowd.Env = append(os.Environ(), crowdURL+"=ws"+strings.TrimPrefix(web.URL, "http"))
	crowd.Stderr = os.Stderr
	stdin, err := crowd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := crowd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	tell := func(line string) {
		if _, err := io.WriteString(stdin, line+"\n"); err != nil {
			b.Fatal(err)
		}
	}
	hear := func() {
		if _, err := lines.ReadString('\n'); err != nil {
			b.Fatalf("the crowd has gone: %v", err)
		}
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	if err := crowd.Start(); err != nil {
		b.Fatal(err)
	}
	began := cpuTime()
	tell(fmt.Sprint(n))
	hear()
	connecting := cpuTime() - began
	each := func(now uint64) float64 { return (float64(now) - float64(before)) / float64(n) }
	idle := each(memory())
	goroutinesEach := float64(runtime.NumGoroutine()-goroutines) / float64(n)
	event := func() {
		tell("")
		in.Hub.Publish("a", &testschema.Count{Name: "a", Value: 1})
		hear()
	}
	for range 5 {
		event()
	}
	used := each(memory())
	executions := s.Stats().Executions
	began = cpuTime()
	b.ResetTimer()
	for range b.N {
		event()
	}
	b.StopTimer()
	b.ReportMetric(idle, "B/idle")
	b.ReportMetric(used, "B/after-5")
	b.ReportMetric(goroutinesEach, "goroutines/socket")
	b.ReportMetric(float64(connecting.Microseconds())/float64(n), "µs-CPU/connect")
	b.ReportMetric(float64((cpuTime()-began).Nanoseconds())/1000/float64(b.N*n), "µs-CPU/delivery")
	b.ReportMetric(float64(s.Stats().Executions-executions)/float64(b.N), "executions/event")
	stdin.Close()
	if err := crowd.Wait(); err != nil {
		b.Fatal(err)
	}
	for s.Stats().Sockets > 0 {
		runtime.Gosched()
	}
	b.ReportMetric(each(memory()), "B/left")
}

// memory returns what the heap and the stacks hold after collection. Stacks
// shrink by half at each collection.
func memory() uint64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
