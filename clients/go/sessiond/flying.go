package sessiond

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const rateLimited = sessiondv1.ErrorReason_ERROR_REASON_RATE_LIMITED

// fly asks about those who departed together, and sees the next off.
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
		case response.GetResults()[i].GetUndecided() == nil:
			c.landOne(f, c.take(f.asking, response.GetResults()[i], asked))
		case response.GetResults()[i].GetUndecided().GetReason() == rateLimited:
			c.landOne(f, landed{err: tooEarly(response.GetResults()[i].GetUndecided())})
		default:
			undecided = append(undecided, f)
		}
	}
	c.askSingly(undecided)
}

// tooEarly is what a call about one token fails with where rejected tokens are too many.
func tooEarly(undecided *sessiondv1.Undecided) error {
	return &Unavailable{CallError{
		Code: codes.ResourceExhausted, Reason: "RATE_LIMITED", Message: "this was done too often",
		RetryAfter: toSpan(undecided.GetRetryAfter()), saysWhen: true,
	}}
}

func (c *calls) askSingly(flights []*flight) {
	for _, f := range flights {
		c.running.Go(func() {
			select {
			case c.singly <- struct{}{}:
				c.flySingly(f)
				<-c.singly
			case <-c.ctx.Done():
				c.landOne(f, landed{err: givenUp()})
			}
		})
	}
}

func (c *calls) flySingly(f *flight) {
	c.mu.Lock()
	isAbandoned := c.isAbandoned(f)
	c.mu.Unlock()
	if !isAbandoned {
		c.flyAlone(f)
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
