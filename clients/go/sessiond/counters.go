package sessiond

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// counters count validations by how they were answered, and tell the observer.
type counters struct {
	hits, misses, joined, bypassed atomic.Uint64
	observer                       Observer
}

// begin is when a validation began; the clock is not read for nobody.
func (c *counters) begin() time.Time {
	if c.observer.Validated == nil {
		return time.Time{}
	}
	return time.Now()
}

// end counts a verdict, and hands it on; where there is none, nothing is counted.
func (c *counters) end(outcome Outcome, session *Session, err error, began time.Time) (*Session, error) {
	var reason Reason
	if err != nil {
		var rejected *Rejected
		if !errors.As(err, &rejected) {
			return nil, err
		}
		reason = rejected.Reason
	}
	c.of(outcome).Add(1)
	if c.observer.Validated != nil {
		c.observer.Validated(Validation{outcome, err == nil, reason, time.Since(began)})
	}
	return session, err
}

func (c *counters) of(outcome Outcome) *atomic.Uint64 {
	switch outcome {
	case OutcomeHit:
		return &c.hits
	case OutcomeJoined:
		return &c.joined
	case OutcomeBypassed:
		return &c.bypassed
	default:
		return &c.misses
	}
}

// Numbers are as of now.
func (c *Client) Numbers() Numbers {
	numbers := Numbers{
		Hits:     c.counters.hits.Load(),
		Misses:   c.counters.misses.Load(),
		Joined:   c.counters.joined.Load(),
		Bypassed: c.counters.bypassed.Load(),
		WatchAge: -1,
	}
	if c.memory == nil {
		return numbers
	}
	numbers.Entries, numbers.Evicted = c.memory.cache.Len(), c.memory.cache.Evicted()
	numbers.Reconnects = c.following.Reconnects()
	if known := c.memory.known.Freshness().Known; known != knowledge.Never {
		numbers.WatchAge = c.clock.Exact().Steady - known
	}
	return numbers
}
