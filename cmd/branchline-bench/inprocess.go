//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// inProcess measures what needs no server: the check of an access token, and the
// deadlines, by the login package's own benchmarks.
func (b *bench) inProcess(ctx context.Context) error {
	b.say("running the login package's benchmarks")
	user := account.User{AccountID: b.owner.AccountID, ID: b.owner.UserID, Role: account.Engineer, TokenVersion: 1}
	token, _, err := b.tokens.Issue(user, newSession(user, time.Now()), time.Now())
	if err != nil {
		return err
	}
	const times = 50_000
	best := time.Hour
	for range 3 {
		began := time.Now()
		for range times {
			if _, err := b.tokens.Verify(string(token)); err != nil {
				return err
			}
		}
		best = min(best, time.Since(began)/times)
	}
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(DeadlineHeap_BytesEach|Herd)$", "-benchtime", "10x", "./internal/login")
	out, err := test.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run the login package's benchmarks: %w\n%s", err, out)
	}
	found := parseBenchmarks(string(out))
	verify := microseconds(best)
	b.report.judge("S13", "access token: signature and claims", "µs", verify, 0, "≤ 5 µs", verify <= 5)
	for _, figure := range []struct {
		name, what, unit string
		most             float64
	}{
		{"DeadlineHeap_BytesEach B/deadline", "100,000 deadlines: memory each", "B", 32},
		{"Herd/one_instant cpu-ms/herd", "100,000 due within one instant: CPU", "ms", 100},
		{"Herd/one_second cpu-ms/herd", "100,000 due within one second: CPU", "ms", 100},
	} {
		value, ok := found[figure.name]
		if !ok {
			return fmt.Errorf("the login package's benchmarks do not report %q:\n%s", figure.name, out)
		}
		b.report.judge("S14", figure.what, figure.unit, value, 0, fmt.Sprintf("≤ %.0f %s", figure.most, figure.unit), value <= figure.most)
	}
	return nil
}

var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// parseBenchmarks reads the output of go test -bench: "name unit" → value.
func parseBenchmarks(text string) map[string]float64 {
	found := map[string]float64{}
	for _, line := range benchmarkLine.FindAllStringSubmatch(text, -1) {
		fields := strings.Fields(line[2])
		for i := 0; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				found[line[1]+" "+fields[i+1]] = value
			}
		}
	}
	return found
}
