//go:build unix

package live

import "syscall"

// canNow says whether writeNow and readNow work here.
const canNow = true

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

// readNow reads what there is. It returns zero at the end and where the connection is
// broken, and less where nothing has come yet.
func readNow(fd uintptr, b []byte) int {
	for {
		n, err := syscall.Read(int(fd), b)
		switch err {
		case nil:
			return n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return -1
		default:
			return 0
		}
	}
}
