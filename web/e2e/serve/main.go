// Command serve serves the web app alone, for the browser tests: they answer the
// API themselves. It prints its address and ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/branchline/branchline/web"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := &http.Server{Handler: web.Handler(web.Options{Explorer: len(os.Args) < 2}), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with the program
	fmt.Fprintf(os.Stdout, "http://%s\n", listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}
