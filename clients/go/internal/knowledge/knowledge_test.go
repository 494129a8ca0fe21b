package knowledge

import (
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
)

const now = 1_000 * time.Second

var alice = hashedid.Of(hashedid.Subject, "https://id.example", "alice")

func at(moment time.Duration) clock.Reading { return clock.Reading{Steady: moment, Wall: moment} }

// answer was asked for at a moment, by what is known then.
func answer(k *Knowledge, moment time.Duration) *Answer {
	return &Answer{
		Asked:           Asked{At: at(moment), Epoch: k.Epoch()},
		CacheFor:        time.Second,
		WatchedCacheFor: time.Minute,
		Configuration:   "c",
		IDs:             []hashedid.ID{alice},
	}
}

func TestOwnRevocationsAreOfAnotherGeneration(t *testing.T) {
	k := New()
	generation, epoch := k.Generation(), k.Epoch()
	k.End([]hashedid.ID{alice}, now)
	if k.Generation() == generation || k.Epoch() != epoch {
		t.Fatal("calls from before are joined, or everything is forgotten")
	}
}

func TestWhatWasAskedBeforeAStreamBeganIsNotCovered(t *testing.T) {
	k := New()
	if standing, _ := k.MayKeep(answer(k, now), now); standing.IsCovered {
		t.Fatal("it is covered without a stream")
	}
	k.Follow("c")
	k.Cover(now)
	if standing, ok := k.MayKeep(answer(k, now-1), now); !ok || standing.IsCovered {
		t.Fatal("it is covered from before")
	}
	if standing, ok := k.MayKeep(answer(k, now), now); !ok || !standing.IsCovered {
		t.Fatal("it is not covered from then on")
	}
	older := answer(k, now)
	older.RevisionAge = time.Millisecond
	if standing, _ := k.MayKeep(older, now); standing.IsCovered {
		t.Fatal("an answer that knew less is covered")
	}
}

func TestAnAnswerIsNotKeptThatAnEventHits(t *testing.T) {
	k := New()
	k.Hear(alice, now)
	for _, asked := range []time.Duration{now - 1, now} {
		if _, ok := k.MayKeep(answer(k, asked), now+1); ok {
			t.Fatalf("asked at %v, it is kept", asked)
		}
	}
	if _, ok := k.MayKeep(answer(k, now+1), now+1); !ok {
		t.Fatal("what is asked afterwards is not kept")
	}
}

func TestACrowdOfEventsCostsEverythingAndNotTheMemory(t *testing.T) {
	k := New()
	before := answer(k, now)
	for i := range MostEvents {
		k.Hear(hashedid.ID{byte(i), byte(i >> 8), byte(i >> 16)}, now)
	}
	if _, ok := k.MayKeep(before, now); !ok {
		t.Fatal("too early")
	}
	k.Hear(hashedid.ID{0xff, 0xff, 0xff}, now+1)
	if len(k.heard) != 1 || k.order.length() != 1 {
		t.Fatalf("%d events are remembered", len(k.heard))
	}
	if _, ok := k.MayKeep(before, now+1); ok {
		t.Fatal("what was asked before is kept")
	}
	later := answer(k, now)
	if _, ok := k.MayKeep(later, now+1); ok {
		t.Fatal("what may have been hit by a forgotten event is kept")
	}
}

func TestEventsAreForgottenInTime(t *testing.T) {
	k := New()
	k.Withdraw(alice, now)
	k.Hear(hashedid.ID{1}, now+Retention)
	if len(k.heard) != 2 {
		t.Fatal("too early")
	}
	k.Hear(hashedid.ID{2}, now+Retention+1)
	if len(k.heard) != 2 || len(k.withdrawn) != 0 {
		t.Fatalf("%d events and %d keys are remembered", len(k.heard), len(k.withdrawn))
	}
	if _, ok := k.MayKeep(answer(k, now), now+Retention); ok {
		t.Fatal("what was asked as long ago is kept")
	}
}

func TestAnEventThatCameAgainIsRememberedFromThen(t *testing.T) {
	k := New()
	k.Hear(alice, now)
	k.Hear(alice, now+time.Second)
	k.Hear(hashedid.ID{1}, now+Retention+1)
	if _, ok := k.heard[alice]; !ok {
		t.Fatal("the older one took it along")
	}
}

func TestWhatIsKnownIsHeardOnce(t *testing.T) {
	k := New()
	k.HearOnce(alice, now)
	sequence := k.Sequence()
	k.HearOnce(alice, now+1)
	if k.Sequence() != sequence || k.order.length() != 1 {
		t.Fatal("it was heard again")
	}
}

func TestFreshnessGoesOnlyForward(t *testing.T) {
	k := New()
	k.Refresh(Freshness{Known: now, Until: now + 2})
	k.Refresh(Freshness{Known: now - 1, Until: now + 1})
	if until := k.Freshness().Until; until != now+2 {
		t.Fatalf("fresh until %v", until)
	}
	k.Doubt()
	if k.Freshness().Left(at(now)) > 0 {
		t.Fatal("who doubts the clocks is fresh")
	}
}

func TestWhoJoinsACallGetsNothingOld(t *testing.T) {
	k := New()
	k.SetMaxStaleness(time.Second)
	flight := answer(k, now)
	flight.CacheFor, flight.RevisionAge = 0, 300*time.Millisecond
	for began, wanted := range map[time.Duration]bool{
		now - 1: true, now: true, now + 699*time.Millisecond: true, now + 700*time.Millisecond: false,
	} {
		if k.MayAnswer(flight, Asked{At: at(began)}) != wanted {
			t.Errorf("began at %v: it is not %v", began-now, wanted)
		}
	}
	k.Hear(alice, now)
	if k.MayAnswer(flight, Asked{At: at(now + 1)}) {
		t.Error("an event from before it joined hits it")
	}
}

func TestTheQueueKeepsItsOrderAndGivesItsMemoryBack(t *testing.T) {
	var q queue
	in, out := 0, 0
	for round := range 100 {
		for range 10 + round%7 {
			q.push(event{at: time.Duration(in)})
			in++
		}
		for range 9 + round%5 {
			if found := q.pop().at; found != time.Duration(out) {
				t.Fatalf("%d came out in the place of %d", found, out)
			}
			out++
		}
	}
	for q.length() > 0 {
		q.pop()
	}
	if cap(q.events) != 0 {
		t.Fatal("the memory is not given back")
	}
}
