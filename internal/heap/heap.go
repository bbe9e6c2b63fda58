// Package heap keeps Go's garbage collector from running too often while little memory
// is in use.
package heap

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Least is how large the heap may grow before garbage is collected, in bytes, however
// little of it is in use. Go's own pace collects when the heap has doubled: a process
// that has 10 MiB in use then collects after each few hundred requests, which is a
// sixth of their processor time (measured).
const Least = 64 << 20

// ownPace is Go's own, in percent of what is in use.
const ownPace = 100

// Calm has the collector wait until the heap has Least bytes, or has doubled as with
// Go's own pace, whichever is more, until ctx is done. Where the operator has chosen a
// pace by GOGC, that one holds.
func Calm(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		afterCollection(ctx, adjust)
	}
}

// adjust sets the pace for what is in use now.
func adjust() {
	inUse := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(inUse)
	debug.SetGCPercent(pace(inUse[0].Value.Uint64()))
}

// pace returns by how many percent a heap may grow of which so many bytes are in use.
func pace(inUse uint64) int {
	inUse = max(inUse, Least/10)
	if inUse >= Least/2 {
		return ownPace
	}
	return int((Least - inUse) * 100 / inUse)
}

// afterCollection calls f after each collection until ctx is done.
func afterCollection(ctx context.Context, f func()) {
	type unused struct{ _ *unused } // a pointer in it: other small things share their place, and may be kept by it
	runtime.AddCleanup(new(unused), func(struct{}) {
		if ctx.Err() == nil {
			f()
			afterCollection(ctx, f)
		}
	}, struct{}{})
}
