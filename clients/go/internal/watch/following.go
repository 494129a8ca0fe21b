package watch

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// Receiver is an open stream.
type Receiver interface{ Recv() (*Message, error) }

// Source is a server whose revocations are followed.
type Source struct {
	// Open opens a stream from a revision. The context ends it.
	Open func(ctx context.Context, fromRevision string) (Receiver, error)
	// Explain says what the error of a stream means; nil where nothing is to be learnt from it.
	Explain func(error) *Failure
	// Enter is told of each other state; it may be nil.
	Enter func(State)
}

// Following opens and ends streams as its watch says, from Start until Close.
type Following struct {
	source  Source
	clock   *clock.Clock
	changed chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	start   sync.Once
	running sync.WaitGroup

	mu    sync.Mutex
	watch *Watch
	open  map[*Stream]context.CancelFunc
	told  State
}

// Follow makes ready to follow a source.
func Follow(source Source, known *knowledge.Knowledge, clock *clock.Clock) *Following {
	ctx, cancel := context.WithCancel(context.Background())
	return &Following{
		source:  source,
		clock:   clock,
		changed: make(chan struct{}, 1),
		ctx:     ctx,
		cancel:  cancel,
		watch:   New(known, rand.Float64),
		open:    map[*Stream]context.CancelFunc{},
	}
}

// Start follows from now on, if it is not done already.
func (f *Following) Start() {
	f.start.Do(func() { f.running.Go(f.run) })
}

// Close ends every stream, and waits for that. It may be called once.
func (f *Following) Close() {
	f.start.Do(func() {}) // whoever comes later starts nothing
	f.cancel()
	f.running.Wait()
}

// Reconnects counts streams that had to be opened because one had ended.
func (f *Following) Reconnects() uint64 { return f.watch.Reconnects() }

// Replace has another stream be opened in the place of the one that is open.
func (f *Following) Replace() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.Replace(f.clock.Exact().Steady)
	f.wake()
}

func (f *Following) run() {
	for {
		timer := time.NewTimer(f.step())
		select {
		case <-f.ctx.Done():
			timer.Stop()
			return
		case <-f.changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// step opens and ends streams, and says how long until the next step.
func (f *Following) step() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if stream := f.watch.Due(f.clock.Exact()); stream != nil {
		ctx, cancel := context.WithCancel(f.ctx)
		f.open[stream] = cancel
		revision := stream.Revision
		f.running.Go(func() { f.read(ctx, stream, revision) })
	}
	f.endOthers()
	f.tell()
	return f.watch.WakeAt() - f.clock.Exact().Steady
}

func (f *Following) endOthers() {
	for stream, cancel := range f.open {
		if !f.watch.IsWanted(stream) {
			cancel()
			delete(f.open, stream)
		}
	}
}

func (f *Following) read(ctx context.Context, stream *Stream, revision string) {
	err := f.receive(ctx, stream, revision)
	f.mu.Lock()
	defer f.mu.Unlock()
	var failure *Failure
	if !errors.Is(err, io.EOF) {
		failure = f.source.Explain(err)
	}
	f.watch.End(stream, failure, f.clock.Exact().Steady)
	f.endOthers()
	f.tell()
	f.wake()
}

func (f *Following) receive(ctx context.Context, stream *Stream, revision string) error {
	receiver, err := f.source.Open(ctx, revision)
	if err != nil {
		return err
	}
	for {
		message, err := receiver.Recv()
		if err != nil {
			return err
		}
		f.apply(stream, message)
	}
}

func (f *Following) apply(stream *Stream, message *Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watch.Receive(stream, message, f.clock.Exact()) {
		f.wake()
	}
	f.tell()
}

// wake has the next step taken now; one that waits to be taken is enough.
func (f *Following) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *Following) tell() {
	if state := f.watch.State(); state != Unknown && state != f.told {
		f.told = state
		if f.source.Enter != nil {
			f.source.Enter(state)
		}
	}
}
