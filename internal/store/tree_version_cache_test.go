package store

import (
	"strings"
	"testing"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

func TestVersionCache_ForgetsWhatWasAskedForLongestAgo(t *testing.T) {
	t.Parallel()
	c := newVersionCache(100)
	_, letters, _ := strings.Cut(account.NewID().String(), "_")
	var other tree.ID
	if err := other.UnmarshalText([]byte("tree_" + letters)); err != nil {
		t.Fatal(err)
	}
	of, at := account.NewID(), time.Unix(1_800_000_000, 0)
	key := func(number int) versionKey { return keyOf(of, tree.VersionRef{Number: number}, at) }
	for number := range 5 {
		c.put(key(number), &tree.Version{Number: number}, 25)
		c.get(key(0)) // so that it stays
	}
	c.put(key(9), &tree.Version{Number: 9}, 101) // alone too large
	for number, want := range map[int]bool{0: true, 1: false, 2: true, 3: true, 4: true, 9: false} {
		if v := c.get(key(number)); (v != nil) != want || v != nil && v.Number != number {
			t.Errorf("version %d is %+v, want it there: %v", number, v, want)
		}
	}
	c.put(key(4), &tree.Version{Number: 4}, 25) // it is there already
	if c.bytes != 100 || c.order.Len() != 4 || len(c.all) != 4 {
		t.Errorf("%d bytes of %d versions, %d by key; want 100 of 4", c.bytes, c.order.Len(), len(c.all))
	}
	for what, other := range map[string]versionKey{
		"another account": keyOf(account.NewID(), tree.VersionRef{Number: 0}, at),
		"another moment":  keyOf(of, tree.VersionRef{Number: 0}, at.Add(time.Microsecond)),
		"another tree":    keyOf(of, tree.VersionRef{TreeID: other}, at),
	} {
		if c.get(other) != nil {
			t.Errorf("%s has the version too", what)
		}
	}
}
