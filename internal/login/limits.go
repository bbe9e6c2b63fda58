package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// TryLimits say how often somebody may try what a password or an invitation opens,
// before anything is hashed. The zero value is not valid: begin with DefaultTryLimits.
//
// A rate that holds for a network holds sixteenfold for the /48 around it in IPv6,
// which has 256 of them and may be one customer's.
type TryLimits struct {
	// Off lets everything through, for tests under load.
	Off bool
	// PerName holds for one name from one network: hard. What succeeds gives all
	// of it back.
	PerName Rate
	// PerAddress holds for one network, whatever the names: hard. What succeeds
	// gives its token back, so an office that signs in at nine costs itself nothing.
	PerAddress Rate
	// PerNameEverywhere is how many failures a name may have, from wherever, before
	// networks that are not known as the person's own have to wait: for 1 s, then
	// 2 s, 4 s and so on up to LongestDelay, once from each network. Nobody is ever
	// refused for longer, so nobody can lock a colleague out.
	PerNameEverywhere Rate
	LongestDelay      time.Duration
	// Register holds for new accounts from one network.
	Register Rate
	// Invitations holds for looking at invitations, and accepting them, from one
	// network. What a right secret opens gives its token back.
	Invitations Rate
	// Confirm holds for confirming one's own password in one login session. A right
	// one gives all of it back.
	Confirm Rate
	// Invite holds for inviting people into one account, whether that succeeds or not:
	// each answer tells whether an address is taken.
	Invite Rate
}

// Rate is a supply of tokens.
type Rate struct {
	Burst int           // tokens when it is full
	Every time.Duration // one comes back
}

// full is how long an empty supply takes to be full again.
func (r Rate) full() time.Duration { return time.Duration(r.Burst) * r.Every }

// wide returns the rate for the network around one that r holds for.
func (r Rate) wide() Rate {
	return Rate{r.Burst * wider, (r.Every / wider).Truncate(time.Microsecond)}
}

// DefaultTryLimits returns the product's defaults. With them one address makes 10
// guesses at a name and one more each minute, and whoever has many addresses at
// most one each half a minute from each.
func DefaultTryLimits() TryLimits {
	return TryLimits{
		PerName:           Rate{10, time.Minute},
		PerAddress:        Rate{100, 2 * time.Second},
		PerNameEverywhere: Rate{20, time.Minute},
		LongestDelay:      30 * time.Second,
		Register:          Rate{20, 3 * time.Minute},
		Invitations:       Rate{30, 10 * time.Second},
		Confirm:           Rate{5, time.Minute},
		Invite:            Rate{100, time.Minute},
	}
}

// Validate returns all that is wrong with the limits, in words for the operator.
func (l TryLimits) Validate() error {
	var problems []error
	for name, r := range map[string]Rate{
		"a name from one address": l.PerName, "one address": l.PerAddress, "a name from everywhere": l.PerNameEverywhere,
		"new accounts": l.Register, "invitations": l.Invitations, "confirming a password": l.Confirm,
		"inviting people": l.Invite,
	} {
		if r.Burst < 1 || r.Burst > 100_000 || r.Every < time.Millisecond || r.Every > 24*time.Hour {
			problems = append(problems, fmt.Errorf("the limit of tries for %s has to have 1 to 100,000 tokens, one of which comes back in 1 ms to 24 h", name))
		}
	}
	if l.LongestDelay < 0 || l.LongestDelay > time.Hour {
		problems = append(problems, errors.New("the longest delay of a name has to be from 0 to 1 h"))
	}
	return errors.Join(problems...)
}

const (
	// knownFor is how long a network counts as a person's own after a sign-in: as
	// long as the longest login session lasts.
	knownFor = 90 * 24 * time.Hour
	// toldEvery is how often the audit log says that tries at a name are refused.
	toldEvery = 15 * time.Minute
	// wider is how many times as much the /48 of an IPv6 address may try as its /56.
	wider = 16
)

// LimitKey is what tokens are counted for: a MAC, so that neither names nor addresses
// are kept, nor can be found by guessing without the key.
type LimitKey [16]byte

