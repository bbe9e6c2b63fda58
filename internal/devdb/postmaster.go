package devdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what a server says about itself in postmaster.pid.
type postmaster struct {
	pid   int
	ready bool // it accepts connections
}

// parsePostmaster reads postmaster.pid. Its lines are the process id, the data
// directory, the start time, the port, the socket folder, the address, the
// shared memory key and the state (PostgreSQL's pidfile.h). A server that is
// starting has not written all of them yet.
func parsePostmaster(text string) (postmaster, error) {
	lines := strings.Split(text, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 { // a standalone backend writes its id negative
		return postmaster{}, fmt.Errorf("read postmaster.pid: no process id in %q", lines[0])
	}
	return postmaster{pid: pid, ready: len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready"}, nil
}

func (p place) postmaster() (postmaster, error) {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return postmaster{}, err
	}
	return parsePostmaster(string(text))
}

func (p place) pidFile() string { return filepath.Join(p.data(), "postmaster.pid") }

// serves reports whether a process is a server of this cluster. After a crash
// the id in postmaster.pid may belong to any other process by now.
func (p place) serves(pid int) bool {
	if !alive(pid) {
		return false
	}
	args, err := commandLine(pid)
	return err == nil && strings.Contains(args, "-D "+p.data()+" ")
}

// adopt waits until the server of another process is ready and returns it, or
// the lock when that process has given it up meanwhile.
func (p place) adopt(ctx context.Context) (*Cluster, *os.File, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if pm, err := p.postmaster(); err == nil && pm.ready && p.serves(pm.pid) {
			return &Cluster{place: p, pid: pm.pid}, nil, nil
		}
		if lock, err := p.tryLock(); !errors.Is(err, ErrInUse) {
			return nil, lock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for the PostgreSQL of another process in %s: %w", p.dir, ctx.Err())
		}
	}
}

// endOrphan ends a server whose owner died. The caller holds the lock, so no
// living process owns it. A postmaster.pid that a killed server left behind is
// PostgreSQL's own to judge, except when its id belongs to another program by
// now: PostgreSQL would take that for a server.
func (p place) endOrphan(ctx context.Context, say func(string, ...any)) error {
	pm, err := p.postmaster()
	if err != nil {
		return nil // no file: nothing runs; an unreadable one: PostgreSQL judges it
	}
	if p.serves(pm.pid) {
		say("A PostgreSQL (process %d) is left over in %s. It is ended first.", pm.pid, p.dir)
		return p.awaitEnd(ctx, pm.pid)
	}
	if !alive(pm.pid) {
		return nil
	}
	if err := os.Remove(p.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear the id of a PostgreSQL that ended: %w", err)
	}
	return nil
}

func (p place) awaitEnd(ctx context.Context, pid int) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	urgent := time.NewTimer(fastStop)
	defer urgent.Stop()
	signal := syscall.SIGINT
	for {
		if !p.serves(pid) {
			return nil
		}
		if signal != 0 {
			if err := send(pid, signal); err != nil {
				return fmt.Errorf("end PostgreSQL process %d in %s: %w", pid, p.dir, err)
			}
			_ = send(pid, wake) // it may be paused
			signal = 0
		}
		select {
		case <-tick.C:
		case <-urgent.C:
			signal = syscall.SIGQUIT
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL process %d in %s to end: %w", pid, p.dir, ctx.Err())
		}
	}
}
