package browser

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// mostFlights bounds what strangers who leave at once can have under way: a refresh goes on without them.
const mostFlights = 1024

// Flights spends each refresh token once at a time, for all who bring it.
type Flights struct {
	mu     sync.Mutex
	flying map[[sha256.Size]byte]*flight
}

// flight is a refresh under way, until done is closed.
type flight struct {
	done   chan struct{}
	tokens *sessiond.Tokens
	err    error
	panics string // what the refresh panicked with, and where
}

// Refresh joins the refresh of the same token by the same device, or makes it. Another device is another
// matter: the server would not give it the same tokens, and nor must this.
//
// Whoever leaves does not end it: its answer would be lost, and the token is spent.
func (f *Flights) Refresh(
	ctx context.Context, refreshToken string, bearer sessiond.Bearer,
	refresh func(context.Context, string, sessiond.Bearer) (*sessiond.Tokens, error),
) (*sessiond.Tokens, error) {
	key := keyOf(refreshToken, bearer)
	one, isFirst := f.board(key)
	if one == nil {
		return nil, tooMany()
	}
	if isFirst {
		go f.fly(one, key, func() (*sessiond.Tokens, error) {
			return refresh(context.WithoutCancel(ctx), refreshToken, bearer)
		})
	}
	select {
	case <-one.done:
		if one.panics != "" {
			panic(one.panics)
		}
		return one.tokens, one.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *Flights) board(key [sha256.Size]byte) (one *flight, isFirst bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.flying[key]; one != nil {
		return one, false
	}
	if len(f.flying) >= mostFlights {
		return nil, false
	}
	if f.flying == nil {
		f.flying = map[[sha256.Size]byte]*flight{}
	}
	one = &flight{done: make(chan struct{})}
	f.flying[key] = one
	return one, true
}

func (f *Flights) fly(one *flight, key [sha256.Size]byte, refresh func() (*sessiond.Tokens, error)) {
	defer func() {
		// Here it would end the process; it is for those who wait, as if each had made the call.
		if found := recover(); found != nil {
			one.panics = fmt.Sprintf("%v\n\n%s", found, debug.Stack())
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.flying, key)
		close(one.done)
	}()
	one.tokens, one.err = refresh()
}

// keyOf has what the server recognizes a repeated refresh by. No token is in it.
func keyOf(refreshToken string, bearer sessiond.Bearer) [sha256.Size]byte {
	certificate, _ := bearer.Proof.(sessiond.Certificate)
	device := bearer.Device
	parts := []string{refreshToken, device.UserAgent, device.Label, string(certificate[:])}
	return sha256.Sum256(fmt.Appendf(nil, "%q", parts))
}

func tooMany() error {
	return &sessiond.Unavailable{CallError: sessiond.CallError{
		Code: codes.ResourceExhausted, Message: "too many sessions are refreshed at once", RetryAfter: time.Second,
	}}
}
