// Package clock has the two clocks by which it is reckoned for how long something may be repeated.
package clock

import (
	"sync/atomic"
	"time"
)

// System is the clock of this process.
var System Clock

// Reading is one moment by both clocks: Steady since this process began, Wall since 1970.
type Reading struct {
	Steady time.Duration
	Wall   time.Duration
}

// Skew is by how much the wall clock is ahead of the steady one.
func (r Reading) Skew() time.Duration { return r.Wall - r.Steady }

// After is a steady time by the clock that has gone further since the skew was taken: a steady clock may have
// stood still while the machine slept, and a wall clock may have been set back.
func (r Reading) After(skew time.Duration) time.Duration { return max(r.Steady, r.Wall-skew) }

// Clock gives readings. The zero Clock is ready; copies are not.
//
// Go's own steady clock stands still while the machine is suspended. How long that was is asked of the system
// by Exact, with two system calls, and added to what Now reads from then on.
type Clock struct {
	slept atomic.Int64

	// By how much a test has moved the clocks.
	steadyAhead, wallAhead atomic.Int64
}

var start = time.Now()

// Now is quick, and has missed what was slept since Exact was called last. The wall clock shows that.
func (c *Clock) Now() Reading {
	now := time.Now()
	return Reading{
		Steady: now.Sub(start) + time.Duration(c.slept.Load()+c.steadyAhead.Load()),
		Wall:   time.Duration(now.UnixNano() + c.wallAhead.Load()),
	}
}

// Exact has missed nothing, where the system has a clock for it.
func (c *Clock) Exact() Reading {
	if slept := asleep(); slept > time.Duration(c.slept.Load()) {
		c.slept.Store(int64(slept))
	}
	return c.Now()
}

// Move takes the clocks for moved from now on, for tests.
func (c *Clock) Move(steady, wall time.Duration) {
	c.steadyAhead.Add(int64(steady))
	c.wallAhead.Add(int64(wall))
}
