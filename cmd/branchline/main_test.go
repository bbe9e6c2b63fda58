package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// program runs a command line in this process, with only the given settings.
func program(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), newRootCommand(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// withoutSettings hides the settings of whoever runs the tests.
func withoutSettings(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir()) // no .env here
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if name == "DATABASE_URL" || strings.HasPrefix(name, "BRANCHLINE_") {
			t.Setenv(name, "")
		}
	}
}

func TestCommandLine_WrongUsageIsOneSentence(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no such command":       {[]string{"fly"}, `There is no command "branchline fly". Run "branchline --help".`},
		"a slip":                {[]string{"migrte"}, `There is no command "branchline migrte". Did you mean migrate?`},
		"a slip one level down": {[]string{"migrate", "dwn"}, `There is no command "branchline migrate dwn". Did you mean down?`},
		"no such flag":          {[]string{"config", "--fromat=env"}, `Unknown flag: --fromat. Run "branchline config --help".`},
		"no such format":        {[]string{"config", "--format=xml"}, `There is no format "xml". Choose text, env or markdown.`},
		"an argument too many":  {[]string{"version", "please"}, `"please" is one argument too many. Write: branchline version.`},
		"an argument too few":   {[]string{"migrate", "create"}, `The argument NAME is missing. Write: branchline migrate create NAME.`},
		"a name with capitals":  {[]string{"migrate", "create", "TreeOwners"}, `The name "TreeOwners" cannot be used. Write small letters, digits and underscores, like tree_owners.`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := program(t, tt.args...)
			if code != exitUsage || stdout != "" || stderr != tt.want+"\n" {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, exitUsage, tt.want)
			}
		})
	}
}

func TestCommandLine_HelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	code, stdout, _ := program(t)
	if code != exitOK {
		t.Errorf("exit %d", code)
	}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its one line is missing, or ends with a full stop", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	root := newRootCommand()
	visit(root)
	for _, sub := range root.Commands() {
		if !strings.Contains(stdout, "\n  "+sub.Name()+" ") {
			t.Errorf("the help does not list %s", sub.Name())
		}
	}
}

func TestCommandLine_CompletesForShells(t *testing.T) {
	t.Parallel()
	_, stdout, _ := program(t, "__complete", "config", "--format", "")
	if !strings.HasPrefix(stdout, "text\nenv\nmarkdown\n") {
		t.Errorf("completion of --format = %q", stdout)
	}
}

