//go:build unix

package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/branchline/branchline/internal/devdb"
	"github.com/branchline/branchline/internal/store"
)

// Server is a PostgreSQL of one test's own, which the test may pause, stop and
// kill. Its methods fail the test on an error; only one goroutine may use it.
type Server struct {
	t       testing.TB
	cluster *devdb.Cluster
	url     string
}

// NewServer starts a server with one migrated database. It ends with the test,
// in whichever state it is. TEST_DATABASE_URL does not matter here.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := startSlot(t.Context())
	if err != nil {
		t.Fatalf("start a PostgreSQL for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := s.cluster.Stop(); err != nil {
			t.Errorf("end the test's PostgreSQL: %v", err)
		}
	})
	template, err := s.migrated(t.Context())
	if err != nil {
		t.Fatalf("prepare the database of the test: %v", err)
	}
	const name = databasePrefix + "own" // swept by the next user of the slot
	if err := s.copy(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	return &Server{t: t, cluster: s.cluster, url: s.url(name)}
}

// URL returns the address of the server's database. It stays the same when the
// server starts again.
func (s *Server) URL() string { return s.url }

// Open returns a store on the server's database. It ends with the test.
func (s *Server) Open() *store.DB {
	s.t.Helper()
	db := open(s.t, s.url, nil)
	s.t.Cleanup(func() { _ = s.cluster.Signal(syscall.SIGCONT) }) // closing says goodbye to a server that must not be paused
	return db
}

// Pause stops all processes of the server where they are, as a stalled machine
// would: connections stay open and nobody answers.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// Kill ends all processes of the server at once, as a crash would. What was
// committed is there again after Start.
func (s *Server) Kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	<-s.cluster.Done()
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cluster.Signal(sig); err != nil {
		s.t.Fatalf("send %v to the test's PostgreSQL: %v", sig, err)
	}
}

// Stop shuts the server down: connections are cut and new ones refused.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.cluster.Halt(); err != nil {
		s.t.Fatalf("stop the test's PostgreSQL: %v", err)
	}
}

// Start runs the server again after Stop or Kill.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.cluster.Restart(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Fatalf("start the test's PostgreSQL again: %v", err)
	}
}

// Copy stops the server for a moment and returns the folder of a copy of its
// files: a standby that will not hear of what is committed from now on.
func (s *Server) Copy() (folder string) {
	s.t.Helper()
	files := s.files()
	folder = filepath.Join(s.t.TempDir(), "copy")
	s.Stop()
	s.copyFiles(files, folder)
	s.Start()
	return folder
}

// FailOver kills the server and lets a copy take its place, at the same address.
// What was committed after the copy was made is lost, and transaction ids are given
// a second time.
func (s *Server) FailOver(folder string) {
	s.t.Helper()
	files := s.files()
	s.Kill()
	if err := os.RemoveAll(files); err != nil {
		s.t.Fatal(err)
	}
	s.copyFiles(folder, files)
	s.Start()
}

func (s *Server) files() string {
	s.t.Helper()
	ctx := s.t.Context()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost with it
	var files string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&files); err != nil {
		s.t.Fatal(err)
	}
	return files
}

// copyFiles keeps the files' owner, who need not be the user of the test.
func (s *Server) copyFiles(from, to string) {
	s.t.Helper()
	if out, err := exec.Command("cp", "-pR", from, to).CombinedOutput(); err != nil {
		s.t.Fatalf("copy the files of the test's PostgreSQL: %v\n%s", err, out)
	}
}
