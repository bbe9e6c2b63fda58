package login

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDeadlines_Warning(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]struct {
		idle, absolute time.Duration // spans
		left           Deadlines     // as if now were zero
		want           Warning
	}{
		"far from both":                      {3 * day, 14 * day, left(3*day, 14*day), Warning{NoWarning, IdleLimit, at(3 * day)}},
		"idle in 5 min":                      {3 * day, 14 * day, left(5*time.Minute, day), Warning{Soon, IdleLimit, at(5 * time.Minute)}},
		"idle in 5 min and 1 ns":             {3 * day, 14 * day, left(5*time.Minute+1, day), Warning{NoWarning, IdleLimit, at(5*time.Minute + 1)}},
		"idle in 30 s":                       {3 * day, 14 * day, left(30*time.Second, day), Warning{Now, IdleLimit, at(30 * time.Second)}},
		"at the idle deadline":               {3 * day, 14 * day, left(0, day), Warning{Over, IdleLimit, at(0)}},
		"absolute in 1 h":                    {3 * day, 14 * day, left(time.Hour, time.Hour), Warning{Notice, AbsoluteLimit, at(time.Hour)}},
		"absolute in 5 min":                  {3 * day, 14 * day, left(5*time.Minute, 5*time.Minute), Warning{Soon, AbsoluteLimit, at(5 * time.Minute)}},
		"absolute in 30 min, idle in 20":     {time.Hour, day, left(20*time.Minute, 30*time.Minute), Warning{Notice, AbsoluteLimit, at(30 * time.Minute)}},
		"both near: the nearer one":          {time.Hour, day, left(4*time.Minute, 6*time.Minute), Warning{Soon, IdleLimit, at(4 * time.Minute)}},
		"both at once: the absolute one":     {time.Hour, day, left(time.Minute, time.Minute), Warning{Soon, AbsoluteLimit, at(time.Minute)}},
		"a short window: a third of it":      {9 * time.Minute, day, left(3*time.Minute, day), Warning{Soon, IdleLimit, at(3 * time.Minute)}},
		"a short window: before a third":     {9 * time.Minute, day, left(3*time.Minute+1, day), Warning{NoWarning, IdleLimit, at(3*time.Minute + 1)}},
		"a short life: a tenth of it":        {time.Hour, 2 * time.Hour, left(12*time.Minute, 12*time.Minute), Warning{Notice, AbsoluteLimit, at(12 * time.Minute)}},
		"a short life: before a tenth of it": {time.Hour, 2 * time.Hour, left(13*time.Minute, 13*time.Minute), Warning{NoWarning, AbsoluteLimit, at(13 * time.Minute)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.left.Warning(tt.idle, tt.absolute, noon); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func at(d time.Duration) time.Time { return noon.Add(d) }

func left(idle, absolute time.Duration) Deadlines { return Deadlines{at(idle), at(absolute)} }

// drawDeadlines returns a session's spans, its deadlines and a moment within its
// life.
func drawDeadlines(t *rapid.T) (idle, absolute time.Duration, d Deadlines, now time.Time) {
	span := func(low, high time.Duration, name string) time.Duration {
		return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, name))
	}
	longest := []time.Duration{time.Minute, time.Hour, 90 * 24 * time.Hour}[rapid.IntRange(0, 2).Draw(t, "scale")]
	idle = span(shortestSpan, longest, "idle")
	absolute = span(idle, longest, "absolute")
	d.Absolute = noon.Add(absolute)
	active := noon.Add(span(0, absolute, "active"))
	d.Idle = earlier(active.Add(idle), d.Absolute)
	now = active.Add(span(0, max(0, d.Idle.Sub(active)), "now"))
	return idle, absolute, d, now
}

func TestDeadlines_NextNamesEveryChangeAndNothingElse(t *testing.T) {
	t.Parallel()
	order := map[Level]int{NoWarning: 0, Notice: 1, Soon: 2, Now: 3, Over: 4}
	rapid.Check(t, func(t *rapid.T) {
		idle, absolute, d, now := drawDeadlines(t)
		_, end := d.Nearer()
		for range 5 {
			before := d.Warning(idle, absolute, now)
			at, level := d.Next(idle, absolute, now)
			if before.Level == Over {
				if level != Over || !at.Equal(end) {
					t.Fatalf("after the end there is %s at %v", level, at)
				}
				return
			}
			if !at.After(now) || at.After(end) {
				t.Fatalf("next is %v, not within (%v, %v]", at, now, end)
			}
			if got := d.Warning(idle, absolute, at).Level; got != level || order[got] <= order[before.Level] {
				t.Fatalf("at %v there is %s, announced as %s, after %s", at, got, level, before.Level)
			}
			// Nothing changes in between: not just before it, nor halfway.
			for _, between := range []time.Time{at.Add(-1), now.Add(at.Sub(now) / 2)} {
				if got := d.Warning(idle, absolute, between).Level; got != before.Level {
					t.Fatalf("%s begins at %v or before, which was not announced", got, between)
				}
			}
			now = at
		}
		t.Fatal("there are more than four levels to come")
	})
}

func TestDeadlines_ExtendNeverShortensNorPassesTheAbsolute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		idle, _, d, now := drawDeadlines(t)
		got := d.Extend(idle, now)
		if got.Absolute != d.Absolute || got.Idle.After(got.Absolute) || got.Idle.Before(d.Idle) {
			t.Errorf("%+v became %+v", d, got)
		}
		if want := now.Add(idle); got.Idle.Before(want) && got.Idle != got.Absolute {
			t.Errorf("the idle deadline is %v, want %v or the absolute one", got.Idle, want)
		}
	})
}
