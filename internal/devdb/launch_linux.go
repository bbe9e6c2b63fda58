package devdb

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// launch starts a server that gets death when this process ends, however it
// ends. ended is closed when the server has ended.
func launch(cmd *exec.Cmd, death syscall.Signal, ended chan<- struct{}) error {
	cmd.SysProcAttr.Pdeathsig = death
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for this process, which still needs its database while it drains
	started := make(chan error)
	go func() {
		// Linux sends the signal when the thread that started the child ends, so
		// that thread waits here for as long as the child lives.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says why it ended
			close(ended)
		}
	}()
	return <-started
}

// commandLine returns the arguments of a process, separated by spaces.
func commandLine(pid int) (string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(string(text), "\x00", " "), err
}

// children returns the ids of the direct children of a process.
func children(pid int) []int {
	id := strconv.Itoa(pid)
	text, _ := os.ReadFile("/proc/" + id + "/task/" + id + "/children") // gone: no children
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
