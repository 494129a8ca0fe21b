// Package model runs the rules of knowledge, cache and watch by simulated time: against servers that lag and
// restart, streams that stall, clocks that drift, stand still and are set, keys that are withdrawn, and
// changes of configuration.
package model

import (
	"testing"
	"time"
)

const runs = 2_500 * time.Second

func TestNobodyAcceptsLaterThanMaxStalenessAfterTheRevocation(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(seed)
		w.run(runs, func() bool { return len(w.findings.late) > 0 })
		f := w.findings
		if len(f.late) > 0 {
			t.Fatalf("seed %d: %s", seed, f.late[0])
		}
		// It was worth looking: much is answered from memory, and the bound is come close to.
		if min(f.hits, f.misses) < 1_000 || f.joined < 30 || f.askedAnew < 30 || f.worst < 300*time.Millisecond {
			t.Fatalf("seed %d: it says nothing: %+v", seed, *f)
		}
	}
}
