package main

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/migrations"
)

func TestMigrate_UpStatusDown(t *testing.T) {
	address := pgtest.EmptyURL(t)
	withoutSettings(t)
	t.Setenv("DATABASE_URL", address)
	files, err := fs.Glob(migrations.FS, "*.tx.up.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	slices.Sort(files)
	// lines returns a word and a migration's name for each migration.
	lines := func(word string, files ...string) string {
		var b strings.Builder
		for _, file := range files {
			fmt.Fprintln(&b, word, strings.TrimSuffix(file, ".tx.up.sql"))
		}
		return b.String()
	}
	last := len(files) - 1
	for _, step := range []struct{ command, want string }{
		{"down", "The database has no migration to undo.\n"},
		{"status", lines("missing", files...)},
		{"up", lines("applied", files...)},
		{"up", "The database is up to date.\n"},
		{"down", lines("undone", files[last])}, // one, not all
		{"status", lines("applied", files[:last]...) + lines("missing", files[last])},
		{"up", lines("applied", files[last])},
	} {
		code, stdout, stderr := program(t, "migrate", step.command)
		if code != exitOK || stderr != "" {
			t.Fatalf("migrate %s: exit %d, %s", step.command, code, stderr)
		}
		if diff := cmp.Diff(step.want, stdout); diff != "" {
			t.Errorf("migrate %s (-want +got):\n%s", step.command, diff)
		}
	}
}

func TestMigrate_AloneSaysHow(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := program(t, "migrate")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "\n  up ") || !strings.HasSuffix(stderr, "\nThe command is missing. Choose up, down, status or create.\n") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
