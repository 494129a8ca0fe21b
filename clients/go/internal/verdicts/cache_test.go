package verdicts_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
	"unique"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
)

const start = 1_000 * time.Second

// keeping is a cache whose clocks the test moves.
type keeping struct {
	now   clock.Reading
	known *knowledge.Knowledge
	cache *verdicts.Cache[string]
}

func newKeeping(bounds verdicts.Bounds) *keeping {
	known := knowledge.New()
	return &keeping{clock.Reading{Steady: start, Wall: 2 * start}, known, verdicts.New[string](bounds, known)}
}

func roomy() *keeping { return newKeeping(verdicts.Bounds{MaxEntries: 100, MaxBytes: 1 << 20}) }

// watch has a fresh watch that covers everything from now on.
func (k *keeping) watch() {
	k.known.SetMaxStaleness(time.Second)
	k.known.Follow("c")
	k.known.Cover(k.now.Steady)
	k.beat()
}

func (k *keeping) beat() {
	known := k.now.Steady
	k.known.Refresh(knowledge.Freshness{Known: known, Until: known + time.Second, Skew: k.now.Skew()})
}

func (k *keeping) pass(span time.Duration) {
	k.now.Steady += span
	k.now.Wall += span
}

// answer is one that was asked for now; cacheFor is for who does not watch, watched for who does.
func (k *keeping) answer(name string, cacheFor, watched time.Duration) *knowledge.Answer {
	return &knowledge.Answer{
		Asked:           knowledge.Asked{At: k.now, Epoch: k.known.Epoch()},
		CacheFor:        cacheFor,
		WatchedCacheFor: watched,
		Configuration:   "c",
		IDs:             []hashedid.ID{idOf(name)},
	}
}

func (k *keeping) insert(name string, answer *knowledge.Answer) {
	k.cache.Insert(keyOf(name), name, answer, 500, k.now.Steady)
}

func (k *keeping) has(t *testing.T, name string, wanted bool) {
	t.Helper()
	hit, ok := k.cache.Find(keyOf(name), k.now)
	if ok != wanted || ok && hit.Value != name {
		t.Fatalf("%s: found %v %q", name, ok, hit.Value)
	}
}

func idOf(name string) hashedid.ID { return hashedid.Of(hashedid.Subject, "", name) }

func keyOf(name string) verdicts.Key {
	key := verdicts.Key{Demand: unique.Make("d"), Caller: unique.Make("c")}
	copy(key.Digest[:], name)
	return key
}

func TestWhatMayBeKeptCountsFromBeforeTheCall(t *testing.T) {
	k := roomy()
	answer := k.answer("alice", time.Second, 0)
	k.pass(600 * time.Millisecond)
	k.insert("alice", answer)
	k.pass(399 * time.Millisecond)
	k.has(t, "alice", true)
	k.pass(time.Millisecond)
	k.has(t, "alice", false)
}

func TestBothClocksEndIt(t *testing.T) {
	for name, move := range map[string]func(*clock.Reading){
		"the steady clock": func(r *clock.Reading) { r.Steady += time.Second },
		"the wall clock":   func(r *clock.Reading) { r.Wall += time.Second },
	} {
		k := roomy()
		k.insert("alice", k.answer("alice", time.Second, 0))
		move(&k.now)
		if _, ok := k.cache.Find(keyOf("alice"), k.now); ok {
			t.Errorf("%s does not", name)
		}
	}
}

func TestWhatIsKeptForWatchersLivesAsLongAsTheWatchIsFresh(t *testing.T) {
	k := roomy()
	k.watch()
	k.insert("alice", k.answer("alice", 0, time.Minute))
	k.pass(999 * time.Millisecond)
	k.has(t, "alice", true)
	k.pass(time.Millisecond)
	k.has(t, "alice", false)
	k.beat() // it was never gone
	k.has(t, "alice", true)
	for range 59 {
		k.pass(time.Second)
		k.beat()
	}
	k.has(t, "alice", false)
}

func TestSpansAreCountedAnew(t *testing.T) {
	k := roomy()
	k.watch()
	k.insert("alice", k.answer("alice", time.Second, time.Minute))
	k.pass(300 * time.Millisecond)
	hit, _ := k.cache.Find(keyOf("alice"), k.now)
	if hit.CacheFor != 700*time.Millisecond || hit.WatchedCacheFor != time.Minute-300*time.Millisecond {
		t.Fatalf("found %v and %v", hit.CacheFor, hit.WatchedCacheFor)
	}
}

func TestAnEventEndsWhatItHitsAndNothingElse(t *testing.T) {
	k := roomy()
	k.watch()
	k.insert("alice", k.answer("alice", time.Second, time.Minute))
	k.insert("bob", k.answer("bob", time.Second, time.Minute))
	k.pass(time.Millisecond)
	k.known.Hear(idOf("alice"), k.now.Steady)
	k.has(t, "alice", false)
	k.has(t, "bob", true)
	k.has(t, "bob", true) // and by the sequence that it was checked up to
}

