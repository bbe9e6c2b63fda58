package login_test

import (
	"sync"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/login"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ownClocks are a process's two clocks, moved by hand.
type ownClocks struct {
	mu  sync.Mutex // guards now
	now login.Reading
}

func (c *ownClocks) read() login.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ownClocks) move(wall, mono time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = login.Reading{Wall: c.now.Wall.Add(wall), Mono: c.now.Mono + mono}
}

func TestClock_ShowsTheDatabasesTime(t *testing.T) {
	t.Parallel()
	own := &ownClocks{now: login.Reading{Wall: noon.Add(-3 * time.Hour), Mono: time.Minute}}
	clock := login.NewClock(own.read)
	if got := clock.Now(); !got.Equal(noon.Add(-3 * time.Hour)) {
		t.Errorf("before the first look it shows %v, not the own wall clock", got)
	}

	// The database is asked for 2 ms and shows noon: that was in the middle.
	began := own.read()
	own.move(2*time.Millisecond, 2*time.Millisecond)
	clock.Observe(began, own.read(), noon)
	if got, want := clock.Now(), noon.Add(time.Millisecond); !got.Equal(want) {
		t.Errorf("after the first look it shows %v, want %v", got, want)
	}

	steps := []struct {
		name       string
		wall, mono time.Duration
		want       time.Time
	}{
		{"time passes", time.Second, time.Second, noon.Add(time.Second + time.Millisecond)},
		{"the wall clock is stepped ahead", time.Hour, 0, noon.Add(time.Second + time.Millisecond)},
		{"the wall clock is stepped back", -48 * time.Hour, time.Second, noon.Add(2*time.Second + time.Millisecond)},
	}
	for _, s := range steps {
		own.move(s.wall, s.mono)
		if got := clock.Now(); !got.Equal(s.want) {
			t.Errorf("%s: it shows %v, want %v", s.name, got, s.want)
		}
	}
}

func TestClock_ASlowAnswerDoesNotMoveIt(t *testing.T) {
	t.Parallel()
	own := &ownClocks{now: login.Reading{Wall: noon}}
	clock := login.NewClock(own.read)
	clock.Observe(own.read(), own.read(), noon)

	// A call of 900 ms whose answer was written at its very end: its middle would
	// set the clock back by 450 ms.
	began := own.read()
	own.move(900*time.Millisecond, 900*time.Millisecond)
	clock.Observe(began, own.read(), noon.Add(900*time.Millisecond))
	if got, want := clock.Now(), noon.Add(900*time.Millisecond); !got.Equal(want) {
		t.Errorf("it shows %v, want %v", got, want)
	}

	// The database's clock itself was set: the same call is a proof of it.
	began = own.read()
	own.move(900*time.Millisecond, 900*time.Millisecond)
	clock.Observe(began, own.read(), noon.Add(time.Hour))
	if got, want := clock.Now(), noon.Add(time.Hour+450*time.Millisecond); !got.Equal(want) {
		t.Errorf("after the database's clock was set it shows %v, want %v", got, want)
	}
}
