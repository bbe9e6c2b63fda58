//go:build unix && !linux

package devdb

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// launch starts a server that gets death when this process ends, however it
// ends. ended is closed when the server has ended.
func launch(cmd *exec.Cmd, death syscall.Signal, ended chan<- struct{}) error {
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for this process, which still needs its database while it drains
	if err := cmd.Start(); err != nil {
		return err
	}
	release, err := watch(cmd.Process.Pid, death)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	go func() {
		_ = cmd.Wait() // the log says why it ended
		release()
		close(ended)
	}()
	return nil
}

// commandLine returns the arguments of a process, separated by spaces.
func commandLine(pid int) (string, error) {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return string(out), err
}

// children returns the ids of the direct children of a process.
func children(pid int) []int {
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output() // none: an error
	var pids []int
	for field := range strings.FieldsSeq(string(out)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
