package entrance

import (
	"math"
	"sync/atomic"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

// What calls may hold: all of them, one connection, and calls of connections that hold nothing else once all is
// taken, so that those who hold a lot keep nobody else out. In all it is as much as at a server.
const (
	mostBytes   int64 = 16 << 20
	mostOfEach        = mostBytes / 2
	mostReserve int64 = 16 << 20
	// gone is what a closed connection holds; what it gives back after that it has given back already.
	gone int64 = math.MinInt64 / 2
)

// budget is how much is held in all.
type budget struct{ held, reserve atomic.Int64 }

// take is what a call holds from now on; false where there is no room.
func (b *budget) take(c *listening.Connection, size int64) (taken hold, hasRoom bool) {
	all, own := b.add(c, size)
	taken = hold{size, own == size && all > mostBytes}
	if taken.isReserve {
		hasRoom = b.reserve.Add(size) <= mostReserve
	} else {
		hasRoom = own <= mostOfEach && all <= mostBytes
	}
	if !hasRoom {
		b.end(c, taken)
	}
	return taken, hasRoom
}

// hold is what one call holds.
type hold struct {
	size      int64
	isReserve bool
}

func (b *budget) end(c *listening.Connection, h hold) {
	if h.isReserve {
		b.reserve.Add(-h.size)
	}
	b.giveBack(c, h.size)
}

// add takes what there is, room or not.
func (b *budget) add(c *listening.Connection, size int64) (all, own int64) {
	all = b.held.Add(size)
	if own = c.Held.Add(size); own < 0 {
		b.held.Add(-size)
	}
	return all, own
}

func (b *budget) giveBack(c *listening.Connection, size int64) {
	if c.Held.Add(-size) >= 0 {
		b.held.Add(-size)
	}
}

// leave gives back everything that a connection holds.
func (b *budget) leave(c *listening.Connection) { b.held.Add(-c.Held.Swap(gone)) }
