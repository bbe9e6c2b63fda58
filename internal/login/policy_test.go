package login

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

func custom(idle, absolute int) LimitsInput {
	return LimitsInput{Preset: Custom, IdleMinutes: &idle, AbsoluteMinutes: &absolute}
}

// fieldsOf returns the fields of the faults in err, in order.
func fieldsOf(err error) []string {
	var fields []string
	var walk func(error)
	walk = func(err error) {
		if f, ok := err.(*fault.Fault); ok {
			fields = append(fields, f.Field)
			return
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
	return fields
}

func TestBounds_Choose(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   PolicyInput
		want []string // fields at fault
	}{
		"strict":                        {PolicyInput{LimitsInput: LimitsInput{Preset: Strict}}, nil},
		"the shortest":                  {PolicyInput{LimitsInput: custom(15, 60)}, nil},
		"the longest":                   {PolicyInput{LimitsInput: custom(30*24*60, 90*24*60)}, nil},
		"AAL3":                          {PolicyInput{LimitsInput: custom(15, 12*60)}, nil},
		"both too short":                {PolicyInput{LimitsInput: custom(14, 59)}, []string{"input.idleMinutes", "input.absoluteMinutes"}},
		"both too long":                 {PolicyInput{LimitsInput: custom(30*24*60+1, 90*24*60+1)}, []string{"input.idleMinutes", "input.absoluteMinutes"}},
		"negative":                      {PolicyInput{LimitsInput: custom(-1, -1)}, []string{"input.idleMinutes", "input.absoluteMinutes"}},
		"idle longer than absolute":     {PolicyInput{LimitsInput: custom(61, 60)}, []string{"input.idleMinutes"}},
		"custom without spans":          {PolicyInput{LimitsInput: LimitsInput{Preset: Custom}}, []string{"input.idleMinutes", "input.absoluteMinutes"}},
		"strict with a span":            {PolicyInput{LimitsInput: LimitsInput{Preset: Strict, IdleMinutes: new(20)}}, []string{"input.idleMinutes"}},
		"no such preset":                {PolicyInput{LimitsInput: LimitsInput{Preset: "LAX"}}, []string{"input.preset"}},
		"tighter for admins":            {PolicyInput{LimitsInput: custom(60, 600), Admins: &LimitsInput{Preset: Custom, IdleMinutes: new(15), AbsoluteMinutes: new(60)}}, nil},
		"a preset for admins":           {PolicyInput{LimitsInput: LimitsInput{Preset: Standard}, Admins: &LimitsInput{Preset: Strict}}, nil},
		"longer for admins":             {PolicyInput{LimitsInput: custom(60, 600), Admins: &LimitsInput{Preset: Custom, IdleMinutes: new(61), AbsoluteMinutes: new(601)}}, []string{"input.admins.idleMinutes", "input.admins.absoluteMinutes"}},
		"a cap":                         {PolicyInput{LimitsInput: LimitsInput{Preset: Strict}, MaxSessions: new(100), AtCap: RefuseSignIn}, nil},
		"a cap of none":                 {PolicyInput{LimitsInput: LimitsInput{Preset: Strict}, MaxSessions: new(0)}, []string{"input.maxSessionsPerUser"}},
		"a cap beyond the operator's":   {PolicyInput{LimitsInput: LimitsInput{Preset: Strict}, MaxSessions: new(101)}, []string{"input.maxSessionsPerUser"}},
		"no such rule at the cap":       {PolicyInput{LimitsInput: LimitsInput{Preset: Strict}, AtCap: "SHRUG"}, []string{"input.atSessionLimit"}},
		"several things in two objects": {PolicyInput{LimitsInput: custom(1, 60), MaxSessions: new(-1)}, []string{"input.idleMinutes", "input.maxSessionsPerUser"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DefaultBounds().Choose(tt.in)
			if diff := cmp.Diff(tt.want, fieldsOf(err)); diff != "" {
				t.Errorf("fields at fault (-want +got):\n%s", diff)
			}
			if len(tt.want) > 0 && !errors.Is(err, fault.BadUserInput) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestBounds_InSeconds is a deployment whose spans are no whole minutes.
func TestBounds_InSeconds(t *testing.T) {
	t.Parallel()
	b := DefaultBounds()
	b.Min = Limits{Idle: 3 * time.Second, Absolute: 10 * time.Second}
	b.Max = Limits{Idle: 90 * time.Second, Absolute: 150 * time.Second}
	b.Ceiling, b.Strict, b.Standard = b.Max, b.Min, b.Max
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	for idle, want := range map[int]time.Duration{1: time.Minute, 2: 90 * time.Second} {
		c, err := b.Choose(PolicyInput{LimitsInput: custom(idle, 3)})
		if err != nil || c.Limits.Idle != want || c.Limits.Absolute != 150*time.Second {
			t.Errorf("%d minutes are %+v, %v", idle, c.Limits, err)
		}
	}
	if _, err := b.Choose(PolicyInput{LimitsInput: custom(3, 3)}); !slices.Equal(fieldsOf(err), []string{"input.idleMinutes"}) {
		t.Errorf("3 minutes: %v", err)
	}
	if got := b.Resolve(&Choice{LimitsChoice: LimitsChoice{Preset: Strict}}).IdleMinutes(); got != 1 {
		t.Errorf("3 s are %d minutes", got)
	}
}

func TestBounds_Resolve(t *testing.T) {
	t.Parallel()
	b := DefaultBounds()
	if p := b.Resolve(nil); !p.Inherited || p.Preset != Standard || p.Limits != b.Standard {
		t.Errorf("without a choice %+v", p)
	}
	b.Default = Strict
	if p := b.Resolve(nil); p.Preset != Strict || p.Limits != b.Strict {
		t.Errorf("after the operator changed the default %+v", p)
	}
	b.Ceiling = Limits{Idle: 2 * time.Hour, Absolute: 8 * time.Hour}
	for _, c := range []LimitsChoice{{Preset: Standard}, {Preset: Custom, Limits: Limits{Idle: 24 * time.Hour, Absolute: 48 * time.Hour}}} {
		if p := b.Resolve(&Choice{LimitsChoice: c}); p.Limits != b.Ceiling {
			t.Errorf("%s is %+v, above the ceiling", c.Preset, p.Limits)
		}
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := b.Choose(PolicyInput{LimitsInput: custom(121, 481)}); len(fieldsOf(err)) != 2 {
		t.Errorf("above the ceiling: %v", err)
	}
	b.Default = Custom
	b.Strict.Idle = 48 * time.Hour
	b.Min.Idle = 0
	b.MaxSessions = 0
	if err := b.Validate(); err == nil || len(err.(interface{ Unwrap() []error }).Unwrap()) != 4 {
		t.Errorf("four problems: %v", err)
	}
	if b = DefaultBounds(); b.Validate() != nil {
		t.Error(b.Validate())
	}
	if b.MaxSessions = MostSessions + 1; b.Validate() == nil {
		t.Error("a cap that the database does not take is no problem")
	}
}

func drawLimits(t *rapid.T, name string) Limits {
	absolute := time.Duration(rapid.Int64Range(int64(time.Second), int64(90*24*time.Hour)).Draw(t, name+" absolute"))
	return Limits{Idle: time.Duration(rapid.Int64Range(int64(time.Second), int64(absolute)).Draw(t, name+" idle")), Absolute: absolute}
}

func TestPolicy_StartAndShorten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Limits: drawLimits(t, "everybody")}
		if rapid.Bool().Draw(t, "admins too") {
			admins := drawLimits(t, "admins")
			p.Admins = &admins
		}
		role := rapid.SampledFrom(account.Roles()).Draw(t, "role")
		d := p.Start(role, noon)
		if !d.Idle.After(noon) || d.Idle.After(d.Absolute) || d.Absolute.After(noon.Add(p.Absolute)) || d.Idle.After(noon.Add(p.Idle)) {
			t.Fatalf("%s begins with %+v", role, d)
		}
		if plain := (Policy{Limits: p.Limits}).Start(role, noon); d.Idle.After(plain.Idle) || d.Absolute.After(plain.Absolute) {
			t.Fatalf("limits of admins lengthen %+v to %+v", plain, d)
		}

		_, s := someone()
		s.Idle, s.Deadlines = p.For(role).Idle, d
		s.LastActiveAt = noon.Add(time.Duration(rapid.Int64Range(0, int64(d.Idle.Sub(noon))-1).Draw(t, "active")))
		s.Deadlines = s.Deadlines.Extend(s.Idle, s.LastActiveAt)
		limits := drawLimits(t, "new")
		got := s.Shorten(limits)
		if got.Idle > s.Idle || got.Deadlines.Idle.After(s.Deadlines.Idle) || got.Deadlines.Absolute.After(s.Deadlines.Absolute) {
			t.Fatalf("%+v was lengthened to %+v", s, got)
		}
		if got.Deadlines.Idle.After(got.Deadlines.Absolute) || got.Idle > limits.Idle || got.Deadlines.Absolute.Sub(s.SignedInAt) > limits.Absolute || got.Deadlines.Idle.Sub(s.LastActiveAt) > limits.Idle {
			t.Fatalf("%+v is not within %+v", got, limits)
		}
		if again := got.Shorten(limits); !cmp.Equal(again.Deadlines, got.Deadlines) || again.Idle != got.Idle {
			t.Fatalf("a second time changes %+v to %+v", got, again)
		}
	})
}
