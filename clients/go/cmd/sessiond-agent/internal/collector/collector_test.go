package collector_test

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/collector"
)

func TestTheHeapIsRoomyWhereLittleIsAliveAndTightWhereMuchIs(t *testing.T) {
	const mib = 1 << 20
	for _, row := range []struct {
		live    uint64
		percent int
	}{
		{0, 200},
		{mib, 200},
		{3 * mib, 150},
		{4 * mib, 100},
		{5 * mib, 50},
		{8 * mib, 50},
		{1 << 40, 50},
	} {
		if found := collector.Percent(row.live); found != row.percent {
			t.Errorf("%d bytes: found %d, wanted %d", row.live, found, row.percent)
		}
	}
}

func TestTheCollectorIsSetUnlessItsOperatorHasSetIt(t *testing.T) {
	const before = 99
	ended, end := context.WithCancel(t.Context())
	end()
	for gogc, isSet := range map[string]bool{"": true, "99": false} {
		t.Setenv("GOGC", gogc)
		found := debug.SetGCPercent(before)
		collector.Follow(ended)
		if set := debug.SetGCPercent(found); (set != before) != isSet {
			t.Errorf("GOGC=%s: found %d", gogc, set)
		}
	}
}
