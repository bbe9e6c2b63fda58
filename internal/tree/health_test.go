package tree_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/tree"
)

func TestHealthFacts_Findings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	well := tree.HealthFacts{PublishedAt: now.Add(-200 * day), UsedAt: now.Add(-time.Hour), Ended: 40, Completed: 40, ReviewBy: now.Add(30 * day)}
	for name, tt := range map[string]struct {
		change func(f *tree.HealthFacts)
		want   map[tree.HealthCode]int
	}{
		"nothing is wrong":                     {func(*tree.HealthFacts) {}, nil},
		"used just in time":                    {func(f *tree.HealthFacts) { f.UsedAt = now.Add(-90*day + time.Second) }, nil},
		"not used for 90 days":                 {func(f *tree.HealthFacts) { f.UsedAt = now.Add(-90 * day) }, map[tree.HealthCode]int{tree.NotUsed: 90}},
		"never used":                           {func(f *tree.HealthFacts) { f.UsedAt = time.Time{} }, map[tree.HealthCode]int{tree.NotUsed: 200}},
		"never used, and published lately":     {func(f *tree.HealthFacts) { f.UsedAt, f.PublishedAt = time.Time{}, now.Add(-day) }, nil},
		"a quarter drops off":                  {func(f *tree.HealthFacts) { f.DroppedOff = 10 }, map[tree.HealthCode]int{tree.DropsOff: 25}},
		"less than a quarter drops off":        {func(f *tree.HealthFacts) { f.DroppedOff = 9 }, nil},
		"all drop off, of few":                 {func(f *tree.HealthFacts) { f.Ended, f.DroppedOff = 19, 19 }, nil},
		"a third is unresolved":                {func(f *tree.HealthFacts) { f.Unresolved = 14 }, map[tree.HealthCode]int{tree.OftenUnresolved: 35}},
		"all are unresolved, of few":           {func(f *tree.HealthFacts) { f.Completed, f.Unresolved = 19, 19 }, nil},
		"the review is due today":              {func(f *tree.HealthFacts) { f.ReviewBy = now.Truncate(day) }, nil},
		"the review was due yesterday":         {func(f *tree.HealthFacts) { f.ReviewBy = now.Truncate(day).Add(-day) }, map[tree.HealthCode]int{tree.NotReviewed: 1}},
		"no review date, 364 days old":         {func(f *tree.HealthFacts) { f.ReviewBy, f.PublishedAt = time.Time{}, now.Add(-364*day) }, nil},
		"no review date, a year old":           {func(f *tree.HealthFacts) { f.ReviewBy, f.PublishedAt = time.Time{}, now.Add(-365*day) }, map[tree.HealthCode]int{tree.NotReviewed: 365}},
		"an old version, reviewed in the past": {func(f *tree.HealthFacts) { f.PublishedAt = now.Add(-700 * day) }, nil},
		"everything": {
			func(f *tree.HealthFacts) {
				*f = tree.HealthFacts{PublishedAt: now.Add(-400 * day), UsedAt: now.Add(-91 * day), Ended: 30, DroppedOff: 30, Completed: 20, Unresolved: 5}
			},
			map[tree.HealthCode]int{tree.NotUsed: 91, tree.DropsOff: 100, tree.OftenUnresolved: 25, tree.NotReviewed: 400},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := well
			tt.change(&f)
			var got map[tree.HealthCode]int
			for _, finding := range f.Findings(now) {
				if got == nil {
					got = map[tree.HealthCode]int{}
				}
				got[finding.Code] = finding.Number
				if finding.Message == "" || finding.Message[len(finding.Message)-1] != '.' {
					t.Errorf("the message is %q", finding.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealthFacts_SayTheReasonInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f := tree.HealthFacts{
		PublishedAt: now.AddDate(0, 0, -120), UsedAt: now.AddDate(0, 0, -100), ReviewBy: now.Truncate(24*time.Hour).AddDate(0, 0, -1),
		Ended: 40, DroppedOff: 17, Completed: 30, Unresolved: 10,
	}
	var got []string
	for _, finding := range f.Findings(now) {
		got = append(got, finding.Message)
	}
	want := []string{
		"Nobody has walked it for 100 days. Archive it, or see whether people find it.",
		"42 % of its latest version's walks ended before a solution (17 of 40 in 90 days). Look at the nodes where people leave.",
		"33 % of its latest version's completed walks ended unresolved (10 of 30 in 90 days). See what it does not cover.",
		"Its review was due yesterday. See whether it is still right.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
