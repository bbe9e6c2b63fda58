package live

import "sync"

// crew does work in goroutines that have done some before: their stacks have grown
// already. A new goroutine's begins with 2 KiB and is copied each time it grows,
// which costs more than most of the work here.
//
// No work waits for other work: where nobody is free, somebody new begins.
type crew struct {
	work    chan func() // unbuffered, so that only who is free takes it; nil sends them home
	stop    chan struct{}
	running sync.WaitGroup
}

// do has f called and returns at once.
func (c *crew) do(f func()) {
	select {
	case c.work <- f:
	default:
		c.running.Go(func() { c.serve(f) })
	}
}

func (c *crew) serve(f func()) {
	for f != nil {
		f()
		select {
		case f = <-c.work:
		case <-c.stop:
			return
		}
	}
}

// thin sends home who is free. Called at each tick, it leaves no goroutine behind
// where nothing happens, and where much does, a few new ones are no cost.
func (c *crew) thin() {
	for {
		select {
		case c.work <- nil:
		default:
			return
		}
	}
}
