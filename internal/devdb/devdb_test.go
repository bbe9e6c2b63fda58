//go:build unix

package devdb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// childVariable makes the test binary a process that starts something, prints
// its id and waits to be killed.
const childVariable = "DEVDB_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		beChild(what)
	}
	goleak.VerifyTestMain(m)
}

// folder returns a folder that every user can reach, unlike t.TempDir, so that
// as root nothing has to move.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "branchline-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// query returns the one text that a statement returns.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var text string
	if err := conn.QueryRow(t.Context(), statement).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestStart_KeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	endings := map[string]func(*testing.T, *Cluster){
		"after Stop": func(t *testing.T, c *Cluster) {
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
		},
		"after every process was killed": func(t *testing.T, c *Cluster) {
			if err := c.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-c.Done()
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
		},
		"after the server alone was killed": func(t *testing.T, c *Cluster) {
			if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-c.Done()
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := Options{Dir: folder(t)}
			first := start(t, opts)
			url, err := first.EnsureDatabase(t.Context(), "app")
			if err != nil {
				t.Fatal(err)
			}
			execute(t, url, "CREATE TABLE kept AS SELECT 'yes' AS answer")
			end(t, first)

			second := start(t, opts)
			again, err := second.EnsureDatabase(t.Context(), "app")
			if err != nil {
				t.Fatal(err)
			}
			if got := query(t, again, "SELECT answer FROM kept"); got != "yes" {
				t.Errorf("read %q back", got)
			}
			if again != url {
				t.Errorf("the address changed from %s to %s", url, again)
			}
		})
	}
}

func TestStart_ListensNowhereButOnItsSocket(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t), Settings: map[string]string{"max_connections": "17"}})
	for setting, want := range map[string]string{
		"listen_addresses": "", "fsync": "off", "max_connections": "17", "TimeZone": "UTC", "server_encoding": "UTF8",
	} {
		if got := query(t, c.URL(""), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	about, err := os.Stat(filepath.Join(c.Dir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	if about.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder has mode %v", about.Mode())
	}
}

func TestStart_Durable(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t), Durable: true})
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if got := query(t, c.URL(""), "SHOW "+setting); got != "on" {
			t.Errorf("%s is %q", setting, got)
		}
	}
}

func TestStart_WhileAnotherRunsIt(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, Options{Dir: dir})

	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second start returns %v, want ErrInUse", err)
	}
	if err := Remove(t.Context(), dir); !errors.Is(err, ErrInUse) {
		t.Errorf("Remove returns %v, want ErrInUse", err)
	}

	var said bytes.Buffer
	second, err := Start(t.Context(), Options{Dir: dir, Adopt: true, Out: &said})
	if err != nil {
		t.Fatal(err)
	}
	if !second.Adopted() || second.PID() != first.PID() || !strings.Contains(said.String(), "already runs the database") {
		t.Errorf("adopted %v, process %d of %d, said %q", second.Adopted(), second.PID(), first.PID(), &said)
	}
	if err := second.Signal(syscall.SIGKILL); !errors.Is(err, ErrInUse) {
		t.Errorf("Signal to an adopted server returns %v, want ErrInUse", err)
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	// Ensure that the server survives the Stop of who adopted it.
	if got := query(t, second.URL(""), "SELECT 'still here'"); got != "still here" {
		t.Errorf("got %q", got)
	}
}

func TestStart_AfterTheirProcessesGotOthersIDs(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: folder(t)}
	c := start(t, opts)
	if err := c.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	pidFile := c.place.pidFile()
	left, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}

	// Another program of PostgreSQL's user has the id by now.
	stranger := exec.Command("cat")
	c.place.prepare(stranger)
	in, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := stranger.Wait(); err != nil {
			t.Errorf("the stranger did not live to see the end of its input: %v", err)
		}
	}()
	_, rest, _ := strings.Cut(string(left), "\n")
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(stranger.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}

	again := start(t, opts)
	if got := query(t, again.URL(""), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
}

func TestStart_Refuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(t *testing.T, data string)
		want    string
	}{
		"another version's data": {
			func(t *testing.T, data string) { write(t, filepath.Join(data, "PG_VERSION"), "9\n") },
			"made by PostgreSQL 9, and the one found here is",
		},
		"a folder with something else": {
			func(t *testing.T, data string) { write(t, filepath.Join(data, "thesis.txt"), "") },
			"not a PostgreSQL cluster",
		},
		"a version that is no number": {
			func(t *testing.T, data string) { write(t, filepath.Join(data, "PG_VERSION"), "x") },
			"read the version",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			data := filepath.Join(dir, "data")
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			tt.prepare(t, data)
			_, err := Start(t.Context(), Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start returns %v, want an error with %q", err, tt.want)
			}
		})
	}

	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		if _, err := Start(t.Context(), Options{}); err == nil {
			t.Error("Start accepts no folder")
		}
	})
}

