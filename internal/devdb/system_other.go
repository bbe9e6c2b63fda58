//go:build !unix

package devdb

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// supported is false: settle refuses every folder, so that nothing below runs.
const supported = false

const wake = syscall.SIGINT

func send(int, syscall.Signal) error                          { return errors.ErrUnsupported }
func alive(int) bool                                          { return false }
func ownerOfFile(fs.FileInfo) *owner                          { return nil }
func attributes(*owner) *syscall.SysProcAttr                  { return nil }
func lockFile(*os.File) error                                 { return errors.ErrUnsupported }
func launch(*exec.Cmd, syscall.Signal, chan<- struct{}) error { return errors.ErrUnsupported }
func commandLine(int) (string, error)                         { return "", errors.ErrUnsupported }
func children(int) []int                                      { return nil }
