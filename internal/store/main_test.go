package store_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/branchline/branchline/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.StopAfter(m)) }
