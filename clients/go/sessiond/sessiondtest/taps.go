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

// taps say how far the clients of a fake have come with what they were told: whoever asks a stream for the next
// event has applied the one before.
type taps struct {
	mu      sync.Mutex
	open    map[*tap]int // by how many events it has applied
	changed chan struct{}
}

type tap struct {
	grpc.ClientStream
	taps     *taps
	received int
}

func newTaps() *taps { return &taps{open: map[*tap]int{}, changed: make(chan struct{})} }

// intercept taps the streams of a client. One counts from before it is there, until it has ended.
func (t *taps) intercept(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	one := &tap{taps: t}
	t.set(one, 0)
	context.AfterFunc(ctx, func() { t.remove(one) })
	stream, err := open(metadata.AppendToOutgoingContext(ctx, tapped, "yes"), description, connection, method, options...)
	if err != nil {
		t.remove(one)
		return nil, err
	}
	one.ClientStream = stream
	return one, nil
}

// RecvMsg says first that the event before has been applied.
func (t *tap) RecvMsg(message any) error {
	if t.received > 0 {
		t.taps.advance(t, t.received)
	}
	err := t.ClientStream.RecvMsg(message)
	if err != nil {
		t.taps.remove(t)
		return err
	}
	if told, ok := message.(*event); ok {
		t.received = fromRevision(revisionOf(told)) + 1
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

func (t *taps) set(one *tap, applied int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[one] = applied
}

func (t *taps) advance(one *tap, applied int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, isOpen := t.open[one]; isOpen {
		t.open[one] = applied
		t.tell()
	}
}

func (t *taps) remove(one *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, one)
	t.tell()
}

func (t *taps) tell() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// settle waits until so many events have been applied, by everybody who watches. After the longest staleness
// nobody repeats what was before, applied or not; a client that does not tell is given that time.
func (t *taps) settle(events int, mayTell func() bool) {
	timer := time.NewTimer(maxStaleness)
	defer timer.Stop()
	for {
		changed, isDone := t.look(events)
		if isDone && mayTell() {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

func (t *taps) look(events int) (<-chan struct{}, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, applied := range t.open {
		if applied <= events {
			return t.changed, false
		}
	}
	return t.changed, true
}
