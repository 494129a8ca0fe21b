package knowledge

import (
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
)

// Asked is when a call was sent, and in which epoch. It is taken before the call is made.
type Asked struct {
	At    clock.Reading
	Epoch uint64
}

// Until is how long it is to a later one, by the clock that has gone further.
func (a Asked) Until(later Asked) time.Duration {
	return max(later.At.Steady-a.At.Steady, later.At.Wall-a.At.Wall)
}

// Answer is what an acceptance says of itself. IDs are all that can revoke it, the key's and the token's own
// among them; spans are zero where a server gave none.
type Answer struct {
	Asked           Asked
	RevisionAge     time.Duration
	CacheFor        time.Duration
	WatchedCacheFor time.Duration
	Configuration   string
	IDs             []hashedid.ID
	Key             hashedid.ID
}

// Since is the moment of which everything revoked before was known where this was decided.
func (a *Answer) Since() time.Duration { return a.Asked.At.Steady - a.RevisionAge }

// Standing is what is known of an acceptance that may be kept.
type Standing struct {
	IsCovered bool   // every later revocation is heard of, as long as there is a watch
	Sequence  uint64 // up to which nothing hits it
}

// MayKeep says whether an acceptance may be kept: not where something forbids it that is known, or that may
// have been missed.
func (k *Knowledge) MayKeep(a *Answer, now time.Duration) (Standing, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	since := a.Since()
	remembers := since >= k.rememberedSince && since > now-Retention
	isCovered := a.Configuration != "" && since >= k.coveredSince
	return Standing{isCovered, k.sequence.Load()}, remembers && k.isUnharmed(a)
}

// MayAnswer says whether who asked at began may be answered by a call that was under way then. A call that
// was sent later answers as one of its own would have.
func (k *Knowledge) MayAnswer(a *Answer, began Asked) bool {
	elapsed := a.Asked.Until(began)
	if elapsed <= 0 {
		return true
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return elapsed < max(a.CacheFor, k.maxStaleness-a.RevisionAge) && k.isUnharmed(a)
}

// IsStanding says whether nothing that was heard hits what was kept in an epoch, and up to which sequence.
func (k *Knowledge) IsStanding(ids []hashedid.ID, since time.Duration, epoch uint64) (uint64, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.sequence.Load(), epoch == k.epoch.Load() && !k.isHit(ids, since)
}

// isUnharmed says whether nothing that was heard of while a call was under way tells against its answer.
func (k *Knowledge) isUnharmed(a *Answer) bool {
	_, isWithdrawn := k.withdrawn[a.Key]
	isDecidedAlike := k.configuration == "" || k.configuration == a.Configuration
	return a.Asked.Epoch == k.epoch.Load() && isDecidedAlike && !isWithdrawn && !k.isHit(a.IDs, a.Since())
}

// isHit says whether any of these was heard of at since or later.
func (k *Knowledge) isHit(ids []hashedid.ID, since time.Duration) bool {
	for _, id := range ids {
		if at, ok := k.heard[id]; ok && at >= since {
			return true
		}
	}
	return false
}