// limitKey is the same in all processes that sign with the same key. With another key
// all supplies are full, and no network is known.
func (r *Ring) limitKey(kind string, parts ...string) LimitKey {
	h := hmac.New(sha256.New, r.signing.limits())
	for _, part := range append([]string{kind}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return LimitKey(h.Sum(nil)[:16])
}

// Network returns what an address's tries are counted for: the address itself of
// IPv4, which offices and whole streets share already, so that a wider net would
// hold neighbours liable; and the /56 of IPv6, which providers give to one customer,
// who could use another /64 for each guess. What is no address is a network itself.
func Network(ip string) string { return networkOf(ip, 56) }

// around returns the network around Network, which has a wider supply: the /48 of
// IPv6, which is one customer's where the provider is generous. It is empty where
// there is none.
func around(ip string) string {
	if wide := networkOf(ip, 48); wide != Network(ip) {
		return wide
	}
	return ""
}

func networkOf(ip string, bits int) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}

// Supply is how many tokens a key has, and what else is known of it. The zero value
// is a key that was never seen: all tokens are there.
type Supply struct {
	FullAt     time.Time // when all tokens are back
	Since      time.Time // when it was last tried, or first made to wait
	KnownUntil time.Time // until when the network is known to be the person's own; zero if never
}

// Take takes one token of a key.
type Take struct {
	Key  LimitKey
	Rate Rate
	// Most bounds how long the supply may take to be full again. Where Soft is set
	// a token is taken beyond that too, and the supply stays as empty as that: giving
	// such a token back makes it fuller than it was.
	Most time.Duration
	Soft bool
}

func (r Rate) take(key LimitKey) Take { return Take{Key: key, Rate: r, Most: r.full()} }

// wait returns how long it takes until a token is there.
func (t Take) wait(s Supply, now time.Time) time.Duration {
	if t.Soft {
		return 0
	}
	full := now
	if s.FullAt.After(now) {
		full = s.FullAt
	}
	return max(0, full.Add(t.Rate.Every-t.Most).Sub(now))
}

// GiveBack returns tokens that a success had taken.
type GiveBack struct {
	Key LimitKey
	// By is how much earlier the supply is full; all of it where that is zero.
	By time.Duration
	// Known says that the network is the person's own until then.
	Known time.Time
}

// limited is which limit refused somebody, for the audit log and the metrics.
type limited string

const (
	limitedName       limited = "NAME_FROM_ADDRESS"
	limitedAddress    limited = "ADDRESS"
	limitedEverywhere limited = "NAME_EVERYWHERE"
	limitedRegister   limited = "REGISTER"
	limitedInvitation limited = "INVITATION"
	limitedConfirm    limited = "CONFIRM_PASSWORD"
	limitedInvite     limited = "INVITE"
)

// refusals counts what this process refused.
type refusals struct{ name, address, everywhere, register, invitation, confirm, invite atomic.Uint64 }

func (r *refusals) of(l limited) *atomic.Uint64 {
	return map[limited]*atomic.Uint64{
		limitedName: &r.name, limitedAddress: &r.address, limitedEverywhere: &r.everywhere,
		limitedRegister: &r.register, limitedInvitation: &r.invitation, limitedConfirm: &r.confirm,
		limitedInvite: &r.invite,
	}[l]
}

// Refusals returns how many tries this process has refused since it started, by
// the limit.
func (s *Service) Refusals() map[string]uint64 {
	counts := map[string]uint64{}
	for _, l := range []limited{limitedName, limitedAddress, limitedEverywhere, limitedRegister, limitedInvitation, limitedConfirm, limitedInvite} {
		counts[string(l)] = s.refusals.of(l).Load()
	}
	return counts
}

// tooOften counts a refusal and words it. The words are the same whichever limit
// it was, and whether the name is anybody's or not.
func (s *Service) tooOften(by limited, wait time.Duration) error {
	s.refusals.of(by).Add(1)
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	return fault.New(fault.RateLimited, "That was tried too often. Try again in %s.", spanWords(seconds)).With("retryAfterSeconds", seconds)
}

