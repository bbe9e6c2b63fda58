package tree_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

func TestService_RefusesPagesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	var (
		service         = &tree.Service{} // what is refused never reaches the store
		who             = account.Actor{AccountID: emil.AccountID, UserID: emil.ID, Role: account.Engineer}
		ten, minus, lot = 10, -1, tree.MaxPageSize + 1
		cursor          = tree.TimeCursor("UPDATED DESC", nine, uuid.New()).String()
		encode          = base64.RawURLEncoding.EncodeToString
	)
	for name, page := range map[string]tree.Page{
		"first and last":          {First: &ten, Last: &ten},
		"after with last":         {Last: &ten, After: cursor},
		"before with first":       {First: &ten, Before: cursor},
		"before alone":            {Before: cursor},
		"a negative size":         {First: &minus},
		"too large":               {Last: &lot},
		"no base64":               {After: "%%%"},
		"another order's cursor":  {After: tree.TimeCursor("TITLE ASC", nine, uuid.New()).String()},
		"no id":                   {After: encode([]byte("UPDATED DESC\nx\n1"))},
		"no time":                 {After: encode([]byte("UPDATED DESC\n" + uuid.NewString() + "\nsoon"))},
		"a time before all":       {After: encode([]byte("UPDATED DESC\n" + uuid.NewString() + "\n-1"))},
		"a time after all":        {After: encode([]byte("UPDATED DESC\n" + uuid.NewString() + "\n999999999999999999"))},
		"half a cursor":           {After: encode([]byte("UPDATED DESC"))},
		"a very long cursor":      {After: strings.Repeat("A", 4000)},
		"a cursor with line ends": {After: cursor + "\n"},
	} {
		if _, err := service.Trees(t.Context(), who, tree.TreeQuery{Page: page}); !errors.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := service.Trees(t.Context(), who, tree.TreeQuery{Order: tree.TreeOrder{Field: "SIZE"}}); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("another order: %v", err)
	}
	if _, err := service.Sessions(t.Context(), who, tree.SessionQuery{Filter: tree.SessionFilter{Scope: "ALL"}}); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("another scope: %v", err)
	}
	for _, span := range []time.Duration{0, -time.Second} {
		filter := tree.SessionFilter{From: nine, To: nine.Add(span)}
		if _, err := service.Sessions(t.Context(), who, tree.SessionQuery{Filter: filter}); !errors.Is(err, fault.BadUserInput) {
			t.Errorf("sessions of a span of %v: %v", span, err)
		}
	}
	if _, err := service.Sessions(t.Context(), who, tree.SessionQuery{Page: tree.Page{After: cursor}}); !errors.Is(err, fault.BadUserInput) {
		t.Errorf("a tree's cursor among sessions: %v", err)
	}
}
