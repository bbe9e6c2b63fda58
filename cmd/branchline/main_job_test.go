package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
)

// buildProgram builds the program as it is shipped.
func buildProgram(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "branchline")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// startProcess starts a serving process and returns its address when it serves.
// It is asked to stop when the test ends, and has to stop in good order.
func startProcess(t *testing.T, binary string, env ...string) (address string) {
	t.Helper()
	return launch(t, binary, env...).url
}

// process is a serving process of its own.
type process struct {
	cmd    *exec.Cmd
	url    string
	killed bool // by the test
}

// launch starts a process as startProcess does, for tests that send signals to it.
func launch(t *testing.T, binary string, env ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "serve")
	cmd.Env = append(os.Environ(), "BRANCHLINE_ADDRESS=127.0.0.1:0", "BRANCHLINE_METRICS_ADDRESS=off", "BRANCHLINE_PUBLIC_URL=http://127.0.0.1", "BRANCHLINE_LOG_FORMAT=json")
	cmd.Env = append(cmd.Env, env...)
	cmd.Dir = t.TempDir()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	stderr, err := cmd.StderrPipe()
	check(t, err)
	check(t, cmd.Start())
	p := &process{cmd: cmd}
	serving := make(chan string, 1)
	var log bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(io.TeeReader(stderr, &log)); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				serving <- line.Address
			}
		}
	}()
	t.Cleanup(func() {
		<-read
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 0 && !p.killed {
			t.Errorf("%s ended with %v", binary, err)
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", p.url, log.String())
		}
	})
	select {
	case address := <-serving:
		p.url = "http://" + address
	case <-read:
		t.Fatalf("it ended before it served:\n%s", log.String())
	}
	return p
}

// kill ends the process as kill -9 does: it can say nothing to anybody.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.killed = true
	check(t, p.cmd.Process.Kill())
}

// examples is where the examples with real clients are.
const examples = "../../docs/api-examples"

// installed is done once, however many examples run: npm ci begins by deleting what
// is there.
var installed = sync.OnceValues(func() (log []byte, err error) {
	if _, err := os.Stat(filepath.Join(examples, "node_modules")); err == nil {
		return nil, nil
	}
	return exec.Command("npm", "ci", "--no-audit", "--no-fund", "--prefix", examples).CombinedOutput()
})

// runExample runs one of docs/api-examples with the clients that it needs.
func runExample(t *testing.T, script string, args ...string) {
	t.Helper()
	runNode(t, nil, append([]string{script}, args...)...)
}

// runNode runs node where the clients are installed, with a script as its input.
func runNode(t *testing.T, script io.Reader, args ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed; the clients need it")
	}
	if out, err := installed(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	// The cache of test results knows what this process looked at, and not what node reads.
	if _, err := os.ReadDir(examples); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Dir, cmd.Stdin = examples, script
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// TestMainJob runs docs/api-examples/main-job.mjs with real clients against two
// processes on one database: the owner on one, the engineer on the other. The
// idle limit is 30 seconds, so that the pushed warning comes while we wait.
func TestMainJob(t *testing.T) {
	t.Parallel()
	binary := buildProgram(t)
	env := []string{
		"DATABASE_URL=" + pgtest.URL(t),
		"BRANCHLINE_KEYS=" + string(login.NewKey()),
		"BRANCHLINE_LOGIN_STANDARD_IDLE=30s",
		"BRANCHLINE_LOGIN_IDLE_MIN=30s",
		"BRANCHLINE_REFRESH_GRACE=3s",
		"BRANCHLINE_DRAIN=1s",
	}
	owner, engineer := startProcess(t, binary, env...), startProcess(t, binary, env...)
	runExample(t, "main-job.mjs", owner, engineer)
}

// TestStories runs docs/api-examples/stories.mjs against two processes on one
// database: the people of a support team, on both, with clients of their own.
func TestStories(t *testing.T) {
	t.Parallel()
	binary := buildProgram(t)
	env := []string{
		"DATABASE_URL=" + pgtest.URL(t),
		"BRANCHLINE_KEYS=" + string(login.NewKey()),
		"BRANCHLINE_DRAIN=1s",
	}
	here, there := startProcess(t, binary, env...), startProcess(t, binary, env...)
	runExample(t, "stories.mjs", here, there)
}

// TestAPIGuide runs the JavaScript of docs/api-guide.md as it stands there, with
// testdata/api-guide.mjs behind it, which says what has to come of it.
func TestAPIGuide(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	checks, err := os.ReadFile("testdata/api-guide.mjs")
	if err != nil {
		t.Fatal(err)
	}
	var script bytes.Buffer
	for _, block := range regexp.MustCompile("(?ms)^```js\n(.*?)^```$").FindAllSubmatch(page, -1) {
		script.Write(block[1])
	}
	if script.Len() == 0 {
		t.Fatal("the page has no JavaScript: it is not written as this test reads it")
	}
	script.Write(checks)
	address := startProcess(t, buildProgram(t), "DATABASE_URL="+pgtest.URL(t), "BRANCHLINE_KEYS="+string(login.NewKey()), "BRANCHLINE_DRAIN=1s",
		"BRANCHLINE_REFRESH_GRACE=0s") // an active refresh replaces the token however young it is
	runNode(t, &script, "--input-type=module", "-", address)
}
