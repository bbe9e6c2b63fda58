package login

import "time"

// ReadAge returns how long ago the last successful read began, for metrics; it is
// the process's own age where there was none yet.
func (r *Register) ReadAge() time.Duration {
	began := r.lastRead.Load()
	if began == nil {
		return r.clock.own().Mono
	}
	return r.clock.own().since(*began)
}
