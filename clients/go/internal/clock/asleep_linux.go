package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// asleep is for how long the machine has slept since this process began.
func asleep() time.Duration { return max(0, sinceBoot()-atStart) }

var atStart = sinceBoot()

// sinceBoot is by how much the clock that counts suspend is ahead of the one that does not; 0 in a sandbox
// that has neither.
func sinceBoot() time.Duration {
	var boot, monotonic unix.Timespec
	// In this order, so that what passes between the two makes the answer smaller.
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil ||
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - monotonic.Nano())
}
