//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// product is one `branchline serve` process.
type product struct {
	*process
	address string // host:port of the API
	metrics string // URL
	client  *http.Client
}

// serve starts the product and waits until it is ready. It logs to a file, at
// its default level.
func (b *bench) serve(ctx context.Context, name string) (*product, error) {
	api, err := freeAddress()
	if err != nil {
		return nil, err
	}
	operators, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.dir, strings.ReplaceAll(name, " ", "-")+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, b.binary, "serve")
	cmd.Dir = b.dir // where there is no .env
	cmd.Stdout, cmd.Stderr = log, log
	for _, setting := range os.Environ() { // the settings of a deployment are not measured
		if !strings.HasPrefix(setting, "BRANCHLINE_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env,
		"DATABASE_URL="+b.database,
		"BRANCHLINE_ADDRESS="+api,
		"BRANCHLINE_METRICS_ADDRESS="+operators,
		"BRANCHLINE_KEYS="+string(b.keys),
		"BRANCHLINE_DRAIN=1s",
		"BRANCHLINE_SIGN_IN_LIMITS=false", // all sign-ins come from one address
	)
	p, err := start(cmd, name)
	if err != nil {
		return nil, err
	}
	s := &product{
		process: p, address: api, metrics: "http://" + operators + "/metrics",
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}},
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		response, err := s.client.Get("http://" + api + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil || time.Now().After(deadline) {
			s.stop()
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the %s does not become ready; it says:\n%s", name, said)
		}
	}
}

// errorsLogged returns the last errors and warnings in the product's logs.
func (b *bench) errorsLogged() string {
	var found []string
	logs, _ := filepath.Glob(filepath.Join(b.dir, "*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
				found = append(found, line)
			}
		}
	}
	return strings.Join(found[max(0, len(found)-5):], "")
}

// freeAddress returns an address of this machine on which nobody listens.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// post sends a request to the API and returns the whole answer.
func (p *product) post(ctx context.Context, token string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// ask runs an operation and decodes its data into out.
func (p *product) ask(ctx context.Context, token, query string, variables map[string]any, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	text, err := p.post(ctx, token, body)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("read the answer %q: %w", text, err)
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("the product refuses %q: %s", query, answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, out)
}

// memory is what a server holds.
type memory struct {
	live       float64 // bytes of heap and stacks after collections
	stacks     float64 // bytes of it that are stacks
	resident   float64 // bytes, as they were before anybody made it collect
	collected  float64 // bytes, after that
	goroutines float64 // without those of this program's own requests
}

// memory makes the product collect its garbage and reads what is left. There is
// no switch for that: requests that are refused make garbage until the collector
// has run six times, because stacks shrink by half at each collection. The least
// of what is seen counts, being the one with the least new garbage.
func (p *product) memory(ctx context.Context) (memory, error) {
	resident, err := p.resident()
	if err != nil {
		return memory{}, err
	}
	out := memory{resident: resident}
	garbage := append([]byte(`{"query":"`), bytes.Repeat([]byte("x"), 256<<10)...)
	for range 6 {
		before, err := readMetrics(ctx, p.client, p.metrics)
		if err != nil {
			return memory{}, err
		}
		for now := before; now["go_gc_duration_seconds_count"] == before["go_gc_duration_seconds_count"]; {
			if _, err := p.post(ctx, "", garbage); err != nil {
				return memory{}, err
			}
			if now, err = readMetrics(ctx, p.client, p.metrics); err != nil {
				return memory{}, err
			}
		}
		if err := sleep(ctx, 150*time.Millisecond); err != nil { // the sweep comes after the count
			return memory{}, err
		}
		m, err := readMetrics(ctx, p.client, p.metrics)
		if err != nil {
			return memory{}, err
		}
		live := m["go_memstats_heap_inuse_bytes"] + m["go_memstats_stack_inuse_bytes"]
		if out.live == 0 || live < out.live {
			out.live, out.stacks = live, m["go_memstats_stack_inuse_bytes"]
		}
	}
	if out.collected, err = p.resident(); err != nil {
		return memory{}, err
	}
	out.goroutines, err = p.goroutines(ctx)
	return out, err
}

// goroutines counts the product's goroutines. A connection that this program keeps
// for its next request has one there, so those are closed before, and the least of
// a few looks counts.
func (p *product) goroutines(ctx context.Context) (float64, error) {
	least := math.Inf(1)
	for range 8 {
		p.client.CloseIdleConnections()
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
		m, err := readMetrics(ctx, p.client, p.metrics)
		if err != nil {
			return 0, err
		}
		least = min(least, m["go_goroutines"])
	}
	return least, nil
}

func (c *child) memory() (memory, error) {
	resident, err := c.resident()
	if err != nil {
		return memory{}, err
	}
	r, err := c.do(order{Do: "memory"})
	if err != nil {
		return memory{}, err
	}
	collected, err := c.resident()
	return memory{float64(r.Heap + r.Stack), float64(r.Stack), resident, collected, float64(r.Goroutines)}, err
}

// sleep waits, unless the run is over.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
