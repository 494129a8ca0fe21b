package watch

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestAStreamIsReplacedInTimeAndTheNextIsOpenedBeforeItEnds(t *testing.T) {
	for chance, life := range map[float64]time.Duration{0: shortestLife, 1: longestLife} {
		w := newWatching(t, chance)
		first := w.start()
		for w.now+time.Second < 100*time.Second+life {
			w.now += time.Second
			w.noneDue()
			w.beat(first, 0, 0)
		}
		w.receive(first, revoked(sessiondv1.RevocationType_REVOCATION_TYPE_SESSION, make([]byte, 16), "r7"))
		w.now = 100*time.Second + life
		if w.watch.WakeAt() > w.now {
			t.Fatal("it sleeps over the replacement")
		}
		second := w.open()
		if second.Revision != "r7" {
			t.Fatalf("it goes on from %q", second.Revision)
		}
		w.receive(second, started("r7", "c"))
		w.isOpen(first, second)
		w.now += 100 * ms
		if !w.beat(second, 0, 0) {
			t.Fatal("nobody ends the first")
		}
		w.isOpen(second)
		if w.watch.Reconnects() != 0 {
			t.Fatal("it counts as a reconnect")
		}
	}
}

func TestAReplacementThatProvesNoBetterIsGivenUp(t *testing.T) {
	w := newWatching(t, 0.5)
	first := w.start()
	first.replaceAt = w.now
	second := w.open()
	w.receive(second, started("r0", "c"))
	for range 40 {
		w.now += 100 * ms
		w.beat(first, 0, 0)
		w.beat(second, 0, 300*ms)
		w.watch.Due(w.reading())
	}
	w.isOpen(first)
	if first.replaceAt <= w.now-time.Second {
		t.Fatal("it is tried again at once")
	}
}

func TestAStreamThatIsLateThreeTimesRunningIsReplacedWithGrowingPauses(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	var opened []time.Duration
	for range 600 {
		w.now += 100 * ms
		w.beat(stream, 0, 600*ms)
		if other := w.watch.Due(w.reading()); other != nil {
			opened = append(opened, w.now)
			w.receive(other, started("r0", "c"))
			w.watch.End(other, nil, w.now)
		}
	}
	w.isOpen(stream)
	w.isAbout(opened[0], 100*time.Second+300*ms)
	for i := 2; i < len(opened); i++ {
		if opened[i]-opened[i-1] < opened[i-1]-opened[i-2] {
			t.Fatalf("pauses shrink: %v", opened)
		}
	}
	if len(opened) >= 8 {
		t.Fatalf("%d streams in a minute", len(opened))
	}
}

func TestTwoLateHeartbeatsAreNoneTooMany(t *testing.T) {
	w := newWatching(t, 0.5)
	stream := w.start()
	for _, onTheWay := range []time.Duration{600 * ms, 600 * ms, 100 * ms, 600 * ms, 600 * ms, 100 * ms} {
		w.now += 200 * ms
		w.beat(stream, 0, onTheWay)
		w.noneDue()
	}
}

func TestSilenceEndsAStream(t *testing.T) {
	w := newWatching(t, 0.5)
	w.start()
	w.now += patience - 100*ms
	w.noneDue()
	w.now += 100 * ms
	if w.watch.WakeAt() > w.now {
		t.Fatal("it sleeps over the silence")
	}
	w.noneDue()
	w.isOpen()
	if w.watch.State() != Lost {
		t.Fatal("it is not known to be lost")
	}
	w.now += 100 * ms
	w.open()
}

func TestPausesGrowUntilAStreamIsFreshAgain(t *testing.T) {
	w := newWatching(t, 0.5)
	for _, pause := range []time.Duration{50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, time.Second} {
		w.end(w.open(), codes.Unavailable, "")
		w.isAbout(w.watch.WakeAt()-w.now, pause)
		w.now = w.watch.WakeAt()
	}
	w.end(w.start(), codes.Unavailable, "")
	w.isAbout(w.watch.WakeAt()-w.now, 50*ms)
}

func TestAServerMaySayWhenToComeAgain(t *testing.T) {
	w := newWatching(t, 0.5)
	failure := &Failure{
		Code: codes.ResourceExhausted, Reason: "OVERLOADED", RetryAfter: 5 * time.Second, SaysWhen: true,
	}
	w.watch.End(w.start(), failure, w.now)
	w.isAbout(w.watch.WakeAt(), w.now+5*time.Second)
}

func TestWhoIsRefusedAsksAgainLater(t *testing.T) {
	for _, one := range []struct {
		code   codes.Code
		reason string
	}{
		{codes.Unimplemented, ""},
		{codes.PermissionDenied, "CALLER_NOT_PERMITTED"},
		{codes.ResourceExhausted, "WATCHERS_EXHAUSTED"},
	} {
		w := newWatching(t, 0.5)
		w.end(w.open(), one.code, one.reason)
		pause := w.watch.WakeAt() - w.now
		if w.watch.State() != Refused || pause < 30*time.Second || pause > 33*time.Second {
			t.Errorf("%v: it is asked again after %v", one.code, pause)
		}
	}
}
