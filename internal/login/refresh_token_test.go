package login

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/fault"
)

func TestRefreshToken_RoundTrip(t *testing.T) {
	t.Parallel()
	_, s := someone()
	key := NewKey()
	ring := newRing(t, key)
	s.Generation = 7
	text := ring.RefreshToken(s)
	if again := ring.RefreshToken(s); again != text {
		t.Error("the same row gives another token")
	}
	token, err := ParseRefreshToken(text)
	if err != nil || token.AccountID != s.AccountID || token.SessionID != s.ID || token.Generation != 7 || !ring.Genuine(token, s) {
		t.Errorf("token %+v, %v", token, err)
	}
	later := s
	later.Generation = 9
	if !ring.Genuine(token, later) {
		t.Error("an older generation is not genuine")
	}
	if !newRing(t, NewKey(), key).Genuine(token, s) {
		t.Error("after the rotation of keys it is not genuine")
	}
	otherSalt, otherSession := s, s
	otherSalt.Salt = bytes.Repeat([]byte{1}, saltBytes)
	otherSession.ID = NewSessionID()
	if newRing(t).Genuine(token, s) || ring.Genuine(token, otherSalt) || ring.Genuine(token, otherSession) {
		t.Error("it is genuine with another key, salt or session")
	}
	more := token
	more.Generation++
	if ring.Genuine(more, s) {
		t.Error("the generation is not under the MAC")
	}
}

func FuzzParseRefreshToken(f *testing.F) {
	_, s := someone()
	ring := newRing(f)
	good := string(ring.RefreshToken(s))
	f.Add(good)
	f.Add(strings.Replace(good, ".1.", ".01.", 1))
	f.Add("a.b.c.d.e")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ParseRefreshToken(Secret(text))
		if err != nil {
			if fault.ReasonOf(err) != fault.InvalidRefreshToken {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if ring.Genuine(token, s) && text != good {
			t.Errorf("%q passes as well", text)
		}
	})
}

func TestDecide(t *testing.T) {
	t.Parallel()
	mine, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	const grace = 30 * time.Second
	// The row has generation 5, made at noon by the attempt mine.
	tests := map[string]struct {
		age  time.Duration
		p    Presented
		end  EndReason
		want Verdict
	}{
		"rule 1: not genuine":                         {0, Presented{5, false, mine, false}, "", NotGenuine},
		"rule 1: not genuine, on an ended session":    {0, Presented{5, false, mine, false}, LoggedOut, NotGenuine},
		"rule 1: not genuine, past the deadline":      {time.Hour, Presented{5, false, mine, false}, "", NotGenuine},
		"the session has ended":                       {0, Presented{5, true, mine, false}, RevokedByOwner, AlreadyOver},
		"an old token of an ended session":            {time.Minute, Presented{1, true, mine, false}, RevokedByOwner, AlreadyOver},
		"at the idle deadline":                        {time.Hour, Presented{5, true, mine, false}, "", PastEnd},
		"passive at the idle deadline":                {time.Hour, Presented{5, true, mine, true}, "", PastEnd},
		"a ns before the idle deadline":               {time.Hour - 1, Presented{5, true, mine, false}, "", Rotate},
		"rule 2: young":                               {grace - 1, Presented{5, true, other, false}, "", Stay},
		"rule 2: no longer young":                     {grace, Presented{5, true, other, false}, "", Rotate},
		"rule 3: passive":                             {time.Minute, Presented{5, true, other, true}, "", AccessOnly},
		"rule 3: passive, young":                      {0, Presented{5, true, other, true}, "", AccessOnly},
		"rule 4: the attempt again":                   {0, Presented{4, true, mine, false}, "", Replay},
		"rule 4: the attempt again, late":             {time.Hour - 1, Presented{4, true, mine, false}, "", Replay},
		"rule 4: the attempt again, passive":          {time.Minute, Presented{4, true, mine, true}, "", Replay},
		"rule 5: another attempt, young":              {grace - 1, Presented{4, true, other, false}, "", AccessOnly},
		"rule 5: another attempt, young, passive":     {grace - 1, Presented{4, true, other, true}, "", AccessOnly},
		"rule 6: another attempt":                     {grace, Presented{4, true, other, false}, "", Reuse},
		"rule 6: another attempt, passive":            {grace, Presented{4, true, other, true}, "", Reuse},
		"rule 6: two behind, young, the same attempt": {0, Presented{3, true, mine, false}, "", Reuse},
		"rule 6: two behind, passive":                 {time.Minute, Presented{3, true, mine, true}, "", Reuse},
		"rule 7: newer":                               {0, Presented{6, true, other, false}, "", Rotate},
		"rule 7: much newer":                          {time.Minute, Presented{60, true, other, false}, "", Rotate},
		"rule 7 and 3: newer, passive":                {time.Minute, Presented{6, true, other, true}, "", Adopt},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, s := someone()
			s.Generation, s.AttemptHash = 5, mine
			if tt.end != "" {
				s.EndedAt, s.EndReason = noon, tt.end
			}
			now := noon.Add(tt.age)
			got := Decide(s, tt.p, now, grace)
			if got != tt.want {
				t.Fatalf("the verdict is %v, want %v", got, tt.want)
			}
			after, changed := s.apply(got, tt.p, now)
			moved := after.Deadlines != s.Deadlines
			if (got == Rotate || got == Stay) != (after.LastActiveAt == now) && tt.age > 0 || moved && got != Rotate && got != Stay {
				t.Errorf("activity by %v: deadlines moved %t", got, moved)
			}
			if got == Rotate && (after.Generation != max(5, tt.p.Generation)+1 || !bytes.Equal(after.AttemptHash, tt.p.Attempt) || !after.GenerationAt.Equal(now)) {
				t.Errorf("after the rotation %+v", after)
			}
			if got == Adopt && (after.Generation != tt.p.Generation || after.AttemptHash != nil) {
				t.Errorf("after the adoption %+v", after)
			}
			if got != Rotate && got != Adopt && after.Generation != 5 || changed != (got == Rotate || got == Adopt || got == Stay) {
				t.Errorf("%v changed the row: %t", got, changed)
			}
		})
	}

	// Verify that a first generation, which no attempt made, has no replay.
	_, s := someone()
	s.Generation = 2
	if got := Decide(s, Presented{1, true, nil, false}, noon.Add(time.Minute), grace); got != Reuse {
		t.Errorf("a row without an attempt: %v", got)
	}
}

func TestGrace_IsATenthOfAShortWindow(t *testing.T) {
	t.Parallel()
	if got := graceOf(30*time.Second, time.Minute); got != 6*time.Second {
		t.Errorf("%v", got)
	}
	if got := graceOf(30*time.Second, time.Hour); got != 30*time.Second {
		t.Errorf("%v", got)
	}
}
