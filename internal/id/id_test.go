package id_test

import (
	"errors"
	"sort"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

type pear struct{}

func (pear) Prefix() string { return "pear" }
func (pear) Noun() string   { return "pear" }

type plum struct{}

func (plum) Prefix() string { return "plum" }
func (plum) Noun() string   { return "plum" }

func TestID_TextRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := id.FromUUID[pear](uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")))
		got, err := id.Parse[pear](want.String())
		if err != nil || got != want {
			t.Fatalf("Parse(%s) = %v, %v", want, got, err)
		}
		var scanned id.Of[pear]
		value, _ := want.Value()
		if err := scanned.Scan(value); err != nil || scanned != want {
			t.Fatalf("Scan(%v) = %v, %v", value, scanned, err)
		}
	})
}

func TestID_OneIDHasOneText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := "pear_" + rapid.StringMatching(`[0-9a-zA-Z]{26}`).Draw(t, "digits")
		got, err := id.Parse[pear](text)
		if err == nil && got.String() != text {
			t.Fatalf("Parse(%s) wrote back %s", text, got)
		}
	})
}

func TestID_LaterSortsLater(t *testing.T) {
	t.Parallel()
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = id.New[pear]().String()
	}
	if !sort.StringsAreSorted(texts) {
		t.Error("ids made one after the other are not in order")
	}
}

func TestParse_RefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	good := id.New[pear]().String()
	tests := map[string]string{
		"empty":               "",
		"no prefix":           strings.TrimPrefix(good, "pear_"),
		"another kind's":      id.New[plum]().String(),
		"too short":           good[:len(good)-1],
		"too long":            good + "0",
		"upper case":          strings.ToUpper(good),
		"more than 128 bits":  "pear_" + strings.Repeat("z", 26),
		"not in the alphabet": "pear_" + strings.Repeat("u", 26),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := id.Parse[pear](text)
			if !errors.Is(err, fault.BadUserInput) {
				t.Errorf("Parse(%q) = %v, want BAD_USER_INPUT", text, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pear_01jd3s8m4kf2q9v7x0t5w6y8zb")
	f.Add("pear_\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := id.Parse[pear](text); err == nil && got.String() != text {
			t.Errorf("Parse(%q) wrote back %q", text, got)
		}
	})
}
