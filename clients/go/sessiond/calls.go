package sessiond

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// calls asks for verdicts: one call for a token at a time, and few for many tokens. What they bring is kept
// in memory; without one nothing is kept, and no call is joined.
type calls struct {
	caller   *caller
	memory   *memory
	clock    *clock.Clock
	timeout  time.Duration
	batching bool
	singly   chan struct{}

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	isClosed   bool
	flights    flights
	departures departures
}

func newCalls(caller *caller, memory *memory, clock *clock.Clock, s *settings) *calls {
	ctx, cancel := context.WithCancel(context.Background())
	return &calls{
		caller:     caller,
		memory:     memory,
		clock:      clock,
		timeout:    s.timeout,
		batching:   s.batching,
		singly:     make(chan struct{}, singlyAtOnce),
		ctx:        ctx,
		cancel:     cancel,
		flights:    flights{},
		departures: departures{waiting: map[group][]*flight{}},
	}
}

// close gives up every call under way; whoever waits for one is told.
func (c *calls) close() {
	c.mu.Lock()
	c.isClosed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// alone asks by a call of its own, whose answer is kept for others.
func (c *calls) alone(ctx context.Context, a asking, timeout time.Duration) (*Session, error) {
	return c.one(ctx, a, timeout).verdict()
}

// shared asks by a call that others may join and go with. Who leaves does not end it: others wait for it too.
func (c *calls) shared(ctx context.Context, a asking) (Outcome, *Session, error) {
	began := c.ask()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for ctx.Err() == nil {
		f, isJoined := c.board(a)
		select {
		case <-f.done:
		case <-ctx.Done():
			c.leave(f)
			continue
		}
		if !isJoined {
			session, err := f.brought.verdict()
			return OutcomeMiss, session, err
		}
		if f.brought.answer == nil {
			return OutcomeJoined, nil, f.brought.err
		}
		if c.memory.known.MayAnswer(f.brought.answer, began) {
			return OutcomeJoined, f.brought.asOf(began), nil
		}
	}
	return OutcomeMiss, nil, leftWaiting(ctx)
}

// board is a flight to wait for: one that is under way, if it may be joined, or one of its own.
func (c *calls) board(a asking) (f *flight, isJoined bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var generation uint64
	if c.memory != nil {
		generation = c.memory.known.Generation()
		if f := c.flights.find(a.key, generation); f != nil {
			f.waiting++
			return f, true
		}
	}
	f = &flight{asking: a, generation: generation, waiting: 1, done: make(chan struct{})}
	c.flights[a.key] = f
	switch {
	case c.isClosed:
		c.land(f, landed{err: givenUp()})
	case !c.batching || len(a.token) > largestNeighbour:
		c.running.Go(func() { c.flyAlone(f) })
	default:
		c.departures.add(f)
		c.depart()
	}
	return f, false
}

// leave is that somebody waits no longer.
func (c *calls) leave(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
}

// depart sends off whoever may go; c.mu is held.
func (c *calls) depart() {
	for batch := c.departures.depart(); batch != nil; batch = c.departures.depart() {
		if batch = slices.DeleteFunc(batch, c.isAbandoned); len(batch) > 0 {
			c.running.Go(func() { c.fly(batch) })
		} else {
			c.departures.inFlight--
		}
	}
}

// isAbandoned lands a flight for which nobody waits any more: where a server is slow, a queue of those would
// have it asked for nobody. c.mu is held.
func (c *calls) isAbandoned(f *flight) bool {
	if f.waiting == 0 {
		c.land(f, landed{err: givenUp()})
	}
	return f.waiting == 0
}

// ask is taken before a call is made.
func (c *calls) ask() knowledge.Asked {
	asked := knowledge.Asked{At: c.clock.Exact()}
	if c.memory != nil {
		asked.Epoch = c.memory.known.Epoch()
	}
	return asked
}

// leftWaiting is why somebody waits no longer: its time is over, or it was told to.
func leftWaiting(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Unavailable{CallError{Code: codes.DeadlineExceeded, Message: "the time of the call is over"}}
	}
	return givenUp()
}

func givenUp() error {
	return &CallError{Code: codes.Canceled, Message: "the call was given up", isOurs: true}
}
