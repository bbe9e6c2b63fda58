package heap

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPace_IsGosOwnForALargeHeap(t *testing.T) {
	t.Parallel()
	for inUse, want := range map[uint64]int{
		0:         900, // what a process begins with is less than a tenth
		10 << 20:  540,
		31 << 20:  106,
		32 << 20:  100,
		500 << 20: 100,
	} {
		if got := pace(inUse); got != want {
			t.Errorf("with %d MiB in use the heap may grow by %d %%, want %d", inUse>>20, got, want)
		}
	}
}

// The pace is the whole process's, so this is one test, and none runs beside it.
func TestCalm(t *testing.T) {
	t.Cleanup(func() { debug.SetGCPercent(ownPace) })
	t.Setenv("GOGC", "77")
	debug.SetGCPercent(77)
	Calm(t.Context())
	runtime.GC()
	runtime.GC()
	if got := read("/gc/gogc:percent"); got != 77 {
		t.Errorf("the pace that the operator chose is %d %%, want 77 as before", got)
	}

	some := make([]byte, 10<<20)
	defer runtime.KeepAlive(some)
	t.Setenv("GOGC", "")
	Calm(t.Context())
	runtime.GC()
	await(t, func(percent uint64) bool { return percent > 500 && percent < 600 })
	if goal := read("/gc/heap/goal:bytes"); goal < Least*9/10 || goal > Least*11/10 {
		t.Errorf("with %d bytes in use garbage is collected at %d, want about %d", read("/gc/heap/live:bytes"), goal, Least)
	}
	much := make([]byte, Least)
	runtime.GC()
	await(t, func(percent uint64) bool { return percent == ownPace })
	runtime.KeepAlive(much)
	much = nil
	runtime.GC()
	await(t, func(percent uint64) bool { return percent > 500 })
}

// await waits until the pace is as wanted. It is set a moment after a collection.
func await(t *testing.T, wanted func(percent uint64) bool) {
	t.Helper()
	for limit := time.After(time.Minute); !wanted(read("/gc/gogc:percent")); runtime.Gosched() {
		select {
		case <-limit:
			t.Fatalf("the pace stays at %d %%", read("/gc/gogc:percent"))
		default:
		}
	}
}

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
