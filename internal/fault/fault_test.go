package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/branchline/branchline/internal/fault"
)

func TestFault_IsItsCodeAndItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("duplicate key")
	err := fmt.Errorf("create tree: %w", fault.New(fault.Conflict, "There is one.").Wrap(cause))
	if !errors.Is(err, fault.Conflict) || errors.Is(err, fault.NotFound) || !errors.Is(err, cause) {
		t.Errorf("%v is not a CONFLICT caused by %v", err, cause)
	}
	f := fault.Of(err)
	if f == nil || f.Message != "There is one." {
		t.Errorf("Of = %+v", f)
	}
	if fault.Of(cause) != nil || fault.ReasonOf(cause) != "" {
		t.Error("a plain error is no fault")
	}
}

func TestFault_ChangesMakeCopies(t *testing.T) {
	t.Parallel()
	base := fault.New(fault.Forbidden, "No.")
	changed := base.Because(fault.ReauthenticationRequired).With("a", 1).With("b", 2)
	if base.Reason != "" || base.Extensions != nil {
		t.Errorf("the fault was changed: %+v", base)
	}
	if changed.Reason != fault.ReauthenticationRequired || len(changed.Extensions) != 2 {
		t.Errorf("changed = %+v", changed)
	}
}
