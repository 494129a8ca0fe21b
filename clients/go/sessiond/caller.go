package sessiond

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	mostAttempts  = 3
	firstRepeat   = 50 * time.Millisecond
	longestRepeat = 500 * time.Millisecond
	withinGrace   = 8 * time.Second // the grace of a refresh token is 10 s unless configured
)

// repeats says which failed calls of a method are made again.
type repeats struct {
	attempts int
	// within is how long after the first attempt the last may begin; zero is not bounded.
	within time.Duration
	// onlyIfAnswered leaves out calls whose answer was lost, and which may have been carried out.
	onlyIfAnswered bool
}

var (
	// What is asked may be asked again, and what has ended is not ended twice.
	idempotent = repeats{attempts: mostAttempts}
	once       = repeats{attempts: 1}
)

// repeatsOfRefresh are those of a refresh. A DPoP proof is good once (RFC 9449 section 11.1): an attempt
// whose answer was lost may have spent it.
func repeatsOfRefresh(proof Proof) repeats {
	_, isDPoP := proof.(DPoP)
	return repeats{attempts: mostAttempts, within: withinGrace, onlyIfAnswered: isDPoP}
}

// caller makes calls: with a deadline, attempts, and errors by meaning.
type caller struct {
	stub     sessiondv1.SessionServiceClient
	observer Observer
	closed   <-chan struct{}
}

// plan is how a call is to be made; authorization is the header of who calls, empty for none.
type plan struct {
	method        string
	timeout       time.Duration
	authorization string
	repeats       repeats
}

// calling is a method of the stub.
type calling[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

func call[Request, Response any](
	ctx context.Context, c *caller, p plan, method calling[Request, Response], request *Request,
) (*Response, error) {
	if p.timeout <= 0 {
		return nil, invalid("timeout", p.timeout.String(), "more than 0 s")
	}
	// What the caller's context says to other services is not meant for this one.
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, header(p.authorization)), p.timeout)
	defer cancel()
	began := time.Now()
	for attempt := 1; ; attempt++ {
		response, err := method(ctx, request)
		if err != nil {
			err = toError(err, c.hasGivenUp(ctx))
		}
		pause, again := p.repeats.pause(err, attempt, began)
		if !again || !c.rest(ctx, pause) {
			c.tell(p.method, err, attempt, time.Since(began))
			return response, err
		}
	}
}

func header(authorization string) metadata.MD {
	if authorization == "" {
		return metadata.MD{}
	}
	return metadata.Pairs("authorization", authorization)
}

// pause is how long to wait before the next attempt, if there is to be one. What sessiond says is obeyed.
func (r repeats) pause(err error, attempt int, began time.Time) (time.Duration, bool) {
	var failure *CallError
	if !errors.As(err, &failure) || failure.Code != codes.Unavailable || attempt >= r.attempts {
		return 0, false
	}
	isAnswered := failure.Reason != ""
	if r.onlyIfAnswered && !isAnswered {
		return 0, false
	}
	pause := min(longestRepeat, firstRepeat<<(attempt-1))
	pause = pause/2 + rand.N(pause/2)
	if isAnswered && failure.saysWhen {
		pause = failure.RetryAfter
	}
	return pause, r.within == 0 || time.Since(began)+pause < r.within
}

// rest waits, unless the call would be over by then: the caller gets the server's reason at once, and not
// its own deadline's.
func (c *caller) rest(ctx context.Context, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-c.closed:
		return false
	}
}

// hasGivenUp says whether this side has ended a call: its caller left, or the client was closed.
func (c *caller) hasGivenUp(ctx context.Context) bool {
	select {
	case <-c.closed:
		return true
	default:
		return errors.Is(ctx.Err(), context.Canceled)
	}
}

func (c *caller) tell(method string, err error, attempts int, duration time.Duration) {
	if c.observer.Called == nil {
		return
	}
	told := Call{Method: method, Attempts: attempts, Duration: duration}
	var failure *CallError
	if errors.As(err, &failure) {
		told.Code, told.Reason = failure.Code, failure.Reason
	}
	c.observer.Called(told)
}
