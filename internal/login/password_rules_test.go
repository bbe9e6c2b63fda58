package login_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/login/wordlist"
)

// ann is whose new passwords are checked.
var ann = login.About{AccountName: "Northwind IT Support", Name: "Ann Österberg", Email: "ann.osterberg+it@northwind-help.example.com"}

func refused(password string) bool {
	return login.CheckNewPassword("input.password", login.Secret(password), ann) != nil
}

// TestCheckNewPassword_NoCommonOnePasses measures: of the 10,000 commonest passwords
// 56 are long enough, and none of them passes; nor does one of all 30,000 that was
// made long enough in the ways in which people do that.
func TestCheckNewPassword_NoCommonOnePasses(t *testing.T) {
	t.Parallel()
	commonest := wordlist.Commonest()
	if len(commonest) != 30_000 {
		t.Fatalf("the list has %d passwords", len(commonest))
	}
	long := 0
	for i, word := range commonest {
		if i < 10_000 && utf8.RuneCountInString(word) >= login.MinPassword {
			long++
		}
		if refused(word) {
			continue
		}
		t.Errorf("%q passes, which is common", word)
	}
	if long != 56 {
		t.Errorf("%d of the 10,000 commonest are long enough, documents say 56", long)
	}
	dressings := map[string]func(word string) string{
		"digits behind":      func(w string) string { return w + "20262026" },
		"a year and a sign":  func(w string) string { return strings.ToUpper(w[:1]) + w[1:] + "-2026-11!" },
		"digits before":      func(w string) string { return "12345678" + w },
		"said several times": func(w string) string { return strings.Repeat(w, 1+login.MinPassword/len(w)) },
		"with spaces":        func(w string) string { return w + strings.Repeat(" "+w, login.MinPassword/len(w)) },
		"wide letters": func(w string) string {
			return strings.Map(func(r rune) rune {
				if r > ' ' && r < 0x7f {
					return r - '!' + '！'
				}
				return r
			}, w+"!!!!!!!!!!!!")
		},
	}
	for name, dress := range dressings {
		for i, word := range commonest {
			short := len(word) < 4 || len(word) < 6 && strings.Trim(word, "0123456789") == "" // any few digits are on the list
			if password := dress(word); i%3 == 0 && !short && !refused(password) {
				t.Errorf("%s: %q passes", name, password)
			}
		}
	}
}

func TestCheckNewPassword_GoodOnesPass(t *testing.T) {
	t.Parallel()
	for _, password := range []string{
		"correct horse battery staple", "printer under the stairs", "three blue lamps", "Kaffee ohne Zucker bitte", "le chat dort au soleil",
		"tea for the night shift", "seven grey mice", "my dog ate the cable", "rain on Tuesday morning", "lampshade-violin-gravel", "ocean tractor invoice 9",
		"zq8#Lm2!vR0w", "h7Gk2pXw9QzR", "V0lc4n0 g4rd3n m1st", "873019462850", "5f4dcc3b5aa7", "пять серых мышей", "毎朝コーヒーを二杯飲みます", "σήμερα βρέχει πολύ",
		"a long passphrase 1", "long enough to be one", "the northern lights", "Ann likes green tea", "support the local library", "branch after branch", "to be or not to be that is",
		"12 monkeys and a drum", "password of the day is mud", "x1x2x3y9y8y7", "grün ist die Heide", "e4 e5 Nf3 Nc6 Bb5", "two tickets to Lisbon",
	} {
		if err := login.CheckNewPassword("input.password", login.Secret(password), ann); err != nil {
			t.Errorf("%q is refused: %v", password, err)
		}
	}
}

func TestCheckNewPassword_BadOnesAreRefusedInWordsThatHelp(t *testing.T) {
	t.Parallel()
	const common, own = "first that anybody would guess", "made of your name"
	tests := map[string]string{
		"elevenchars": "11 characters", "": "0 characters", "short and é": "11 characters",
		strings.Repeat("ab cd ef ", 30): "longer than 256", "NUL in the\x00middle": "cannot be typed", "bad \xff bytes there": "cannot be typed",
		"password1234": common, "PASSWORD 2026": common, "P@ssw0rd1234": common, "p4$$w0rd!!!!!": common, "!!!letmein!!!!": common, "qwertyuiop12": common,
		"qwerty-qwerty": common, "iloveyou iloveyou": common, "iloveyouiloveyou2026": common, "123456789012": common, "111111111111": common, "abcabcabcabc": common,
		"abcdefghijklm": common, "zxcvbnm,./12": common, "aaaaaaaaaaaaaaaaaaaa": common, "987654321098": common, "        1       ": common, "ｐａｓｓｗｏｒｄ１２３４": common,
		"asdfghjkl;'12": common, "tr0ub4dor": "9 characters", "dragon.dragon.dragon": common, "Sunshine!!2025": common,
		"branchline2026": own, "Branchline123!": own, "northwind-2026": own, "NorthwindNorthwind": own, "Northwind IT Support": own, "annosterberg1": own,
		"ann.osterberg": own, "Österberg2026": own, "ann.osterberg+it@northwind-help.example.com": own, "northwindpassword": own, "B r a n c h l i n e": own, "northwind-ann-26": own,
		"n0rthw1nd2026": own, "BRANCHLINE!!!": own, "osterbergann99": own, "branchline demo": own,
	}
	for password, want := range tests {
		err := login.CheckNewPassword("input.password", login.Secret(password), ann)
		if f := fault.Of(err); f == nil || f.Field != "input.password" || f.Code != fault.BadUserInput || !strings.Contains(f.Message, want) {
			t.Errorf("%q: %v, want %q", password, err, want)
		}
		if err != nil && len(password) > 3 && strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

// TestCheckNewPassword_WordsTakenByChancePass draws three words of six letters, as
// passphrases are made.
func TestCheckNewPassword_WordsTakenByChancePass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[b-df-hj-np-tv-z][aeiou][b-df-hj-np-tv-z][aeiou][b-df-hj-np-tv-z]`)
		password := strings.Join([]string{word.Draw(t, "one"), word.Draw(t, "two"), word.Draw(t, "three")}, rapid.SampledFrom([]string{" ", "-", "", "."}).Draw(t, "between"))
		if refused(password) && password[:5] != password[len(password)-5:] {
			t.Errorf("%q is refused", password)
		}
	})
}

func FuzzCheckNewPassword(f *testing.F) {
	f.Add("correct horse battery staple", "Acme", "Ann", "ann@acme.example")
	f.Add("P@ssw0rd1234", "", "", "")
	f.Add("ǆǆǆǆǆǆǆǆǆǆǆǆ", "ﬁ", "İ", "@")
	f.Fuzz(func(t *testing.T, password, account, name, email string) {
		about := login.About{AccountName: account, Name: name, Email: email}
		err := login.CheckNewPassword("f", login.Secret(password), about)
		if err != nil && !errors.Is(err, fault.BadUserInput) {
			t.Errorf("%q: %v", password, err)
		}
		if n := utf8.RuneCountInString(password); err == nil && (n < login.MinPassword || n > login.MaxPassword || !utf8.ValidString(password)) {
			t.Errorf("%q passes", password)
		}
	})
}
