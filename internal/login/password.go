package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a new password, in characters. NIST SP 800-63B-4 asks for 15 where a
// password is all, 8 beside a second factor, and for 64 and more to be allowed; it
// forbids rules about which characters.
const (
	MinPassword = 12
	MaxPassword = 256

	// maxPasswordBytes bounds what is normalised, as it was typed: a character may
	// come in several parts.
	maxPasswordBytes = 4 * MaxPassword * utf8.UTFMax
)

// Argon2 holds the parameters of argon2id (RFC 9106).
type Argon2 struct {
	MemoryKiB   uint32
	Passes      uint32
	Parallelism uint8
}

// DefaultArgon2 returns OWASP's second choice: 19 MiB, two passes, one lane. It is
// about 20 ms on a server's core.
func DefaultArgon2() Argon2 { return Argon2{MemoryKiB: 19 * 1024, Passes: 2, Parallelism: 1} }

const (
	saltBytes = 16
	hashBytes = 32
)

// Passwords hashes and verifies passwords, as many at a time as there are cores,
// so that a storm of sign-ins neither eats the memory nor starves everything else.
// Callers wait their turn until their context ends.
type Passwords struct {
	params Argon2
	slots  chan struct{}
	nobody string // a hash that no password has

	mu      sync.Mutex // guards what follows, and collecting
	running int64      // bytes that hashes at work hold
	ended   int64      // bytes that hashes held which ended since the last collection
	others  int64      // bytes that were in use beside hashes after that collection
}

// NewPasswords returns passwords that are hashed with these parameters. Hashes
// with others are verified with theirs.
func NewPasswords(params Argon2) *Passwords {
	return &Passwords{
		params: params,
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
		nobody: phc(params, make([]byte, saltBytes), make([]byte, hashBytes)),
	}
}

// Hash returns the PHC string of a password, with a new salt.
func (p *Passwords) Hash(ctx context.Context, password Secret) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	sum, err := p.run(ctx, password, p.params, salt, hashBytes)
	if err != nil {
		return "", err
	}
	return phc(p.params, salt, sum), nil
}

// Verify says whether password is the one that stored was made from, and whether
// it is worth hashing anew because the parameters have changed since. A damaged
// PHC string is an error for the operator.
func (p *Passwords) Verify(ctx context.Context, password Secret, stored string) (match, stale bool, err error) {
	params, salt, want, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	if len(password) > maxPasswordBytes {
		return false, false, nil // nobody's: none was ever accepted
	}
	got, err := p.run(ctx, password, params, salt, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	match = subtle.ConstantTimeCompare(got, want) == 1
	return match, match && (params != p.params || len(salt) != saltBytes || len(want) != hashBytes), nil
}

// VerifyNobody costs what Verify costs, for a user who does not exist.
func (p *Passwords) VerifyNobody(ctx context.Context, password Secret) error {
	_, _, err := p.Verify(ctx, password, p.nobody)
	return err
}

func (p *Passwords) run(ctx context.Context, password Secret, params Argon2, salt []byte, length uint32) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a core to hash a password: %w", context.Cause(ctx))
	}
	defer func() { <-p.slots }()
	held := int64(params.MemoryKiB) << 10
	p.mu.Lock()
	p.running += held
	p.mu.Unlock()
	defer p.release(held)
	// The same text is typed in several ways: on one system é is one character, on
	// another one it is two (NIST SP 800-63B-4, 3.1.1.2).
	return argon2.IDKey(norm.NFKC.Bytes([]byte(password)), salt, params.Passes, params.MemoryKiB, params.Parallelism, length), nil
}

// release has the memory of hashes collected when those that ended held as much as
// one does, and as much as everything else in the process. Go's own pace takes what
// hashes hold at the moment for memory that stays, and lets as much garbage again
// pile up: twice what a storm of sign-ins needs. The caller keeps its slot, so that
// no other hash begins meanwhile. Where much else is in use Go collects as seldom as
// without.
func (p *Passwords) release(held int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running -= held
	p.ended += held
	if p.ended < max(int64(p.params.MemoryKiB)<<10, p.others) {
		return
	}
	runtime.GC()
	p.ended = 0
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	p.others = int64(live[0].Value.Uint64()) - p.running
}

// phc writes a hash in the PHC string format:
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash
func phc(params Argon2, salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, params.MemoryKiB, params.Passes, params.Parallelism, b64(salt), b64(sum))
}

var errPHC = errors.New("a stored password is not an argon2id PHC string")

// parsePHC reads what phc wrote. Parameters beyond what a server can bear are
// refused: they would come from a damaged or planted row.
func parsePHC(text string) (params Argon2, salt, sum []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return params, nil, nil, errPHC
	}
	limits := [...]struct {
		prefix string
		high   uint64
	}{{"m=", 1 << 20}, {"t=", 64}, {"p=", 64}}
	var values [3]uint64
	fields := strings.Split(parts[3], ",")
	if len(fields) != len(limits) {
		return params, nil, nil, errPHC
	}
	for i, l := range limits {
		digits, found := strings.CutPrefix(fields[i], l.prefix)
		values[i], err = strconv.ParseUint(digits, 10, 32)
		if !found || err != nil || values[i] < 1 || values[i] > l.high {
			return params, nil, nil, errPHC
		}
	}
	params = Argon2{MemoryKiB: uint32(values[0]), Passes: uint32(values[1]), Parallelism: uint8(values[2])}
	salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return params, nil, nil, errPHC
	}
	sum, err = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || len(sum) < 16 || len(sum) > 64 {
		return params, nil, nil, errPHC
	}
	return params, salt, sum, nil
}
