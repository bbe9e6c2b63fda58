package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/tree/samples"
)

// TestLoadDemo_IsWholeAfterCtrlC starts for the first time and is interrupted at once.
func TestLoadDemo_IsWholeAfterCtrlC(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(config.Dev, config.Source{Environ: []string{
		"DATABASE_URL=" + pgtest.URL(t), "BRANCHLINE_KEYS=" + string(login.NewKey()),
	}})
	check(t, err)
	p, err := assemble(t.Context(), loaded.Settings, slog.New(slog.DiscardHandler))
	check(t, err)
	defer p.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for start := range 2 { // the second one finds it
		if made, err := p.loadDemo(ctx); !made || err != nil {
			t.Fatalf("start %d: %v, %v", start+1, made, err)
		}
	}
	var people, trees int
	check(t, p.db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM trees WHERE status = 'PUBLISHED')").Scan(&people, &trees))
	if people != len(demoPeople) || trees != len(samples.All()) {
		t.Errorf("there are %d people and %d published trees", people, trees)
	}
}

func TestDemoShelves_HoldEachSampleOnce(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, sample := range samples.All() {
		want = append(want, sample.Name)
	}
	for _, shelf := range demoShelves {
		got = append(got, shelf.files...)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the samples on the demo's shelves (-want +got):\n%s", diff)
	}
}
