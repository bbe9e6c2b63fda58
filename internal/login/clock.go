package login

import (
	"sync/atomic"
	"time"
)

// Reading is what a process's own two clocks show at one moment.
type Reading struct {
	Wall time.Time     // may be stepped or wrong
	Mono time.Duration // since some moment of the past; only ever grows, but may stand still while the machine sleeps
}

// OwnClocks returns a function that reads the process's own clocks.
func OwnClocks() func() Reading {
	start := time.Now()
	return func() Reading {
		now := time.Now()
		return Reading{Wall: now.Round(0), Mono: now.Sub(start)}
	}
}

// since returns how long ago began was, by whichever clock says more: a process
// that was stopped, or whose machine slept, must not think that it is up to date.
func (r Reading) since(began Reading) time.Duration {
	return max(r.Mono-began.Mono, r.Wall.Sub(began.Wall))
}

// Clock is the database's clock as this process knows it. The database judges
// every deadline, so a node whose own clock is wrong or stepped neither expires
// nor saves anybody. Between two looks at the database the process's monotonic
// clock goes on alone.
//
// Until the first look it shows the process's own wall clock.
type Clock struct {
	own    func() Reading
	offset atomic.Int64 // the database's Unix time in ns when own's Mono was zero
	set    atomic.Bool  // whether the database was ever asked
}

// NewClock returns a clock that goes on by own, which is OwnClocks() but in tests.
func NewClock(own func() Reading) *Clock {
	c := &Clock{own: own}
	now := own()
	c.offset.Store(now.Wall.UnixNano() - int64(now.Mono))
	return c
}

// Now returns the database's present time, in UTC, without a monotonic reading.
func (c *Clock) Now() time.Time { return c.at(c.own()) }

func (c *Clock) at(r Reading) time.Time {
	return time.Unix(0, c.offset.Load()+int64(r.Mono)).UTC()
}

// Observe tells the clock that the database showed now at some moment between
// two readings. That bounds the offset from both sides. A clock that lies within
// the bounds stays as it is, so that one slow answer does not move a clock that
// many quick ones have set; any other is set by the middle of the call.
func (c *Clock) Observe(began, ended Reading, now time.Time) {
	low, high := now.UnixNano()-int64(ended.Mono), now.UnixNano()-int64(began.Mono)
	if offset := c.offset.Load(); c.set.Load() && low <= offset && offset <= high {
		return
	}
	c.offset.Store(low + (high-low)/2)
	c.set.Store(true)
}
