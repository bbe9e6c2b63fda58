package login

import "time"

// Limit names one of the two deadlines of a login session.
type Limit string

// The limits, in the API's words.
const (
	IdleLimit     Limit = "IDLE"     // nobody did anything for the idle window; activity puts it off
	AbsoluteLimit Limit = "ABSOLUTE" // the longest age; nothing puts it off
)

// Level says how urgently a person has to be told that a login session ends.
type Level string

// The levels, in the order in which they come.
const (
	NoWarning Level = "NONE"
	Notice    Level = "NOTICE" // quiet, for the absolute deadline only: finish what cannot be interrupted
	Soon      Level = "SOON"   // minutes are left
	Now       Level = "NOW"    // seconds are left
	Over      Level = "OVER"   // a deadline has passed; this level is never shown to clients
)

const (
	longestSoon   = 5 * time.Minute
	longestNotice = time.Hour
)

// Warning is what there is to say about a login session's end at some moment.
type Warning struct {
	Level Level
	Limit Limit     // the deadline that the level is about
	At    time.Time // when that deadline passes
}

// Extendable says whether activity puts the end off.
func (w Warning) Extendable() bool { return w.Limit == IdleLimit }

// Nearer returns the deadline that ends the session, and when. Where both fall
// on the same instant it is the absolute one, because activity would not help.
func (d Deadlines) Nearer() (Limit, time.Time) {
	if d.Idle.Before(d.Absolute) {
		return IdleLimit, d.Idle
	}
	return AbsoluteLimit, d.Absolute
}

// Passed says whether a deadline has been reached, and which.
func (d Deadlines) Passed(now time.Time) (Limit, bool) {
	limit, at := d.Nearer()
	return limit, !now.Before(at)
}

// Extend returns the deadlines after activity at now: the idle one moves to the
// end of the idle window, never past the absolute one and never back.
func (d Deadlines) Extend(idle time.Duration, now time.Time) Deadlines {
	d.Idle = earlier(later(d.Idle, now.Add(idle)), d.Absolute)
	return d
}

// Warning returns what there is to say at now about a session with these
// deadlines, whose idle window is idle and whose longest age is absolute.
//
// The nearer deadline T is SOON from T − 5 min on (T − a third of the idle window
// where that is less) and NOW in the last tenth of that, which is 30 s as a rule.
// The absolute deadline alone also has a NOTICE, one hour before it (a tenth of
// the longest age where that is less); a nearer deadline that is SOON outdoes it.
func (d Deadlines) Warning(idle, absolute time.Duration, now time.Time) Warning {
	limit, at := d.Nearer()
	soon := soonSpan(idle)
	switch {
	case !now.Before(at):
		return Warning{Over, limit, at}
	case !now.Before(at.Add(-nowSpan(soon))):
		return Warning{Now, limit, at}
	case !now.Before(at.Add(-soon)):
		return Warning{Soon, limit, at}
	case !now.Before(d.Absolute.Add(-noticeSpan(absolute))):
		return Warning{Notice, AbsoluteLimit, d.Absolute}
	}
	return Warning{NoWarning, limit, at}
}

// Next returns the next instant after now at which there is something new to say,
// and the level that begins then. The last one is the nearer deadline itself with
// the level Over; once that has passed, Next keeps returning it.
func (d Deadlines) Next(idle, absolute time.Duration, now time.Time) (time.Time, Level) {
	_, end := d.Nearer()
	present := d.Warning(idle, absolute, now)
	if present.Level == Over {
		return end, Over
	}
	soon := soonSpan(idle)
	next, level := end, Over
	for _, at := range [...]time.Time{d.Absolute.Add(-noticeSpan(absolute)), end.Add(-soon), end.Add(-nowSpan(soon))} {
		if !at.After(now) || !at.Before(next) {
			continue
		}
		if w := d.Warning(idle, absolute, at); w.Level != present.Level {
			next, level = at, w.Level
		}
	}
	return next, level
}

func soonSpan(idle time.Duration) time.Duration       { return min(longestSoon, idle/3) }
func nowSpan(soon time.Duration) time.Duration        { return soon / 10 }
func noticeSpan(absolute time.Duration) time.Duration { return min(longestNotice, absolute/10) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
