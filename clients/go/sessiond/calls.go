package sessiond

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
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
			return f, true
		}
	}
	f = &flight{asking: a, generation: generation, done: make(chan struct{})}
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

// depart sends off whoever may go; c.mu is held.
func (c *calls) depart() {
	for batch := c.departures.depart(); batch != nil; batch = c.departures.depart() {
		c.running.Go(func() { c.fly(batch) })
	}
}

func (c *calls) fly(batch []*flight) {
	if len(batch) == 1 {
		c.flyAlone(batch[0])
	} else {
		c.flyTogether(batch)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.departures.inFlight--
	c.depart()
}

func (c *calls) flyAlone(f *flight) {
	brought := c.one(c.ctx, f.asking, c.timeout)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.land(f, brought)
}

// flyTogether asks in one call, and then singly about those whom it leaves undecided.
func (c *calls) flyTogether(batch []*flight) {
	asked, first := c.ask(), batch[0]
	request := &sessiondv1.ValidateTokensRequest{Requirements: first.policy.message}
	for _, f := range batch {
		request.Tokens = append(request.Tokens, readable(f.token))
	}
	p := plan{"ValidateTokens", c.timeout, first.authorization, idempotent}
	response, err := call(c.ctx, c.caller, p, c.caller.stub.ValidateTokens, request)
	if err == nil && len(response.GetResults()) != len(batch) {
		err = miscounted()
	}
	var failure *CallError
	if errors.As(err, &failure) && failure.Reason == "KEYS_UNAVAILABLE" {
		c.askSingly(batch)
		return
	}
	var undecided []*flight
	for i, f := range batch {
		switch {
		case err != nil:
			c.landOne(f, landed{err: err})
		case response.GetResults()[i].GetUndecided() != nil:
			undecided = append(undecided, f)
		default:
			c.landOne(f, c.take(f.asking, response.GetResults()[i], asked))
		}
	}
	c.askSingly(undecided)
}

func (c *calls) askSingly(flights []*flight) {
	for _, f := range flights {
		c.running.Go(func() {
			select {
			case c.singly <- struct{}{}:
				c.flyAlone(f)
				<-c.singly
			case <-c.ctx.Done():
				c.landOne(f, landed{err: givenUp()})
			}
		})
	}
}

// one asks about one token, by one call.
func (c *calls) one(ctx context.Context, a asking, timeout time.Duration) landed {
	asked := c.ask()
	p := plan{"ValidateToken", timeout, a.authorization, idempotent}
	request := toValidateRequest(a.token, a.policy, &question{})
	response, err := call(ctx, c.caller, p, c.caller.stub.ValidateToken, request)
	if err != nil {
		return landed{err: err}
	}
	return c.take(a, response, asked)
}

// take reads an answer, and keeps it.
func (c *calls) take(a asking, response *sessiondv1.ValidateTokenResponse, asked knowledge.Asked) landed {
	brought := read(response, hashedid.OfToken(a.key.Digest), asked)
	if c.memory != nil {
		c.memory.keep(a.key, brought, response)
	}
	return brought
}

func (c *calls) landOne(f *flight, brought landed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.land(f, brought)
}

// land wakes whoever waits for a flight; c.mu is held.
func (c *calls) land(f *flight, brought landed) {
	f.brought = brought
	c.flights.remove(f)
	close(f.done)
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
