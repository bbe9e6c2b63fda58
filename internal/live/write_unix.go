//go:build unix

package live

import "syscall"

// writesNow says whether writeNow works here.
const writesNow = true

// writeNow writes as much as the system takes at once: nothing is no error.
func writeNow(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
