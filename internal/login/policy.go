package login

import (
	"errors"
	"fmt"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// Preset names a ready-made policy.
type Preset string

// The presets.
const (
	Strict   Preset = "STRICT"   // 1 h idle, 24 h in all: NIST SP 800-63B-4, AAL2
	Standard Preset = "STANDARD" // 3 d idle, 14 d in all: for people who are called away all day
	Custom   Preset = "CUSTOM"   // what the owner chose within Bounds
)

// AtCap says what happens when a user signs in on one device more than the
// policy allows.
type AtCap string

// What happens at the cap.
const (
	EndLeastRecentlyActive AtCap = "END_LEAST_RECENTLY_ACTIVE" // the one put out is told why
	RefuseSignIn           AtCap = "REFUSE"
)

// Limits are the two spans of a login session.
type Limits struct {
	Idle     time.Duration // without activity
	Absolute time.Duration // since the sign-in
}

// within returns the limits, each no longer than in other.
func (l Limits) within(other Limits) Limits {
	l.Absolute = min(l.Absolute, other.Absolute)
	l.Idle = min(l.Idle, other.Idle, l.Absolute)
	return l
}

// IdleMinutes returns the idle window for the API, rounded up.
func (l Limits) IdleMinutes() int { return Minutes(l.Idle) }

// AbsoluteMinutes returns the longest age for the API, rounded up.
func (l Limits) AbsoluteMinutes() int { return Minutes(l.Absolute) }

// Minutes returns a span in minutes, rounded up, as the API shows spans.
func Minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// Choice is what an account's owner chose. It is what is kept: the spans of a
// preset are the operator's, so an account with a preset follows them.
type Choice struct {
	LimitsChoice
	Admins      *LimitsChoice // tighter limits of owners and admins; nil where theirs are everybody's
	MaxSessions int           // login sessions per user at a time; 0 means any number
	AtCap       AtCap
	ChosenAt    time.Time
	ChosenBy    account.UserID
}

// LimitsChoice is a choice of limits.
type LimitsChoice struct {
	Preset Preset
	Limits Limits // for Custom; else zero
}

// Policy is what holds for an account now. A login session takes its deadlines
// from it when it begins and keeps them: a change applies at the next sign-in.
type Policy struct {
	Preset       Preset
	Limits               // of everybody
	AdminsPreset Preset  // empty where the limits of owners and admins are everybody's
	Admins       *Limits // of owners and admins; nil where theirs are everybody's
	MaxSessions  int     // login sessions per user at a time; 0 means any number
	AtCap        AtCap
	// Inherited says that the account chose nothing and follows the operator's
	// default as that changes.
	Inherited bool
	ChosenAt  time.Time // zero where inherited
	ChosenBy  account.UserID
}

// For returns the limits of a user with role.
func (p Policy) For(role account.Role) Limits {
	if p.Admins != nil && role.AtLeast(account.Admin) {
		return p.Admins.within(p.Limits)
	}
	return p.Limits
}

// Start returns the deadlines of a login session that a user with role begins at
// now.
func (p Policy) Start(role account.Role, now time.Time) Deadlines {
	l := p.For(role)
	absolute := now.Add(l.Absolute)
	return Deadlines{Idle: earlier(now.Add(l.Idle), absolute), Absolute: absolute}
}

// Shorten returns s as it is after limits were applied to it while it runs. It
// never lengthens a session, and does not end one: a deadline that comes to lie
// in the past does.
func (s Session) Shorten(limits Limits) Session {
	s.Idle = min(s.Idle, limits.Idle)
	s.Deadlines.Absolute = earlier(s.Deadlines.Absolute, s.SignedInAt.Add(limits.Absolute))
	s.Deadlines.Idle = earlier(earlier(s.Deadlines.Idle, s.LastActiveAt.Add(limits.Idle)), s.Deadlines.Absolute)
	return s
}

// Bounds are the operator's settings for policies. The API shows them; clients
// never hard-code them. The zero value is not valid: begin with DefaultBounds.
type Bounds struct {
	Strict   Limits
	Standard Limits
	Default  Preset // of accounts that chose nothing: Strict or Standard

	Min Limits // the shortest custom spans
	Max Limits // the longest custom spans
	// Ceiling is what no account may exceed, by a preset neither. Lowering it
	// shortens every policy above it, at the next sign-ins.
	Ceiling Limits

	MaxSessions int // the highest cap on login sessions per user that an owner may set
}

// DefaultBounds returns the product's presets and bounds. AAL3 of NIST SP
// 800-63B-4 (15 min, 12 h) and PCI DSS 8.2.8 (15 min idle) lie inside them.
func DefaultBounds() Bounds {
	const day = 24 * time.Hour
	return Bounds{
		Strict:      Limits{Idle: time.Hour, Absolute: day},
		Standard:    Limits{Idle: 3 * day, Absolute: 14 * day},
		Default:     Standard,
		Min:         Limits{Idle: 15 * time.Minute, Absolute: time.Hour},
		Max:         Limits{Idle: 30 * day, Absolute: 90 * day},
		Ceiling:     Limits{Idle: 30 * day, Absolute: 90 * day},
		MaxSessions: 100,
	}
}

// MostSessions is the highest cap on login sessions per user that the database takes.
const MostSessions = 1000

// shortestSpan keeps an access token's life, a third of the idle window, above
// the time that a request takes.
const shortestSpan = time.Second

// Validate returns all that is wrong with the operator's settings, in words for
// the operator.
func (b Bounds) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	for _, l := range []struct {
		name   string
		limits Limits
	}{{"strict preset", b.Strict}, {"standard preset", b.Standard}, {"shortest custom spans", b.Min}, {"longest custom spans", b.Max}, {"ceiling", b.Ceiling}} {
		check(l.limits.Idle >= shortestSpan, "%s: the idle window %v is shorter than %v", l.name, l.limits.Idle, shortestSpan)
		check(l.limits.Idle <= l.limits.Absolute, "%s: the idle window %v is longer than the absolute span %v", l.name, l.limits.Idle, l.limits.Absolute)
	}
	check(b.Min.Idle <= b.Highest().Idle, "the shortest idle window %v is longer than the longest, %v", b.Min.Idle, b.Highest().Idle)
	check(b.Min.Absolute <= b.Highest().Absolute, "the shortest absolute span %v is longer than the longest, %v", b.Min.Absolute, b.Highest().Absolute)
	check(b.Default == Strict || b.Default == Standard, "the default preset is %q; it has to be %s or %s", b.Default, Strict, Standard)
	check(b.MaxSessions >= 1 && b.MaxSessions <= MostSessions, "the highest cap on login sessions per user is %d; it has to be from 1 to %d", b.MaxSessions, MostSessions)
	return errors.Join(problems...)
}

