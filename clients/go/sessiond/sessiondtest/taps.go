package sessiondtest

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// tapped marks the streams of clients that tell what they have applied.
const tapped = "sessiondtest-tapped"

// taps say how far each client of a fake has come with what it was told.
type taps struct {
	mu      sync.Mutex
	clients []*tap
	changed chan struct{} // closed when one has come further
}

// tap is that of one client: whoever asks a stream for the next event has applied the one before.
type tap struct {
	taps     *taps
	isFresh  bool                   // it was told how fresh it is, and so may repeat what it keeps
	position int                    // how many events it has applied, on whichever stream; -1 for nothing at all
	open     map[*tappedStream]bool // a test may have opened some of its own
}

func newTaps() *taps { return &taps{changed: make(chan struct{})} }

// add is a tap for one more client.
func (t *taps) add() *tap {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := &tap{taps: t, position: -1, open: map[*tappedStream]bool{}}
	t.clients = append(t.clients, one)
	return one
}

// intercept taps the streams of a client.
func (t *tap) intercept(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	marked := metadata.AppendToOutgoingContext(ctx, tapped, "yes")
	stream, err := open(marked, description, connection, method, options...)
	if err != nil {
		return nil, err
	}
	one := &tappedStream{ClientStream: stream, tap: t, received: -1, position: -1}
	t.change(func() { t.open[one] = true })
	context.AfterFunc(ctx, func() { t.change(func() { delete(t.open, one) }) })
	return one, nil
}

type tappedStream struct {
	grpc.ClientStream
	tap                *tap
	received, position int // received is the position of who has applied what came last
}

// RecvMsg says first that the event before has been applied.
func (s *tappedStream) RecvMsg(message any) error {
	s.tap.change(func() {
		s.position = max(s.position, s.received)
		s.tap.position = max(s.tap.position, s.received)
	})
	if err := s.ClientStream.RecvMsg(message); err != nil {
		s.tap.change(func() { delete(s.tap.open, s) })
		return err
	}
	if told, ok := message.(*event); ok {
		s.received = fromRevision(revisionOf(told))
		s.tap.change(func() { s.tap.isFresh = s.tap.isFresh || told.GetFreshness() != nil })
	}
	return nil
}

func revisionOf(told *event) string {
	switch one := told.GetEvent().(type) {
	case *sessiondv1.WatchRevocationsResponse_Started:
		return one.Started.GetRevision()
	case *sessiondv1.WatchRevocationsResponse_Revocation:
		return one.Revocation.GetRevision()
	case *sessiondv1.WatchRevocationsResponse_Freshness:
		return one.Freshness.GetRevision()
	default:
		return told.GetReset_().GetRevision()
	}
}

// change changes something that whoever settles looks at.
func (t *tap) change(something func()) {
	t.taps.mu.Lock()
	defer t.taps.mu.Unlock()
	something()
	close(t.taps.changed)
	t.taps.changed = make(chan struct{})
}

// hasApplied says whether the client can repeat nothing from before so many events.
func (t *tap) hasApplied(events int) bool {
	for stream := range t.open {
		if stream.position < events {
			return false
		}
	}
	return !t.isFresh || t.position >= events
}

// settle waits until every client has applied so many events, or nobody can repeat what was before: after the
// longest staleness since they were told. A client that does not tell is given that time.
func (t *taps) settle(events int, isForeign bool) {
	timer := time.NewTimer(maxStaleness)
	defer timer.Stop()
	for {
		changed, isDone := t.look(events)
		if isDone && !isForeign {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

func (t *taps) look(events int) (changed <-chan struct{}, isDone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, client := range t.clients {
		if !client.hasApplied(events) {
			return t.changed, false
		}
	}
	return t.changed, true
}
