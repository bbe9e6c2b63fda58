//go:build unix

package devdb

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// watch sends a signal to a process when this one ends, on systems whose
// kernel does not. A shell waits for the end of its input, which comes when
// the last process that could write to it is gone. release lets go without a
// signal.
func watch(pid int, death syscall.Signal) (release func(), err error) {
	const script = `read -r word; [ "$word" = release ] || kill -"$1" "$2"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", strconv.Itoa(int(death)), strconv.Itoa(pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("watch over PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watch over PostgreSQL: %w", err)
	}
	return func() {
		_, _ = in.Write([]byte("release\n"))
		_ = in.Close()
		_ = cmd.Wait()
	}, nil
}