func TestWhatWasForgottenIsGoneAndSoIsItsMemory(t *testing.T) {
	k := roomy()
	k.insert("alice", k.answer("alice", time.Second, 0))
	k.known.Forget()
	k.has(t, "alice", false)
	k.insert("bob", k.answer("bob", time.Second, 0))
	if k.cache.Len() != 1 {
		t.Fatalf("%d are kept", k.cache.Len())
	}
}

func TestNothingIsKeptLongerThanEventsAreRemembered(t *testing.T) {
	k := roomy()
	k.insert("alice", k.answer("alice", 2*knowledge.Retention, 0))
	k.pass(knowledge.Retention - 1)
	k.has(t, "alice", true)
	k.pass(1)
	k.has(t, "alice", false)
}

func TestWhatIsUsedStaysAndTheOldestGoes(t *testing.T) {
	k := newKeeping(verdicts.Bounds{MaxEntries: 3, MaxBytes: 1 << 20})
	for _, name := range []string{"a", "b", "c"} {
		k.insert(name, k.answer(name, time.Minute, 0))
	}
	k.has(t, "a", true)
	k.insert("d", k.answer("d", time.Minute, 0))
	if k.cache.Len() != 3 || k.cache.Evicted() != 1 {
		t.Fatalf("%d are kept, %d were evicted", k.cache.Len(), k.cache.Evicted())
	}
	k.has(t, "a", true)
	k.has(t, "b", false)
}

func TestWhatIsKeptIsBoundedByBytes(t *testing.T) {
	k := newKeeping(verdicts.Bounds{MaxEntries: 100, MaxBytes: 5_000})
	for i := range 10 {
		name := fmt.Sprint(i)
		k.insert(name, k.answer(name, time.Minute, 0))
	}
	if k.cache.Len() != 2 {
		t.Fatalf("%d are kept in 5,000 bytes", k.cache.Len())
	}
}

func TestWhatCouldBeRevokedInMoreWaysThanThereAreIsNotKept(t *testing.T) {
	k := roomy()
	for more := range 2 {
		answer := k.answer("alice", time.Minute, 0)
		for len(answer.IDs) < hashedid.Most+more {
			answer.IDs = append(answer.IDs, idOf(fmt.Sprint(len(answer.IDs))))
		}
		k.insert(fmt.Sprint(more), answer)
		k.has(t, fmt.Sprint(more), more == 0)
	}
	k.pass(time.Millisecond)
	k.known.Hear(idOf(fmt.Sprint(hashedid.Most-1)), k.now.Steady)
	k.has(t, "0", false)
}

func TestWhatIsMadeOfAValueStaysBesideItAndGoesWithIt(t *testing.T) {
	k := roomy()
	k.insert("alice", k.answer("alice", time.Minute, 0))
	hit, _ := k.cache.Find(keyOf("alice"), k.now)
	hit.Beside.Store("made")
	if again, _ := k.cache.Find(keyOf("alice"), k.now); again.Beside.Load() != "made" {
		t.Errorf("found %v", again.Beside.Load())
	}
	k.insert("alice", k.answer("alice", time.Minute, 0))
	if anew, _ := k.cache.Find(keyOf("alice"), k.now); anew.Beside.Load() != nil {
		t.Errorf("found %v beside another", anew.Beside.Load())
	}
}

func TestWhatHasExpiredGoesByItself(t *testing.T) {
	k := roomy()
	k.insert("a", k.answer("a", time.Second, 0))
	k.insert("b", k.answer("b", time.Second, 0))
	k.pass(time.Second)
	k.insert("c", k.answer("c", time.Second, 0))
	if k.cache.Len() != 1 || k.cache.Evicted() != 0 {
		t.Fatalf("%d are kept, %d were evicted", k.cache.Len(), k.cache.Evicted())
	}
}

func TestManyGoroutinesUseItAtOnce(t *testing.T) {
	k := newKeeping(verdicts.Bounds{MaxEntries: 50, MaxBytes: 1 << 20})
	k.watch()
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 500 {
				name := fmt.Sprint((i * (worker + 1)) % 80)
				if hit, ok := k.cache.Find(keyOf(name), k.now); ok && hit.Value != name {
					t.Errorf("%s under the key of %s", hit.Value, name)
				}
				k.insert(name, k.answer(name, time.Minute, time.Minute))
				switch i % 50 {
				case 10:
					k.known.Hear(idOf(name), k.now.Steady)
				case 20:
					k.known.Forget()
				case 30:
					k.known.Refresh(knowledge.Freshness{Until: start + time.Duration(i)})
				}
			}
		})
	}
	group.Wait()
	if k.cache.Len() > 50 {
		t.Fatalf("%d are kept", k.cache.Len())
	}
}