// Highest returns the longest custom spans, the ceiling considered.
func (b Bounds) Highest() Limits { return b.Max.within(b.Ceiling) }

// Preset returns the spans of a preset, the ceiling considered. Custom has none.
func (b Bounds) Preset(p Preset) Limits {
	switch p {
	case Strict:
		return b.Strict.within(b.Ceiling)
	case Standard:
		return b.Standard.within(b.Ceiling)
	}
	return Limits{}
}

// Resolve returns the policy that holds for an account with a choice, or with
// none where choice is nil.
func (b Bounds) Resolve(choice *Choice) Policy {
	if choice == nil {
		return Policy{Preset: b.Default, Limits: b.Preset(b.Default), AtCap: EndLeastRecentlyActive, Inherited: true}
	}
	p := Policy{
		Preset: choice.Preset, Limits: b.spans(choice.LimitsChoice),
		MaxSessions: choice.MaxSessions, AtCap: choice.AtCap,
		ChosenAt: choice.ChosenAt, ChosenBy: choice.ChosenBy,
	}
	if choice.Admins != nil {
		admins := b.spans(*choice.Admins).within(p.Limits)
		p.Admins, p.AdminsPreset = &admins, choice.Admins.Preset
	}
	return p
}

// spans returns what a choice comes to, the ceiling considered.
func (b Bounds) spans(c LimitsChoice) Limits {
	if c.Preset == Custom {
		return c.Limits.within(b.Ceiling)
	}
	return b.Preset(c.Preset)
}

