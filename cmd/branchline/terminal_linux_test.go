package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/branchline/branchline/internal/pgtest"
)

// openTerminal returns the two ends of a terminal: the person's and the program's.
func openTerminal(t *testing.T) (person, screen *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var unlock, number int32
	var failed syscall.Errno
	if err := raw.Control(func(fd uintptr) {
		if _, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock))); failed == 0 {
			_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPTN, uintptr(unsafe.Pointer(&number)))
		}
	}); err != nil || failed != 0 {
		t.Fatalf("open a terminal: %v, %v", err, failed)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return person, screen
}

// atTerminal runs a command line at a terminal. saw is called with each piece that
// shows there.
func atTerminal(t *testing.T, ctx context.Context, typed string, saw func(string), args ...string) (code int, stdout, shown string) {
	t.Helper()
	person, screen := openTerminal(t)
	if _, err := person.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		for in := bufio.NewReader(person); ; {
			r, _, err := in.ReadRune()
			if err != nil {
				return // the program's end was closed
			}
			all.WriteRune(r)
			if saw != nil {
				saw(all.String())
			}
		}
	}()
	var out strings.Builder
	root := newRootCommand()
	root.SetIn(screen)
	code = run(ctx, root, args, &out, screen)
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	<-read
	return code, out.String(), strings.ReplaceAll(all.String(), "\r\n", "\n")
}

func TestMigrateDown_AsksAtATerminal(t *testing.T) {
	withoutSettings(t)
	t.Setenv("DATABASE_URL", pgtest.URL(t))
	for _, tt := range []struct {
		typed       string
		args        []string
		code        int
		asks, undid bool
	}{
		{"no\n", nil, exitFailure, true, false},
		{"\x04", nil, exitFailure, true, false}, // the end of what is typed
		{"yes\n", nil, exitOK, true, true},
		{"", []string{"--yes"}, exitOK, false, true},
	} {
		code, stdout, shown := atTerminal(t, t.Context(), tt.typed, nil, append([]string{"migrate", "down"}, tt.args...)...)
		if code != tt.code || strings.Contains(shown, "and what its tables hold is lost. Type yes to go on: ") != tt.asks || strings.HasPrefix(stdout, "undone ") != tt.undid {
			t.Errorf("typed %q, %v: exit %d, %q, shown %q", tt.typed, tt.args, code, stdout, shown)
		}
	}
	// The null device is nobody's terminal: a script is not asked.
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	root := newRootCommand()
	root.SetIn(null)
	var out strings.Builder
	if code := run(t.Context(), root, []string{"migrate", "down"}, &out, io.Discard); code != exitOK || !strings.HasPrefix(out.String(), "undone ") {
		t.Errorf("without a terminal: exit %d, %q", code, out.String())
	}
	// Whoever presses Ctrl-C at the question gets out.
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	code, stdout, shown := atTerminal(t, ctx, "", func(shown string) {
		if strings.HasSuffix(shown, "go on: ") {
			cancel(interrupted{os.Interrupt})
		}
	}, "migrate", "down")
	if code != exitInterrupted || stdout != "" || !strings.HasSuffix(shown, "go on: \nStopped by signal: interrupt.\n") {
		t.Errorf("Ctrl-C: exit %d, %q, shown %q", code, stdout, shown)
	}
}

// Two hundred trees go in with a line that says how far it is, and come out again.
// Ctrl-C in the middle ends between two trees, and says which are there.
func TestImport_ManyTreesAtATerminal(t *testing.T) {
	b := newBulk(t)
	const many = 200
	if err := os.Mkdir("many", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		text := strings.Replace(innerOutline, "# Inner", fmt.Sprintf("# Number %03d", i), 1)
		if err := os.WriteFile(filepath.Join("many", fmt.Sprintf("%03d.md", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	code, stdout, shown := atTerminal(t, ctx, "", func(shown string) {
		if strings.Contains(shown, fmt.Sprintf("importing 5 of %d  many/004.md", many)) {
			cancel(interrupted{os.Interrupt})
		}
	}, "import", "--account", otherOwner, "many")
	there := b.titled(t, b.other)
	if code != exitInterrupted || !errors.Is(ctx.Err(), context.Canceled) || len(there) < 5 || len(there) >= many {
		t.Fatalf("exit %d, %d trees, shown %q", code, len(there), shown)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if want := fmt.Sprintf("Not all of %d files: %d trees made, 0 changed, 0 as they were; 0 published, 0 archived.", many, len(there)); len(lines) != len(there)+1 || lines[len(there)] != want {
		t.Fatalf("%d lines for %d trees, the last: %q", len(lines), len(there), lines[len(lines)-1])
	}
	for i, line := range lines[:len(there)] {
		if want := fmt.Sprintf("made %s: many/%03d.md", there[fmt.Sprintf("Number %03d", i)].ID, i); line != want {
			t.Errorf("line %d is %q, want %q", i, line, want)
		}
	}
	if !strings.HasSuffix(shown, "\r\x1b[KStopped by signal: interrupt.\n") {
		t.Errorf("at the end the terminal shows %q", shown[max(0, len(shown)-200):])
	}

	code, stdout, shown = atTerminal(t, t.Context(), "", nil, "import", "--account", demoOwner, "--publish", "many")
	if code != exitOK || stdout != "200 trees made, 0 changed, 0 as they were; 200 published, 0 archived.\n" || !strings.Contains(shown, "importing 200 of 200  many/199.md") || !strings.HasSuffix(shown, "\r\x1b[K") {
		t.Errorf("exit %d, %q, shown at the end %q", code, stdout, shown[max(0, len(shown)-200):])
	}
	code, stdout, shown = atTerminal(t, t.Context(), "", nil, "export", "--account", demoOwner, "out")
	if code != exitOK || stdout != "208 trees are written to out: 208 versions, 0 drafts.\n" || !strings.Contains(shown, "writing 208 of 208  ") {
		t.Errorf("exit %d, %q, shown at the end %q", code, stdout, shown[max(0, len(shown)-200):])
	}
	if stdout, stderr := succeed(t, "import", "--account", demoOwner, "--update", "--publish", "out"); stdout != "0 trees made, 0 changed, 208 as they were; 0 published, 0 archived.\n" || stderr != "" {
		t.Errorf("%q, %q", stdout, stderr)
	}
}
