package login

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/branchline/branchline/internal/fault"
)

var quick = Argon2{MemoryKiB: 64, Passes: 1, Parallelism: 1}

func TestPasswords_HashAndVerify(t *testing.T) {
	t.Parallel()
	p := NewPasswords(quick)
	ctx := t.Context()
	stored, err := p.Hash(ctx, "correct horse battery staple")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("the PHC string is %q, %v", stored, err)
	}
	if again, err := p.Hash(ctx, "correct horse battery staple"); err != nil || again == stored {
		t.Errorf("two hashes of a password are the same, %v", err)
	}
	match, stale, err := p.Verify(ctx, "correct horse battery staple", stored)
	if !match || stale || err != nil {
		t.Errorf("match %t, stale %t, %v", match, stale, err)
	}
	match, stale, err = p.Verify(ctx, "correct horse battery stable", stored)
	if match || stale || err != nil {
		t.Errorf("another password: match %t, stale %t, %v", match, stale, err)
	}
	match, stale, err = NewPasswords(DefaultArgon2()).Verify(ctx, "correct horse battery staple", stored)
	if !match || !stale || err != nil {
		t.Errorf("with other parameters: match %t, stale %t, %v", match, stale, err)
	}
	if match, _, err := p.Verify(ctx, Secret(strings.Repeat("x", maxPasswordBytes+1)), stored); match || err != nil {
		t.Errorf("a huge password: match %t, %v", match, err)
	}
	if err := p.VerifyNobody(ctx, "correct horse battery staple"); err != nil {
		t.Errorf("nobody's password: %v", err)
	}
}

// TestPasswords_ReferenceVector is from the argon2 command of the reference
// implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24.
func TestPasswords_ReferenceVector(t *testing.T) {
	t.Parallel()
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	match, _, err := NewPasswords(quick).Verify(t.Context(), "password", stored)
	if !match || err != nil {
		t.Errorf("match %t, %v", match, err)
	}
}

func TestPasswords_NobodyCostsTheSame(t *testing.T) {
	t.Parallel()
	p := NewPasswords(DefaultArgon2())
	params, salt, sum, err := parsePHC(p.nobody)
	if err != nil || params != DefaultArgon2() || len(salt) != saltBytes || len(sum) != hashBytes {
		t.Errorf("nobody's hash has %+v, %v", params, err)
	}
}

func TestPasswords_AsManyAtATimeAsThereAreCores(t *testing.T) {
	t.Parallel()
	p := NewPasswords(quick)
	for range cap(p.slots) {
		p.slots <- struct{}{} // a storm has taken every core
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(ctx, "correct horse battery staple"); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the cores: %v", err)
	}
	<-p.slots
	if _, err := p.Hash(t.Context(), "correct horse battery staple"); err != nil {
		t.Errorf("with a free core: %v", err)
	}
}

func TestCheckNewPassword_Lengths(t *testing.T) {
	t.Parallel()
	const owls = "🦉🌲💻🔌🎻🚜🧾🐭🌧🏮🎲🧊" // 12 characters
	tests := map[string]struct {
		password string
		ok       bool
	}{
		"12 characters":             {"owl and lamp", true},
		"11 characters":             {"owl and lam", false},
		"11 characters in 33 bytes": {"€₤₦₩₪₫₭₮₱₲₴", false},
		"12 characters in 48 bytes": {owls, true},
		"256 characters":            {strings.Repeat(owls, 21) + "🦉🌲💻🔌", true},
		"257 characters":            {strings.Repeat(owls, 21) + "🦉🌲💻🔌🎻", false},
		"NUL inside":                {"owl and\x00lamp", false},
		"not UTF-8":                 {"owl and lamps\xff", false},
		"spaces at the ends":        {" owl  lamps ", true},
		"11 characters in 12 parts": {"owl and le\u0301m", false},
		"255 in five bytes each":    {strings.Repeat("o\u0323\u0302a\u0323\u0302e\u0302\u0301u\u031b\u0300O\u0323\u0302", 51), true},
		"a megabyte":                {strings.Repeat("a", 1<<20), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckNewPassword("input.password", Secret(tt.password), About{})
			if (err == nil) != tt.ok {
				t.Errorf("the error is %v", err)
			}
			if f := fault.Of(err); f != nil && (f.Field != "input.password" || strings.Contains(f.Message, tt.password)) {
				t.Errorf("the fault is %+v", f)
			}
		})
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(phc(quick, make([]byte, 16), make([]byte, 32)))
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAA")
	f.Add("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		params, salt, sum, err := parsePHC(text)
		if err != nil {
			return
		}
		if params.MemoryKiB > 1<<20 || params.Passes < 1 || params.Parallelism < 1 || len(salt) < 8 || len(sum) < 16 {
			t.Errorf("%q gives %+v", text, params)
		}
		if again, _, _, err := parsePHC(phc(params, salt, sum)); err != nil || again != params {
			t.Errorf("%q does not come back: %+v, %v", text, again, err)
		}
	})
}

func TestPasswords_AStormLeavesNoHeapOfGarbage(t *testing.T) { // not parallel: it looks at the process's memory
	p := NewPasswords(DefaultArgon2())
	hash := func() {
		if _, err := p.Hash(t.Context(), "correct horse battery staple"); err != nil {
			t.Error(err)
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var storm sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		storm.Go(hash)
	}
	storm.Wait()
	runtime.ReadMemStats(&after)
	// HeapSys never shrinks: it is the most that was ever in use. One hash for each
	// core, one that is garbage, and one's room for what does not fit together.
	most := uint64(runtime.GOMAXPROCS(0)+2) * 19 << 20
	if grown := after.HeapSys - before.HeapSys; grown > most {
		t.Errorf("the heap grew by %d MiB, want at most %d", grown>>20, most>>20)
	}
}

func TestPasswords_AreTheSameOnEveryKeyboard(t *testing.T) {
	t.Parallel()
	p := NewPasswords(quick)
	const composed, decomposed = "caf\u00e9 owls and lamps", "cafe\u0301 owls and lamps"
	stored, err := p.Hash(t.Context(), composed)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[Secret]bool{decomposed: true, "cafe owls and lamps": false, "CAF\u00c9 OWLS AND LAMPS": false} {
		if match, _, err := p.Verify(t.Context(), password, stored); match != want || err != nil {
			t.Errorf("%x: match %t, %v", string(password), match, err)
		}
	}
}
