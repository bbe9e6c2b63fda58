//go:build linux

// Command branchline-bench is `make bench`: it measures the program beside bare
// floors, in the same run and on the same machine.
//
// Everything that is measured is a process of its own: the product is the real
// `branchline serve`, built for the run; the floor is a bare gorilla/websocket
// server that writes the very same bytes; for queries it is net/http and pgx with
// statements written by hand; the crowd holds the client sockets; PostgreSQL is
// private and durable. This process only directs, asks and counts. It asks the
// kernel for processor time and resident memory, so it runs on Linux only.
//
// A goal that is missed is a result: the exit code is 0. It is 1 when something
// could not be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/branchline/branchline/internal/heap"
)

// role makes this program one of its children.
const role = "BRANCHLINE_BENCH_ROLE"

// longest is how long a run may take.
const longest = 12 * time.Minute

// The kernel ends a child when the thread that started it ends, so all are
// started from the main thread, which never does.
func init() { runtime.LockOSThread() }

func main() {
	var err error
	heap.Calm(context.Background()) // as the product does
	switch os.Getenv(role) {
	case "crowd":
		err = runCrowd(os.Stdin, os.Stdout)
	case "floor":
		err = runFloor(os.Stdin, os.Stdout)
	case "herald":
		err = runHerald(os.Stdin, os.Stdout)
	case "plain server":
		err = runPlain(os.Stdin, os.Stdout)
	case "cheap server":
		err = runCheap(os.Stdin, os.Stdout)
	default:
		err = direct()
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "branchline-bench:", err)
		os.Exit(1)
	}
}

func direct() error {
	o := options{settings: settings{}, trees: sizes{1000, 100_000, 1_000_000}}
	flags := flag.NewFlagSet("branchline-bench", flag.ContinueOnError)
	flags.IntVar(&o.sockets, "n", 10_000, "sockets; each process may hold 20,000 files, so 19,500 is the most; below 2,000 the memory figures are noise")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of revoking everybody, product and floor in turns")
	flags.IntVar(&o.repeats, "repeats", 100, "single revocations of each kind between two processes")
	flags.DurationVar(&o.rest, "rest", 60*time.Second, "time between the disconnect and the look at what memory is left; 60s is what the goal speaks of")
	flags.Var(&o.trees, "trees", "the numbers of trees among which lists, searches and single reads are measured; an empty text leaves that out, and the figures of walks")
	flags.BoolVar(&o.growthOnly, "growth", false, "measure how costs grow with what is kept, and nothing else")
	flags.Func("only", "measure one part of the service and nothing else: "+strings.Join(parts, ", "), func(name string) error {
		if o.only = name; !slices.Contains(parts, name) {
			return errors.New("there is no such part")
		}
		return nil
	})
	flags.Var(o.settings, "pg", "a setting of PostgreSQL that is not its default, like jit=off; may be repeated, and is shown in the report")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return flag.ErrHelp
	}
	if o.sockets < 10 || o.sockets > 19_500 || o.rounds < 1 || o.repeats < 10 || o.repeats > 1000 {
		return errors.New("-n has to be from 10 to 19500, -rounds at least 1, -repeats from 10 to 1000")
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("the run took longer than %v: the machine is too busy to measure on", longest))
	defer cancel()
	report, err := run(ctx, o)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("%w (%v)", cause, err)
		}
		return err
	}
	if o.json {
		return report.writeJSON(os.Stdout)
	}
	return report.write(os.Stdout)
}
