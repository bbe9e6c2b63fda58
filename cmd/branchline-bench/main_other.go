//go:build !linux

// Command branchline-bench is `make bench`. It reads processor time and memory
// from /proc, so it runs on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "branchline-bench: it reads processor time and memory from /proc. Run it on Linux.")
	os.Exit(1)
}
