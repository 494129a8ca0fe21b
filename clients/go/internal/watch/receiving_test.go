package watch

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestFreshnessCountsFromWhenTheStreamWasOpened(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.open()
	w.now += 2 * time.Second
	w.receive(stream, started("r0", "c"))
	w.beat(stream, 250*ms, 500*ms)
	w.isAbout(w.known.Freshness().Until, w.now-750*ms+time.Second)
}

func TestARevisionThatIsRefusedIsNotAskedForAgain(t *testing.T) {
	w := newWatching(t, 0.5)
	epoch := w.known.Epoch
	before := epoch()
	w.end(w.start(), codes.InvalidArgument, "FIELD_INVALID")
	w.now += time.Second
	again := w.open()
	if again.Revision != "" {
		t.Fatalf("it is asked for %q again", again.Revision)
	}
	w.receive(again, started("r9", "c"))
	if epoch() <= before {
		t.Fatal("what came between is not covered, and kept all the same")
	}
	w.end(again, codes.Unavailable, "")
	w.now += time.Second
	if later := w.open(); later.Revision != "r9" {
		t.Fatalf("it goes on from %q", later.Revision)
	}
}

func TestASecondWatchGoesOnWhereTheFirstHasComeTo(t *testing.T) {
	one := newWatching(t, 0.5)
	first := one.start()
	const session = sessiondv1.RevocationType_REVOCATION_TYPE_SESSION
	one.receive(first, revoked(session, make([]byte, 16), "r7"))
	epoch := one.known.Epoch()

	other := &watching{t, one.now, one.skew, one.known, New(one.known, func() float64 { return 0.5 })}
	stream := other.open()
	other.receive(stream, started("r7", "c"))
	if stream.Revision != "r7" || one.known.Epoch() != epoch {
		t.Fatalf("it goes on from %q, and everything was forgotten %d times", stream.Revision, one.known.Epoch()-epoch)
	}
	// While it is away the first comes further.
	other.end(stream, codes.Unavailable, "")
	one.receive(first, revoked(session, make([]byte, 16), "r8"))
	other.now += time.Second
	if again := other.open(); again.Revision != "r8" {
		t.Fatalf("it goes on from %q", again.Revision)
	}
}

func TestAStreamThatGoesOnCoversWhatWasCoveredBefore(t *testing.T) {
	w := newWatching(t, 0.5)
	w.end(w.start(), codes.Unavailable, "")
	epoch := w.known.Epoch()
	w.now += time.Second
	w.start()
	if w.known.Epoch() != epoch {
		t.Fatal("everything was forgotten for nothing")
	}
}

func TestAResetForgetsEverything(t *testing.T) {
	w := newWatching(t, 0.5)
	stream, epoch := w.start(), w.known.Epoch()
	w.receive(stream, reset("r9"))
	if w.known.Epoch() <= epoch || stream.Revision != "r9" || w.known.Revision() != "r9" {
		t.Fatalf("epoch %d, revision %q", w.known.Epoch(), stream.Revision)
	}
}

func TestClocksThatDisagreeVoidTheAnchor(t *testing.T) {
	for _, skew := range []time.Duration{1100 * ms, -1100 * ms} {
		w := newWatching(t, 0.5)
		stream := w.start()
		w.now += 200 * ms
		w.skew += skew
		if !w.beat(stream, 0, 0) || w.known.Freshness().Until >= w.now {
			t.Fatal("the anchor holds")
		}
		w.isOpen()
		if revision := w.open().Revision; revision != "r0" {
			t.Fatalf("it goes on from %q", revision)
		}
	}
}

func TestWhatWouldBeKnownInTheFutureVoidsTheAnchor(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	w.now += 200 * ms
	if !w.beat(stream, 0, -100*ms) || w.known.Freshness().Until >= w.now {
		t.Fatal("the anchor holds")
	}
	w.isOpen()
}

func TestAWallClockThatIsSlewedVoidsNothing(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	w.now += 200 * ms
	w.skew += 900 * ms
	w.beat(stream, 0, 0)
	w.isOpen(stream)
}

func TestAStreamThatBeginsWithSomethingElseIsGivenUp(t *testing.T) {
	w := newWatching(t, 0.5)
	if stream := w.open(); !w.receive(stream, heartbeat(0, 0)) || w.known.Freshness().Known > 0 {
		t.Fatal("its heartbeat counts")
	}
	w.isOpen()
}

func TestWhatComesOnAStreamThatWasGivenUpCountsForNothing(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	w.end(stream, codes.Unavailable, "")
	sequence := w.known.Sequence()
	w.receive(stream, revoked(sessiondv1.RevocationType_REVOCATION_TYPE_SESSION, make([]byte, 16), "r9"))
	if w.known.Sequence() != sequence {
		t.Fatal("it was heard")
	}
}

func TestAnEventWithoutAPlaceInTheLogLeavesTheRevisionAsItIs(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	w.receive(stream, revoked(sessiondv1.RevocationType_REVOCATION_TYPE_KEY, make([]byte, 16), ""))
	if stream.Revision != "r0" {
		t.Fatalf("it goes on from %q", stream.Revision)
	}
	answer := &knowledge.Answer{
		Asked: knowledge.Asked{At: w.reading(), Epoch: w.known.Epoch()}, Configuration: "c", Key: hashedid.ID{},
	}
	if _, ok := w.known.MayKeep(answer, w.now); ok {
		t.Fatal("what the key signed is kept")
	}
}

func TestWhatANewerServerTellsMayMeanAnything(t *testing.T) {
	const session = sessiondv1.RevocationType_REVOCATION_TYPE_SESSION
	for name, message := range map[string]*Message{
		"an event of no known kind": {},
		"a type that is not known":  revoked(99, make([]byte, 16), "r1"),
		"an id of another size":     revoked(session, make([]byte, 20), "r1"),
	} {
		w := newWatching(t, 0.5)
		stream, epoch := w.start(), w.known.Epoch()
		w.receive(stream, message)
		if w.known.Epoch() <= epoch {
			t.Errorf("%s: everything is kept", name)
		}
	}
}
