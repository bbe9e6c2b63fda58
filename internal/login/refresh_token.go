package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// RefreshToken is a refresh token as it was sent: where it claims to belong, and
// the MAC that proves it. Nothing in it may be trusted before Genuine.
type RefreshToken struct {
	AccountID  account.ID
	SessionID  SessionID
	Generation int64
	kid        string
	mac        []byte
}

var (
	invalidRefreshToken = fault.New(fault.Unauthenticated, "This refresh token is not valid. Sign in again.").Because(fault.InvalidRefreshToken)
	invalidAttempt      = fault.Input("input.attemptId", "This has to be 16 to 64 random letters, digits, - and _. Make one for each refresh token, and store it before the first attempt.")
)

// refreshMAC proves that a token of a generation was made here: neither the key
// nor the row alone suffices to make one. Salt and session have one length each,
// so no two inputs meet.
func refreshMAC(k *key, s Session, generation int64) []byte {
	h := hmac.New(sha256.New, k.refresh())
	session := s.ID.UUID()
	h.Write(s.Salt)
	h.Write(session[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(generation)))
	return h.Sum(nil)
}

// RefreshToken returns the refresh token of the session's present generation:
// `kid.account.session.generation.mac`. The same row gives the same token.
func (r *Ring) RefreshToken(s Session) Secret {
	return Secret(strings.Join([]string{
		r.signing.id, s.AccountID.String(), s.ID.String(), strconv.FormatInt(s.Generation, 10),
		base64.RawURLEncoding.EncodeToString(refreshMAC(r.signing, s, s.Generation)),
	}, "."))
}

// ParseRefreshToken reads a refresh token. Anything that does not look like one
// is Unauthenticated with the reason InvalidRefreshToken.
func ParseRefreshToken(text Secret) (RefreshToken, error) {
	if len(text) > 512 {
		return RefreshToken{}, invalidRefreshToken
	}
	parts := strings.Split(string(text), ".")
	if len(parts) != 5 || !urlSafe(parts[0], 1, 32) {
		return RefreshToken{}, invalidRefreshToken
	}
	t := RefreshToken{kid: parts[0]}
	if t.AccountID.UnmarshalText([]byte(parts[1])) != nil || t.SessionID.UnmarshalText([]byte(parts[2])) != nil {
		return RefreshToken{}, invalidRefreshToken
	}
	generation, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil || generation < 1 || strconv.FormatInt(generation, 10) != parts[3] {
		return RefreshToken{}, invalidRefreshToken
	}
	t.Generation = generation
	t.mac, err = base64.RawURLEncoding.Strict().DecodeString(parts[4])
	if err != nil || len(t.mac) != sha256.Size {
		return RefreshToken{}, invalidRefreshToken
	}
	return t, nil
}

// Genuine says whether the token was made here for this session.
func (r *Ring) Genuine(t RefreshToken, s Session) bool {
	k := r.byID[t.kid]
	return k != nil && t.SessionID == s.ID && t.AccountID == s.AccountID && hmac.Equal(t.mac, refreshMAC(k, s, t.Generation))
}

// HashAttempt checks the id that a client gave its attempt to refresh, 16 to 64
// characters of A–Z, a–z, 0–9, - and _, and returns its hash, which is all that is
// kept of it.
func HashAttempt(id Secret) ([]byte, error) {
	if !urlSafe(string(id), 16, 64) {
		return nil, invalidAttempt
	}
	sum := sha256.Sum256([]byte(id))
	return sum[:], nil
}

// Verdict says what to do about a refresh token that was presented.
type Verdict int

// The verdicts. Those up to Reuse refuse.
const (
	NotGenuine  Verdict = iota // rule 1: not made here; refuse and change nothing
	AlreadyOver                // the session has ended; refuse with its reason
	PastEnd                    // a deadline has passed; end the session and refuse
	Reuse                      // rule 6: a copy is in other hands; end the session and refuse
	Rotate                     // rules 2 and 7: activity; a new generation, its token is sent
	Stay                       // rule 2, young generation: activity; the token that the client holds stays the present one
	AccessOnly                 // rules 3 and 5: an access token and nothing else
	Adopt                      // rules 7 and 3: the presented generation becomes the present one; an access token only
	Replay                     // rule 4: the answer that was lost, once more
)

// String names the verdict.
func (v Verdict) String() string {
	return [...]string{"not genuine", "already over", "past end", "reuse", "rotate", "stay", "access only", "adopt", "replay"}[v]
}

// Presented is a refresh token and how it was presented.
type Presented struct {
	Generation int64
	Genuine    bool   // see Ring.Genuine
	Attempt    []byte // hash of the attempt's id
	Passive    bool   // no activity of a person
}

// Decide judges a refresh token by the session's row, at now. It is the whole of
// the rules; Session.apply does what it says.
//
// A generation younger than grace is not rotated again, and its predecessor may
// still come from another tab. A refresh token is sent by Rotate and by Replay and
// by nothing else, so that no late answer puts an old token over a newer one, and
// nobody learns the new token by presenting the old one.
func Decide(s Session, p Presented, now time.Time, grace time.Duration) Verdict {
	young := now.Before(s.GenerationAt.Add(grace))
	switch {
	case !p.Genuine:
		return NotGenuine
	case !s.EndedAt.IsZero():
		return AlreadyOver
	}
	if _, passed := s.Deadlines.Passed(now); passed {
		return PastEnd
	}
	switch {
	case p.Generation > s.Generation && p.Passive: // the database lost what came after a backup or a failover
		return Adopt
	case p.Generation > s.Generation:
		return Rotate
	case p.Generation == s.Generation && p.Passive:
		return AccessOnly
	case p.Generation == s.Generation && young:
		return Stay
	case p.Generation == s.Generation:
		return Rotate
	case p.Generation == s.Generation-1 && s.AttemptHash != nil && hmac.Equal(s.AttemptHash, p.Attempt):
		return Replay
	case p.Generation == s.Generation-1 && young:
		return AccessOnly
	}
	return Reuse
}

// apply returns the session as it is after the verdict on p at now, and whether
// anything changed. It does not end sessions.
func (s Session) apply(v Verdict, p Presented, now time.Time) (Session, bool) {
	switch v {
	case Rotate:
		s.Generation = max(s.Generation, p.Generation) + 1
		s.GenerationAt, s.AttemptHash = now, p.Attempt
	case Adopt:
		s.Generation = p.Generation
		s.GenerationAt, s.AttemptHash = now, nil
	case Stay:
	default:
		return s, false
	}
	if v != Adopt { // a person did something
		s.LastActiveAt = later(s.LastActiveAt, now)
		s.Deadlines = s.Deadlines.Extend(s.Idle, now)
	}
	return s, true
}

// sendsToken says whether the verdict's answer has a refresh token.
func (v Verdict) sendsToken() bool { return v == Rotate || v == Replay }

// graceOf returns the span for which a session's generation counts as young: the
// operator's setting, at most a tenth of the idle window.
func graceOf(setting, idle time.Duration) time.Duration { return min(setting, idle/10) }
