// Package collector sets how much the garbage collector lets lie about before it goes to work: more of it is
// memory for nobody, less of it is time of every call.
package collector

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	liveBytes = "/gc/heap/live:bytes"
	interval  = time.Second
	// roomy is what the heap may have before it is collected, however little of it is alive.
	roomy = 8 << 20
	// leastPercent may be garbage beside what is alive: with less of it a collection, which has to look at
	// all that is alive, comes too often.
	leastPercent = 50
	// mostPercent is where Go's own smallest heap, which is 4 MiB by 100 percent, is a roomy one.
	mostPercent = roomy * 100 / (4 << 20)
)

// Follow adapts the collector to what is alive, until the context ends. Whoever sets GOGC has decided
// otherwise.
func Follow(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: liveBytes}}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for set := 0; ; {
		metrics.Read(sample)
		// Each time it is set everything stands still for a moment.
		if wanted := Percent(sample[0].Value.Uint64()); wanted != set {
			debug.SetGCPercent(wanted)
			set = wanted
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Percent is how much may lie about, by what is alive: so much that the heap is a roomy one, between the
// bounds. It moves in steps.
func Percent(live uint64) int {
	if live == 0 {
		return mostPercent
	}
	const step = 25
	room := max(0, roomy-int64(live)) * 100 / int64(live)
	return int(min(max(room/step*step, leastPercent), mostPercent))
}
