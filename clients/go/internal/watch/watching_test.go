package watch

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const ms = time.Millisecond

// watching is a watch whose clock the test moves.
type watching struct {
	*testing.T
	now, skew time.Duration
	known     *knowledge.Knowledge
	watch     *Watch
}

func newWatching(t *testing.T, chance float64) *watching {
	known := knowledge.New()
	watch := New(known, func() float64 { return chance })
	return &watching{t, 100 * time.Second, 1e6 * time.Second, known, watch}
}

func (w *watching) reading() clock.Reading { return clock.Reading{Steady: w.now, Wall: w.now + w.skew} }

func (w *watching) open() *Stream {
	w.Helper()
	stream := w.watch.Due(w.reading())
	if stream == nil {
		w.Fatal("no stream is due")
	}
	return stream
}

func (w *watching) noneDue() {
	w.Helper()
	if w.watch.Due(w.reading()) != nil {
		w.Fatalf("a stream is due at %v", w.now)
	}
}

func (w *watching) receive(stream *Stream, message *Message) bool {
	return w.watch.Receive(stream, message, w.reading())
}

func (w *watching) start() *Stream {
	w.Helper()
	stream := w.open()
	w.receive(stream, started("r0", "c"))
	w.beat(stream, 0, 0)
	return stream
}

func (w *watching) beat(stream *Stream, age, onTheWay time.Duration) bool {
	return w.receive(stream, heartbeat(age, w.now-stream.opened-onTheWay))
}

func (w *watching) end(stream *Stream, code codes.Code, reason string) {
	w.watch.End(stream, &Failure{Code: code, Reason: reason}, w.now)
}

func (w *watching) isOpen(wanted ...*Stream) {
	w.Helper()
	if !slices.Equal(w.watch.streams, wanted) {
		w.Fatalf("%d streams are open, or others than the %d wanted", len(w.watch.streams), len(wanted))
	}
}

func (w *watching) isAbout(found, wanted time.Duration) {
	w.Helper()
	if (found - wanted).Abs() > time.Microsecond {
		w.Fatalf("found %v, not %v", found, wanted)
	}
}

func started(revision, configuration string) *Message {
	return &Message{Event: &sessiondv1.WatchRevocationsResponse_Started{Started: &sessiondv1.Started{
		Revision: revision, Configuration: configuration, MaxStaleness: durationpb.New(time.Second),
	}}}
}

func heartbeat(age, since time.Duration) *Message {
	return &Message{Event: &sessiondv1.WatchRevocationsResponse_Freshness{Freshness: &sessiondv1.Freshness{
		Age: durationpb.New(age), SinceStart: durationpb.New(since),
	}}}
}

func revoked(kind sessiondv1.RevocationType, id []byte, revision string) *Message {
	return &Message{Event: &sessiondv1.WatchRevocationsResponse_Revocation{Revocation: &sessiondv1.Revocation{
		Type: kind, HashedId: id, Revision: revision,
	}}}
}

func reset(revision string) *Message {
	return &Message{Event: &sessiondv1.WatchRevocationsResponse_Reset_{
		Reset_: &sessiondv1.Reset{Revision: revision, Configuration: "c"},
	}}
}