func spanWords(seconds int) string {
	switch {
	case seconds == 1:
		return "a second"
	case seconds < 120:
		return fmt.Sprintf("%d seconds", seconds)
	}
	return fmt.Sprintf("%d minutes", (seconds+59)/60)
}

// permit is leave to try once. What a success had taken is given back by it.
type permit struct{ back []GiveBack }

// limit is a Take with what is said when it refuses.
type limit struct {
	Take
	by limited
}

// take takes a token of each limit, in order, or is RateLimited. What a look without
// a lock says comes first, so that a flood of refused tries writes nothing.
func (s *Service) take(ctx context.Context, limits []limit, supplies map[LimitKey]Supply) error {
	now := s.now()
	takes := make([]Take, len(limits))
	for i, l := range limits {
		if wait := l.wait(supplies[l.Key], now); wait > 0 {
			return s.tooOften(l.by, wait)
		}
		takes[i] = l.Take
	}
	taken, err := s.Store.TakeTokens(ctx, takes, now)
	if err != nil {
		return err
	}
	if taken < len(limits) { // others were quicker
		refused := limits[taken]
		return s.tooOften(refused.by, refused.Rate.Every)
	}
	return nil
}

// mayTry takes a token of each supply, or is RateLimited.
func (s *Service) mayTry(ctx context.Context, by limited, takes ...Take) (permit, error) {
	if s.Settings.Tries.Off {
		return permit{}, nil
	}
	now := s.now()
	taken, err := s.Store.TakeTokens(ctx, takes, now)
	if err != nil {
		return permit{}, err
	}
	if taken < len(takes) {
		refused := takes[taken]
		supplies, err := s.Store.Supplies(ctx, []LimitKey{refused.Key})
		if err != nil {
			return permit{}, err
		}
		return permit{}, s.tooOften(by, refused.wait(supplies[refused.Key], now))
	}
	var p permit
	for _, t := range takes {
		p.back = append(p.back, GiveBack{Key: t.Key, By: t.Rate.Every})
	}
	return p, nil
}

// from returns what a try takes of the network that it comes from, and of the one
// around that.
func (s *Service) from(d Device, rate Rate, kind string) []Take {
	ip := d.clean().IP
	takes := []Take{rate.take(s.Ring.limitKey(kind, Network(ip)))}
	if wide := around(ip); wide != "" {
		takes = append(takes, rate.wide().take(s.Ring.limitKey(kind, wide)))
	}
	return takes
}

// maySignIn takes what a sign-in with a name takes, which may be nobody's: nothing of it
// depends on that. What is refused is told to the owners of the account that the
// name belongs to, once in a while.
func (s *Service) maySignIn(ctx context.Context, email string, d Device) (permit, error) {
	l := s.Settings.Tries
	if l.Off {
		return permit{}, nil
	}
	ip := d.clean().IP
	t := signInTry{
		pair:       l.PerName.take(s.Ring.limitKey("name", email, Network(ip))),
		net:        l.PerAddress.take(s.Ring.limitKey("address", Network(ip))),
		everywhere: l.PerNameEverywhere.take(s.Ring.limitKey("everywhere", email)),
	}
	t.everywhere.Soft = true
	t.everywhere.Most += time.Duration(doublings(l.LongestDelay)) * l.PerNameEverywhere.Every
	if wide := around(ip); wide != "" {
		t.around = true
		t.widePair = l.PerName.wide().take(s.Ring.limitKey("name", email, wide))
		t.wideNet = l.PerAddress.wide().take(s.Ring.limitKey("address", wide))
	}
	limits, err := s.passDelay(ctx, t)
	if errors.Is(err, fault.RateLimited) {
		if err := s.tell(ctx, email, d); err != nil {
			return permit{}, err
		}
	}
	var p permit
	for _, l := range limits {
		back := GiveBack{Key: l.Key, By: l.Rate.Every}
		if l.Key == t.pair.Key {
			back.By, back.Known = 0, s.now().Add(knownFor) // all of it
		}
		p.back = append(p.back, back)
	}
	return p, err
}

// signInTry is what a sign-in may take.
type signInTry struct {
	pair, net, everywhere Take
	around                bool // there is a network around the one that it comes from
	widePair, wideNet     Take
}

