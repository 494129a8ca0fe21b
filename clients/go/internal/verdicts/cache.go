// Package verdicts keeps acceptances, and says when they may be repeated. Nothing here reads a clock or the
// network.
package verdicts

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

const (
	shards = 64
	// entryBytes is what an entry takes beside what came over the wire, which takes about twice its size once
	// it is decoded.
	entryBytes = 1_200
	// swept is how many of the oldest entries are looked at for each new one, so that what has expired goes by
	// itself.
	swept = 2
)

// Key is under what a verdict is kept: of what (a token, or a whole request), by what demand, for which
// caller.
type Key struct {
	Digest [sha256.Size]byte
	Demand unique.Handle[string]
	Caller unique.Handle[string]
}

// Hit is a verdict that may be repeated. How long is counted anew: a stored span, repeated, would add up from
// cache to cache.
type Hit[V any] struct {
	Value V
	// Beside is room for what is made of the value, as long as it is kept.
	Beside *atomic.Value
	// Since is the moment of which everything revoked before was known where this was decided, and Skew that of the
	// clocks then.
	Since, Skew time.Duration
	// CacheFor is for how long any caller may repeat it.
	CacheFor time.Duration
	// WatchedCacheFor is for how long one may who follows the same revocations; zero where they are not covered.
	WatchedCacheFor time.Duration
}

// Bounds are those of a cache.
type Bounds struct {
	MaxEntries int
	MaxBytes   int64
}

// Cache keeps values that were accepted. What has not been used since it last came up goes first. It is safe
// for many goroutines.
type Cache[V any] struct {
	bounds    Bounds
	knowledge *knowledge.Knowledge
	evicted   atomic.Uint64
	shards    [shards]shard[V]

	mu    sync.Mutex // for what follows, and for whoever writes to a shard
	order list[V]
	bytes int64
	epoch uint64
}

type shard[V any] struct {
	mu      sync.RWMutex
	entries map[Key]*entry[V]
	_       [64]byte // no two in one line of a processor's cache
}

type entry[V any] struct {
	key   Key
	value V
	// In one piece of memory with all else: the garbage collector visits each piece.
	ids            [hashedid.Most]hashedid.ID
	manyIDs        uint8
	since          time.Duration
	epoch          uint64
	aloneUntil     time.Duration // however little is known since
	watchedUntil   time.Duration // as long as the watch is fresh
	skew           time.Duration
	size           int64
	checked        atomic.Uint64 // the sequence up to which nothing hits it
	isUsed         atomic.Bool
	beside         atomic.Value
	previous, next *entry[V]
}

// New is empty.
func New[V any](bounds Bounds, known *knowledge.Knowledge) *Cache[V] {
	c := &Cache[V]{bounds: bounds, knowledge: known}
	for i := range c.shards {
		c.shards[i].entries = map[Key]*entry[V]{}
	}
	return c
}

// Len is how many are kept.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.length
}

// Evicted is how many had to go because there was more.
func (c *Cache[V]) Evicted() uint64 { return c.evicted.Load() }

// Find is what is kept under a key, if it may be repeated now.
func (c *Cache[V]) Find(key Key, now clock.Reading) (Hit[V], bool) {
	// The order matters beside who follows the watch: freshness before what it vouches for.
	freshness := c.knowledge.Freshness()
	e := c.shard(key).find(key)
	if e == nil || e.checked.Load() != c.knowledge.Sequence() && !c.isStanding(e) {
		return Hit[V]{}, false
	}
	at := now.After(e.skew)
	watched := e.watchedUntil - at
	left := max(min(watched, freshness.Left(now)), e.aloneUntil-at)
	if left <= 0 {
		return Hit[V]{}, false
	}
	if !e.isUsed.Load() {
		e.isUsed.Store(true)
	}
	return Hit[V]{e.value, &e.beside, e.since, e.skew, left, max(0, watched)}, true
}

// Insert keeps an accepted value that took so many bytes on the wire, unless something forbids it that is
// known, or that may have been missed.
func (c *Cache[V]) Insert(key Key, value V, answer *knowledge.Answer, wireBytes int, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropForgotten()
	standing, ok := c.knowledge.MayKeep(answer, now)
	if !ok || len(answer.IDs) > hashedid.Most {
		return
	}
	asked, since := answer.Asked, answer.Since()
	most := since + knowledge.Retention
	e := &entry[V]{
		key:          key,
		value:        value,
		manyIDs:      uint8(len(answer.IDs)),
		since:        since,
		epoch:        asked.Epoch,
		aloneUntil:   min(asked.At.Steady+answer.CacheFor, most),
		watchedUntil: knowledge.Never,
		skew:         asked.At.Skew(),
		size:         entryBytes + 2*int64(wireBytes),
	}
	copy(e.ids[:], answer.IDs)
	if standing.IsCovered {
		e.watchedUntil = min(asked.At.Steady+answer.WatchedCacheFor, most)
	}
	e.checked.Store(standing.Sequence)
	if e.until() > now {
		c.put(e, now)
	}
}

func (c *Cache[V]) shard(key Key) *shard[V] { return &c.shards[key.Digest[0]%shards] }

func (s *shard[V]) find(key Key) *entry[V] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[key]
}

// isStanding looks at what was heard since an entry was last looked at.
func (c *Cache[V]) isStanding(e *entry[V]) bool {
	sequence, ok := c.knowledge.IsStanding(e.ids[:e.manyIDs], e.since, e.epoch)
	if ok {
		e.checked.Store(sequence)
	}
	return ok
}

func (e *entry[V]) until() time.Duration { return max(e.aloneUntil, e.watchedUntil) }
