package tree

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// FuzzShareToken reads any token. A link has one text: what is read is what was
// written, to the byte, and all else is the one NotFound.
func FuzzShareToken(f *testing.F) {
	good := account.NewID().String() + "." + id.New[shareKind]().String() + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, token := range []string{good, good + "=", good + "\n", strings.ToUpper(good), "", "..", "a.b.c", good[:len(good)-1] + "B", strings.Repeat(".", 300)} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		accountID, shareID, secret, err := parseShareToken(token)
		if err != nil {
			if !errors.Is(err, fault.NotFound) || err != error(deadShare) {
				t.Fatalf("%q: %v", token, err)
			}
			return
		}
		again := accountID.String() + "." + shareID.String() + "." + base64.RawURLEncoding.EncodeToString(secret)
		if again != token {
			t.Errorf("%q is read as %q", token, again)
		}
	})
}