// keys are those that say whether it may be taken.
func (t signInTry) keys() []LimitKey {
	keys := []LimitKey{t.pair.Key, t.net.Key, t.everywhere.Key}
	if t.around {
		keys = append(keys, t.widePair.Key, t.wideNet.Key)
	}
	return keys
}

// limits returns what is taken, in the order in which rows are locked. From a network
// that is the person's own the one around it does not count: others may live there.
func (t signInTry) limits(own bool) []limit {
	pair, net, everywhere := limit{t.pair, limitedName}, limit{t.net, limitedAddress}, limit{t.everywhere, limitedEverywhere}
	if !t.around || own {
		return []limit{pair, net, everywhere}
	}
	return []limit{pair, {t.widePair, limitedName}, net, {t.wideNet, limitedAddress}, everywhere}
}

// passDelay takes the tokens of a sign-in, unless the name has had so many failures
// that a network which is not known has to wait first. It returns what it took.
func (s *Service) passDelay(ctx context.Context, t signInTry) ([]limit, error) {
	supplies, err := s.Store.Supplies(ctx, t.keys())
	if err != nil {
		return nil, err
	}
	l, now, mine := s.Settings.Tries, s.now(), supplies[t.pair.Key]
	own := mine.KnownUntil.After(now)
	if delay := l.delay(supplies[t.everywhere.Key], now); delay > 0 && !own {
		since := mine.Since
		if since.IsZero() {
			since = now
			if err := s.Store.BeginWait(ctx, t.pair.Key, now, now.Add(l.PerName.full()+l.LongestDelay)); err != nil {
				return nil, err
			}
		}
		if wait := since.Add(delay).Sub(now); wait > 0 {
			return nil, s.tooOften(limitedEverywhere, wait)
		}
	}
	limits := t.limits(own)
	return limits, s.take(ctx, limits, supplies)
}

// tell writes into the audit log that tries at a name are refused, once in
// toldEvery, however many there are.
func (s *Service) tell(ctx context.Context, email string, d Device) error {
	once := Rate{1, toldEvery}
	key := s.Ring.limitKey("told", email)
	now := s.now()
	supplies, err := s.Store.Supplies(ctx, []LimitKey{key})
	if err != nil || once.take(key).wait(supplies[key], now) > 0 {
		return err
	}
	taken, err := s.Store.TakeTokens(ctx, []Take{once.take(key)}, now)
	if err != nil || taken == 0 {
		return err
	}
	e := s.entry(account.SignInLimited, account.ID{}, account.UserID{}, d, now)
	e.Details["quietMinutes"] = int(toldEvery.Minutes())
	return s.Store.RecordFailure(ctx, email, e)
}

// delay is how long a network that is not known has to wait for a name.
func (l TryLimits) delay(name Supply, now time.Time) time.Duration {
	if !name.FullAt.After(now.Add(l.PerNameEverywhere.full())) || l.LongestDelay == 0 {
		return 0
	}
	over := name.FullAt.Sub(now) - l.PerNameEverywhere.full()
	steps := int((over - 1) / l.PerNameEverywhere.Every) // 0 for the first failure too many
	return min(time.Second<<min(steps, 12), l.LongestDelay)
}

// doublings is how many failures it takes until a delay that begins with a second
// and doubles is that long: so many are remembered and no more.
func doublings(longest time.Duration) int {
	return 1 + max(0, int(math.Ceil(math.Log2(max(longest.Seconds(), 1)))))
}

// succeeded gives back what a right password or secret had taken. It may fail
// without harm: tokens come back by themselves.
func (s *Service) succeeded(ctx context.Context, p permit) error {
	if len(p.back) == 0 {
		return nil
	}
	return s.Store.GiveTokensBack(ctx, p.back, s.now())
}

// ForgetLimits removes what the limits remember of tries that say nothing any more,
// at most limit of them. Any process may call it at any time.
func (s *Service) ForgetLimits(ctx context.Context, limit int) error {
	return s.Store.ForgetLimits(ctx, s.now(), limit)
}
