// Package knowledge is what a client, or an agent, knows of revocations, and how fresh that is. Nothing here
// reads a clock or the network: moments are of the steady clock.
package knowledge

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
)

const (
	// Retention is how long an event is remembered, and so how long an acceptance may be kept at most.
	Retention = 300 * time.Second
	// MostEvents is how many are told apart within that time; with more, everything that is kept goes.
	MostEvents = 65_536
	// Never is a moment before all others, far enough from the first to be reckoned with.
	Never = time.Duration(math.MinInt64 / 4)
	// notYet is a moment behind all others.
	notYet = -Never
)

// Freshness says that everything revoked before Known has been heard of, so that what is kept may be repeated
// before Until. Skew is that of the clocks then.
type Freshness struct{ Known, Until, Skew time.Duration }

// Stale is the freshness of who knows nothing.
var Stale = Freshness{Known: Never, Until: Never}

// Left is for how long one may still answer from memory, by the clock that has gone further.
func (f *Freshness) Left(now clock.Reading) time.Duration { return f.Until - now.After(f.Skew) }

// Knowledge is revocations as they were learnt: from the watch, from commands of one's own, from rejections.
// It is safe for many goroutines.
//
// Whoever asks it without a lock relies on an order: what a heartbeat vouches for is applied before the
// freshness moves, and an event is remembered before the sequence moves.
type Knowledge struct {
	freshness  atomic.Pointer[Freshness]
	epoch      atomic.Uint64
	generation atomic.Uint64
	sequence   atomic.Uint64

	mu              sync.RWMutex
	maxStaleness    time.Duration
	configuration   string
	revision        string
	coveredSince    time.Duration
	rememberedSince time.Duration
	heard           map[hashedid.ID]time.Duration
	withdrawn       map[hashedid.ID]time.Duration
	order           queue
}

// New knows nothing yet.
func New() *Knowledge {
	k := &Knowledge{
		coveredSince:    notYet,
		rememberedSince: Never,
		heard:           map[hashedid.ID]time.Duration{},
		withdrawn:       map[hashedid.ID]time.Duration{},
	}
	k.freshness.Store(&Stale)
	return k
}

// Freshness is how fresh the knowledge is.
func (k *Knowledge) Freshness() *Freshness { return k.freshness.Load() }

// Epoch counts how often everything had to be forgotten: what was asked before is not kept.
func (k *Knowledge) Epoch() uint64 { return k.epoch.Load() }

// Generation counts that, and one's own revocations: a call under way from before is not joined.
func (k *Knowledge) Generation() uint64 { return k.generation.Load() }

// Sequence counts everything that can hit what is kept.
func (k *Knowledge) Sequence() uint64 { return k.sequence.Load() }

// Hear takes note that something was revoked: whatever was asked about it before is not repeated.
func (k *Knowledge) Hear(id hashedid.ID, now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hear(id, now)
}

// HearOnce does nothing about what is remembered already: who presents the same again and again fills no
// memory.
func (k *Knowledge) HearOnce(id hashedid.ID, now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.heard[id]; !ok {
		k.hear(id, now)
	}
}

// Withdraw takes note that a signing key has gone: nothing that it signed is kept, as long as this is
// remembered. Another server may not have noticed yet, and still accept.
func (k *Knowledge) Withdraw(key hashedid.ID, now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.withdrawn[key] = now
	k.hear(key, now)
}

// End takes note of a revocation of one's own: the next call must see it.
func (k *Knowledge) End(ids []hashedid.ID, now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		k.hear(id, now)
	}
	k.generation.Add(1)
}

// Forget drops everything that is kept, and what is under way.
func (k *Knowledge) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget()
}

// Cover begins a stream without what was before: only what is asked from now on is covered.
func (k *Knowledge) Cover(now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.coveredSince != notYet {
		k.forget()
	}
	k.coveredSince = now
}

// Follow takes note of the configuration by which a server decides; under another one than before nothing is
// repeated.
func (k *Knowledge) Follow(configuration string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if configuration != k.configuration {
		k.configuration = configuration
		k.forget()
	}
}

// Advance takes note of how far the servers' log has been heard. Empty is a place that is none.
func (k *Knowledge) Advance(revision string) {
	if revision == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revision = revision
}

// Revision is how far the servers' log has been heard: a watch that begins there misses nothing. It is empty
// where none has been heard.
func (k *Knowledge) Revision() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.revision
}

// SetMaxStaleness takes note of how long after the last moment that is known one may answer from memory.
func (k *Knowledge) SetMaxStaleness(span time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.maxStaleness = span
}

// Refresh takes a heartbeat, which vouches for more than before or changes nothing.
func (k *Knowledge) Refresh(freshness Freshness) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if freshness.Until > k.freshness.Load().Until {
		k.freshness.Store(&freshness)
	}
}

// Doubt takes note that the clocks by which freshness was reckoned cannot be trusted.
func (k *Knowledge) Doubt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.freshness.Store(&Stale)
}

// IsWatched says whether a server has told of revocations at all.
func (k *Knowledge) IsWatched() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.coveredSince != notYet
}

// MaxStaleness is that of the watch; zero without one.
func (k *Knowledge) MaxStaleness() time.Duration {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.maxStaleness
}

// hear remembers before the sequence moves.
func (k *Knowledge) hear(id hashedid.ID, now time.Duration) {
	k.prune(now)
	if k.order.length() >= MostEvents {
		k.order = queue{}
		clear(k.heard)
		clear(k.withdrawn)
		k.rememberedSince = now
		k.forget()
	}
	k.heard[id] = now
	k.order.push(event{now, id})
	k.sequence.Add(1)
}

// forget moves the epoch before the sequence.
func (k *Knowledge) forget() {
	k.epoch.Add(1)
	k.generation.Add(1)
	k.sequence.Add(1)
}

func (k *Knowledge) prune(now time.Duration) {
	for k.order.length() > 0 && k.order.first().at < now-Retention {
		old := k.order.pop()
		for _, known := range []map[hashedid.ID]time.Duration{k.heard, k.withdrawn} {
			if at, ok := known[old.id]; ok && at == old.at {
				delete(known, old.id)
			}
		}
	}
}
