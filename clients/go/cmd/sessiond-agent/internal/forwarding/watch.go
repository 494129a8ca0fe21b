package forwarding

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Watchers bounds how many watch, in all and of each caller.
type Watchers struct {
	InAll, OfEach int

	mu     sync.Mutex
	all    int
	byName map[string]int
}

// Count is how many watch.
func (w *Watchers) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}

func (w *Watchers) enter(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= w.InAll || w.byName[name] >= w.OfEach {
		return false
	}
	if w.byName == nil {
		w.byName = map[string]int{}
	}
	w.all++
	w.byName[name]++
	return true
}

func (w *Watchers) leave(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.byName[name]--; w.byName[name] == 0 {
		delete(w.byName, name)
	}
}

// watch tells a caller of revocations, in whose name a server would.
func (s *Service) watch(_ any, stream grpc.ServerStream) error {
	ctx := stream.Context()
	authorization, err := s.Callers.Authorization(ctx, callers.Watch)
	if err != nil {
		return err
	}
	var request sessiondv1.WatchRevocationsRequest
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	name := strings.Join(authorization, "\x00")
	if !s.Watchers.enter(name) {
		return failures.WatchersExhausted
	}
	defer s.Watchers.leave(name)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	if callers.IsKnown(ctx) {
		if err := s.Permits.Check(ctx, authorization); err != nil {
			return failures.PassedOn(err)
		}
		go s.Permits.Follow(ctx, authorization, end)
	}
	err = s.Relay.Serve(ctx, request.GetFromRevision(), func(event []byte) error {
		return stream.SendMsg(frames.Of(event))
	})
	return ended(ctx, err)
}

// ended is how a stream ends whose context may have ended it.
func ended(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil {
		return err
	}
	if _, isRefusal := status.FromError(cause); isRefusal {
		return failures.PassedOn(cause)
	}
	return status.FromContextError(cause).Err()
}