// PolicyInput is what an owner asks for. nil means that a field was left out.
type PolicyInput struct {
	LimitsInput
	Admins      *LimitsInput // tighter limits of owners and admins
	MaxSessions *int         // nil means any number
	AtCap       AtCap        // empty means EndLeastRecentlyActive
}

// LimitsInput is a choice of limits in minutes, as in the API.
type LimitsInput struct {
	Preset          Preset
	IdleMinutes     *int // with Custom only
	AbsoluteMinutes *int // with Custom only
}

// Choose turns what an owner asks for into a choice. All that is out of bounds
// comes back as BadUserInput faults, joined, each naming its field.
func (b Bounds) Choose(in PolicyInput) (Choice, error) {
	c := Choice{AtCap: EndLeastRecentlyActive}
	var errs [4]error
	c.LimitsChoice, errs[0] = b.chooseLimits("input", in.LimitsInput, b.Min, b.Highest())
	if in.Admins != nil && errs[0] == nil {
		high := b.spans(c.LimitsChoice)
		admins, err := b.chooseLimits("input.admins", *in.Admins, b.Min.within(high), high)
		c.Admins, errs[1] = &admins, err
	}
	if in.MaxSessions != nil {
		c.MaxSessions = *in.MaxSessions
		if c.MaxSessions < 1 || c.MaxSessions > b.MaxSessions {
			errs[2] = fault.Input("input.maxSessionsPerUser", "This has to be from 1 to %d. Leave it out to allow any number.", b.MaxSessions)
		}
	}
	switch in.AtCap {
	case "":
	case EndLeastRecentlyActive, RefuseSignIn:
		c.AtCap = in.AtCap
	default:
		errs[3] = fault.Input("input.atSessionLimit", "There is no such rule. Choose %s or %s.", EndLeastRecentlyActive, RefuseSignIn)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return Choice{}, err
	}
	return c, nil
}

// chooseLimits checks a choice of limits, whose fields stand below field. Custom
// spans have to lie between low and high.
func (b Bounds) chooseLimits(field string, in LimitsInput, low, high Limits) (LimitsChoice, error) {
	c := LimitsChoice{Preset: in.Preset}
	fields := [...]struct {
		name    string
		minutes *int
		low     time.Duration
		high    time.Duration
		span    *time.Duration
	}{
		{field + ".idleMinutes", in.IdleMinutes, low.Idle, high.Idle, &c.Limits.Idle},
		{field + ".absoluteMinutes", in.AbsoluteMinutes, low.Absolute, high.Absolute, &c.Limits.Absolute},
	}
	var problems []error
	for _, f := range fields {
		switch {
		case in.Preset == Custom && f.minutes == nil:
			problems = append(problems, fault.Input(f.name, "A custom policy needs this. Enter from %d to %d minutes.", Minutes(f.low), Minutes(f.high)))
		case in.Preset == Custom && (*f.minutes < Minutes(f.low) || *f.minutes > Minutes(f.high)):
			problems = append(problems, fault.Input(f.name, "This has to be from %d to %d minutes.", Minutes(f.low), Minutes(f.high)))
		case in.Preset == Custom:
			// A bound that is no whole number of minutes is shown rounded up, so its
			// rounded value stands for it.
			*f.span = min(time.Duration(*f.minutes)*time.Minute, f.high)
		case f.minutes != nil:
			problems = append(problems, fault.Input(f.name, "The preset %s has its own spans. Leave this out, or choose %s.", in.Preset, Custom))
		}
	}
	switch in.Preset {
	case Strict, Standard, Custom:
	default:
		problems = []error{fault.Input(field+".preset", "There is no preset %q. Choose %s, %s or %s.", in.Preset, Strict, Standard, Custom)}
	}
	if len(problems) == 0 && c.Limits.Idle > c.Limits.Absolute {
		problems = append(problems, fault.Input(field+".idleMinutes", "This is longer than the whole login session may last. Choose at most %d minutes.", c.Limits.AbsoluteMinutes()))
	}
	if err := errors.Join(problems...); err != nil {
		return LimitsChoice{}, err
	}
	return c, nil
}
