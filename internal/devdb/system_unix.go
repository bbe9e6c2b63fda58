//go:build unix

package devdb

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const supported = true

// wake is the signal that resumes a paused process.
const wake = syscall.SIGCONT

// send sends a signal to a process. One that is gone is no error: whoever
// sends waits for its end anyway.
func send(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// ownerOfFile returns nil where the file system does not say.
func ownerOfFile(about fs.FileInfo) *owner {
	sys, ok := about.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return &owner{uid: sys.Uid, gid: sys.Gid}
}

// attributes are those of a process that runs as a user; nil is the caller's.
func attributes(as *owner) *syscall.SysProcAttr {
	if as == nil {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.uid, Gid: as.gid}}
}

// lockFile returns ErrInUse when another open file has the lock.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}