func TestStart_SaysWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Dir: folder(t), Settings: map[string]string{"max_connections": "many"}})
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "max_connections"`) {
		t.Errorf("Start returns %v", err)
	}
}

func TestStart_AfterAnUnfinishedInitdb(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, filepath.Join(dir, "data.new", "PG_VERSION"), "15\n")
	c := start(t, Options{Dir: dir})
	if got := query(t, c.URL(""), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
}

func TestStart_InAFolderTooDeepForASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("deep/", 30))
	c := start(t, Options{Dir: dir})
	if got := query(t, c.URL(""), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{filepath.Join(dir, "data"), c.place.sockets} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
}

func TestStart_WherePostgreSQLsUserCannotGo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "db") // below a folder of mode 0700
	real, err := Locate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if moved := real != dir; moved != (os.Geteuid() == 0) {
		t.Fatalf("as user %d, the database of %s lives in %s", os.Geteuid(), dir, real)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(real); err != nil {
			t.Error(err)
		}
	})
	var said bytes.Buffer
	c := start(t, Options{Dir: dir, Out: &said})
	if c.Dir() != real {
		t.Errorf("the database lives in %s, Locate says %s", c.Dir(), real)
	}
	if real != dir && !strings.Contains(said.String(), "lives in "+real) {
		t.Errorf("nobody is told where the database lives: %q", &said)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}

func TestCluster_PausesAndResumes(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t)})
	conn, err := pgx.Connect(t.Context(), c.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT 1")
		answered <- err
	}()
	// A stopped process cannot answer, so that this wait is never too short.
	timer := time.NewTimer(50 * time.Millisecond)
	select {
	case err := <-answered:
		t.Errorf("a paused server answers: %v", err)
	case <-timer.C:
	}
	if err := c.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestCluster_StopsWhilePaused(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: folder(t)})
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if alive(c.PID()) {
		t.Error("the server is still there")
	}
	if err := c.Signal(syscall.SIGCONT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal after Stop returns %v, want os.ErrProcessDone", err)
	}
}

func TestCluster_RestartKeepsTheClusterMeanwhile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, Options{Dir: dir})
	first := c.PID()
	if err := c.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("Start of a halted cluster returns %v, want ErrInUse", err)
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.PID() == first {
		t.Error("the server is the same process")
	}
	if got := query(t, c.URL(""), "SELECT 'here'"); got != "here" {
		t.Errorf("got %q", got)
	}
}

// TestOwnerIsKilled starts a process that starts a server, or a watched
// program, and kills that process.
func TestOwnerIsKilled(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"cluster", "watch"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			child := exec.Command(os.Args[0], "-test.run=^$")
			child.Env = append(os.Environ(), childVariable+"="+what, "DEVDB_TEST_DIR="+dir)
			child.Stderr = t.Output()
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			if !alive(pid) {
				t.Fatalf("process %d is not there", pid)
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // it was killed
			awaitGone(t, pid)

			if what == "cluster" {
				c := start(t, Options{Dir: dir})
				if got := query(t, c.URL(""), "SELECT 'here'"); got != "here" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
}

// awaitGone waits until a process has ended, reaped or not.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		args, err := commandLine(pid)
		if err != nil || strings.TrimSpace(args) == "" { // a zombie has no arguments left
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("process %d outlives its owner: %s", pid, args)
		}
	}
}

func beChild(what string) {
	ctx := context.Background()
	pid := 0
	switch what {
	case "cluster":
		c, err := Start(ctx, Options{Dir: os.Getenv("DEVDB_TEST_DIR")})
		if err != nil {
			panic(err)
		}
		pid = c.PID()
	case "watch":
		cmd := exec.Command("tail", "-f", "/dev/null")
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		pid = cmd.Process.Pid
		if _, err := watch(pid, syscall.SIGQUIT); err != nil {
			panic(err)
		}
	}
	if _, err := os.Stdout.WriteString(strconv.Itoa(pid) + "\n"); err != nil {
		panic(err)
	}
	select {} // until it is killed
}

func TestWatch_LetsGo(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	release, err := watch(cmd.Process.Pid, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	release()
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program that was let go ends with %v", err)
	}
}

func TestRemove_KeepsTheLockOfThoseWhoWait(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, Options{Dir: dir})
	waiting, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Dir: dir})
	if err := lockFile(waiting); !errors.Is(err, ErrInUse) {
		t.Errorf("who waited since before Remove gets %v, want ErrInUse", err)
	}
}

func TestRemove_OfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	if err := Remove(t.Context(), filepath.Join(folder(t), "nothing")); err != nil {
		t.Error(err)
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	me := &owner{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	stranger := &owner{uid: me.uid + 4711, gid: me.gid + 4711}
	private := filepath.Join(folder(t), "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		who  *owner
		dir  string
		want bool
	}{
		"my own folder":                        {me, private, true},
		"a stranger's folder":                  {stranger, private, false},
		"what is yet to be made in it":         {stranger, filepath.Join(private, "a", "b"), false},
		"what is yet to be made beside it":     {stranger, private + "-not", true},
		"the root":                             {stranger, "/", true},
		"a group's folder, closed to my group": {&owner{uid: stranger.uid, gid: me.gid}, private, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.who.reaches(tt.dir); got != tt.want {
				t.Errorf("reaches(%s) = %v", tt.dir, got)
			}
		})
	}
}

func TestMakeOwn_RefusesWhatOthersMayChange(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := makeOwn(open); err == nil {
		t.Error("a folder that everybody may change is accepted")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := makeOwn(link); err == nil {
		t.Error("a link is accepted")
	}
	if err := makeOwn(filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
