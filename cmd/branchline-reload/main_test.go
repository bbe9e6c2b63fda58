package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const patience = 2 * time.Minute // for a build on a busy machine

// program is one that says a word to who listens, and stays until it is asked to stop.
const program = `package main

import (
	"net"
	"os"
	"os/signal"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	conn, err := net.Dial("tcp", os.Getenv("LISTENER"))
	if err != nil {
		panic(err)
	}
	conn.Write([]byte("WORD " + os.Args[1] + "\n"))
	<-stop
	conn.Write([]byte("asked to stop\n"))
}
`

func TestRun_ReloadsTheGoSideOnAChange(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("LISTENER", listener.Addr().String())
	t.Chdir(t.TempDir())
	for _, dir := range []string{"cmd/branchline", "web/node_modules"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	saved := time.Now().Add(-time.Hour)
	save := func(path, text string) {
		t.Helper()
		saved = saved.Add(time.Second)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, saved, saved); err != nil {
			t.Fatal(err)
		}
	}
	write := func(word string) { save("cmd/branchline/main.go", strings.ReplaceAll(program, "WORD", word)) }
	save("go.mod", "module example.com/branchline\n\ngo 1.24\n")
	write("one")

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	// next returns a process that began, by what it says.
	next := func() func() string {
		t.Helper()
		if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		lines := bufio.NewScanner(conn)
		return func() string {
			t.Helper()
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			lines.Scan()
			return lines.Text()
		}
	}
	expect := func(says func() string, want string) {
		t.Helper()
		if got := says(); got != want {
			t.Fatalf("it says %q, want %q", got, want)
		}
	}

	one := next()
	expect(one, "one dev")
	before, err := newest(".")
	if err != nil {
		t.Fatal(err)
	}
	save("web/node_modules/not-ours.go", "package broken(")
	save("notes.txt", "no part of the program")
	if after, err := newest("."); err != nil || !after.Equal(before) {
		t.Errorf("newest: %v, %v; want %v, of what is no part of the program nothing", after, err, before)
	}
	write("two")
	expect(one, "asked to stop")
	two := next()
	expect(two, "two dev")
	write("three\n") // does not compile: a string goes over two lines
	expect(two, "asked to stop")
	write("four")
	four := next()
	expect(four, "four dev")
	cancel()
	expect(four, "asked to stop")
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	ended <- nil // for the deferred wait
}
