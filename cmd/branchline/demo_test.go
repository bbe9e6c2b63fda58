package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/tree/samples"
)

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
