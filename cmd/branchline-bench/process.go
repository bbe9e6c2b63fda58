//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// process is a child whose cost is looked at.
type process struct {
	cmd  *exec.Cmd
	name string
}

// start starts a child that ends with ctx or with this process. It runs in a
// process group of its own: Ctrl-C is for this process, which ends the children.
func start(cmd *exec.Cmd, name string) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	return &process{cmd, name}, nil
}

// stop ends the child and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		_ = p.cmd.Wait() // how it ended does not matter
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-ended
	}
}

// cpu returns the processor time that the process has used.
func (p *process) cpu() (time.Duration, error) {
	used, err := cpuOf(p.cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("read the processor time of the %s: %w", p.name, err)
	}
	return used, nil
}

// cpuOf returns the processor time that a process has used, by the kernel's clock
// of that process (clock_getcpuclockid(3)), which counts nanoseconds. /proc counts
// hundredths of a second, which are too coarse for a floor.
func cpuOf(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	clock := int32(^pid<<3 | scheduler)
	var used syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&used)), 0)
	if errno != 0 {
		return 0, errno
	}
	return time.Duration(used.Nano()), nil
}

// resident returns the bytes of memory that the process holds.
func (p *process) resident() (float64, error) { return p.status("VmRSS:") }

// peak returns the most bytes of memory that the process has held since forgetPeak.
func (p *process) peak() (float64, error) { return p.status("VmHWM:") }

// forgetPeak begins the peak anew (proc(5), clear_refs).
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// status returns a number of bytes from /proc/pid/status.
func (p *process) status(name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of the %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name); found {
			kB, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kB * 1024, err
		}
	}
	return 0, fmt.Errorf("the %s has ended", p.name)
}

// child is this program in one of its other roles.
type child struct {
	*process
	in  io.WriteCloser
	to  *json.Encoder
	out *json.Decoder
}

// child starts this program in another role.
func (b *bench) child(ctx context.Context, as string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), role+"="+as)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := start(cmd, as)
	if err != nil {
		return nil, err
	}
	return &child{p, in, json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))}, nil
}

// do gives an order and returns the reply.
func (c *child) do(o order) (reply, error) {
	if err := c.to.Encode(o); err != nil {
		return reply{}, fmt.Errorf("tell the %s to %s: %w", c.name, o.Do, err)
	}
	var r reply
	if err := c.out.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("hear from the %s that was told to %s: %w", c.name, o.Do, err)
	}
	if r.Error != "" {
		return reply{}, fmt.Errorf("%s, %s: %s", c.name, o.Do, r.Error)
	}
	return r, nil
}

// metrics are the numbers of a /metrics page, by name and labels as they stand
// there.
type metrics map[string]float64

func readMetrics(ctx context.Context, client *http.Client, url string) (metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	defer response.Body.Close()
	return parseMetrics(response.Body)
}

// parseMetrics reads Prometheus' text format without timestamps.
func parseMetrics(r io.Reader) (metrics, error) {
	m := metrics{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		name, text := line, ""
		if i := strings.LastIndexByte(line, ' '); i > 0 {
			name, text = line[:i], line[i+1:]
		}
		if strings.HasPrefix(line, "#") || text == "" {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read the metric %q: %w", line, err)
		}
		m[name] = value
	}
	return m, lines.Err()
}