func TestConfig_ShowsWhatIsInForceAndHidesSecrets(t *testing.T) {
	withoutSettings(t)
	t.Setenv("DATABASE_URL", "postgres://ann:hunter2@db/branchline")
	t.Setenv("BRANCHLINE_ADRESS", ":1")
	if err := os.WriteFile(".env", []byte("BRANCHLINE_DRAIN=5s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := program(t, "config")
	if code != exitFailure {
		t.Errorf("exit %d, want %d: the key ring is missing", code, exitFailure)
	}
	want := "Warning: BRANCHLINE_ADRESS (from: environment) is no setting and is not read. Did you mean BRANCHLINE_ADDRESS?\n" +
		"BRANCHLINE_KEYS is not set. Make one: echo k1:$(openssl rand -base64 32 | tr +/ -_).\n"
	if diff := cmp.Diff(want, stderr); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	words := map[string][]string{}
	for line := range strings.Lines(stdout) {
		if fields := strings.Fields(line); len(fields) == 3 {
			words[fields[0]] = fields[1:]
		}
	}
	got := map[string][]string{"DATABASE_URL": words["DATABASE_URL"], "BRANCHLINE_DRAIN": words["BRANCHLINE_DRAIN"], "BRANCHLINE_ADDRESS": words["BRANCHLINE_ADDRESS"]}
	if diff := cmp.Diff(map[string][]string{
		"DATABASE_URL": {"(hidden)", "environment"}, "BRANCHLINE_DRAIN": {"5s", ".env"}, "BRANCHLINE_ADDRESS": {":8000", "default"},
	}, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if strings.Contains(stdout+stderr, "hunter2") {
		t.Error("the password shows")
	}
	if code, _, stderr := program(t, "config", "--for=dev"); code != exitOK {
		t.Errorf("config --for=dev: exit %d, %s; dev needs nothing", code, stderr)
	}
}

func TestMigrate_NeedsADatabase(t *testing.T) {
	withoutSettings(t)
	code, _, stderr := program(t, "migrate", "up")
	if want := "DATABASE_URL is not set. Write it like postgres://branchline:password@localhost:5432/branchline.\n"; code != exitFailure || stderr != want {
		t.Errorf("exit %d, stderr %q; want exit %d, %q", code, stderr, exitFailure, want)
	}
}

func TestCreateMigration_NumbersComeAfterAllOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	create := func(name string, now time.Time) []string {
		t.Helper()
		files, err := createMigration(folder, name, now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			files[i] = filepath.Base(files[i])
		}
		return files
	}
	got := [][]string{
		create("accounts", noon), create("trees", noon), create("late", noon.AddDate(0, 0, 1)),
		create("clock_was_wrong", noon), // still after the others, or it would never be applied
	}
	want := [][]string{
		{"20261123000001_accounts.tx.up.sql", "20261123000001_accounts.tx.down.sql"},
		{"20261123000002_trees.tx.up.sql", "20261123000002_trees.tx.down.sql"},
		{"20261124000001_late.tx.up.sql", "20261124000001_late.tx.down.sql"},
		{"20261124000002_clock_was_wrong.tx.up.sql", "20261124000002_clock_was_wrong.tx.down.sql"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := createMigration(filepath.Join(folder, "none"), "trees", noon); err == nil || !strings.Contains(err.Error(), "--folder") {
		t.Errorf("error = %v, want one that says what to do", err)
	}
}

func TestWriteVersion(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := writeVersion(&out, &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc123"},
			{Key: "vcs.modified", Value: "true"},
			{Key: "GOOS", Value: "linux"},
			{Key: "GOARCH", Value: "amd64"},
		},
	})
	want := "branchline v1.2.3\nrevision   abc123, with changes that are not committed\nbuilt with go1.26.8 for linux/amd64\n"
	if err != nil || out.String() != want {
		t.Errorf("= %q, %v; want %q", out.String(), err, want)
	}
}

func TestVersionOf(t *testing.T) {
	t.Parallel()
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}}
	tests := map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"a release":            {debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: revision}, "v1.2.3"},
		"a work tree":          {debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: revision}, "devel-0123456789ab"},
		"outside a repository": {debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel"},
		"nothing is known":     {debug.BuildInfo{}, "devel"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := versionOf(&tt.info); got != tt.want {
				t.Errorf("= %q, want %q", got, tt.want)
			}
		})
	}
}

func TestInterruptible_FirstSignalStopsSecondExits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals, exited := make(chan os.Signal), make(chan struct{})
		ctx := interruptible(t.Context(), signals, func() { close(exited) })
		signals <- os.Interrupt
		<-ctx.Done()
		if cause := context.Cause(ctx); cause == nil || cause.Error() != "stopped by signal: interrupt" {
			t.Errorf("cause = %v", cause)
		}
		select {
		case <-exited:
			t.Error("the first signal ended the program")
		default:
		}
		signals <- syscall.SIGTERM
		<-exited
	})
}

func TestRun_ExitCodes(t *testing.T) {
	t.Parallel()
	stopped, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted{os.Interrupt})
	tests := map[string]struct {
		ctx  context.Context
		err  error
		code int
		text string
	}{
		"done":                       {t.Context(), nil, exitOK, ""},
		"did not work":               {t.Context(), errors.New("listen: port 8000 is taken"), exitFailure, "Listen: port 8000 is taken.\n"},
		"stopped in an orderly way":  {stopped, nil, exitOK, ""},
		"stopped in the middle":      {stopped, errors.Join(errors.New("apply migration"), context.Canceled), exitInterrupted, "Stopped by signal: interrupt.\n"},
		"did not work while stopped": {stopped, errors.New("flush: disk is full"), exitFailure, "Flush: disk is full.\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			root := &cobra.Command{SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return tt.err }}
			if code := run(tt.ctx, root, []string{}, &stderr, &stderr); code != tt.code || stderr.String() != tt.text {
				t.Errorf("exit %d, %q; want %d, %q", code, stderr.String(), tt.code, tt.text)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"read the settings: no such file":   "Read the settings: no such file.",
		"Choose another port.":              "Choose another port.",
		".env has a line without =":         ".env has a line without =.",
		"pg_ctl is not installed":           "pg_ctl is not installed.",
		"X is not set.\nY is not set.":      "X is not set.\nY is not set.",
		"is the port taken? Choose another": "Is the port taken? Choose another.",
		"ärger":                             "Ärger.",
	} {
		if got := sentence(errors.New(text)); got != want {
			t.Errorf("sentence(%q) = %q, want %q", text, got, want)
		}
	}
}
