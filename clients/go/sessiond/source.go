package sessiond

import (
	"context"
	"errors"

	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/internal/watch"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

var watchStates = map[watch.State]WatchState{
	watch.Fresh: WatchFresh, watch.Lost: WatchLost, watch.Refused: WatchRefused,
}

// source is the server whose revocations this client follows.
func (c *Client) source() watch.Source {
	return watch.Source{
		Open: func(ctx context.Context, fromRevision string) (watch.Receiver, error) {
			ctx, err := c.withKey(ctx)
			if err != nil {
				return nil, err
			}
			request := &sessiondv1.WatchRevocationsRequest{FromRevision: fromRevision}
			return c.caller.stub.WatchRevocations(ctx, request)
		},
		Explain: explain,
		Enter: func(state watch.State) {
			if tell := c.settings.observer.WatchChanged; tell != nil {
				tell(watchStates[state])
			}
		},
	}
}

// explain is nil for what is none of gRPC's: a key's function failed, and may do better the next time.
func explain(err error) *watch.Failure {
	if _, ok := status.FromError(err); !ok {
		return nil
	}
	var failure *CallError
	if !errors.As(toError(err, false), &failure) {
		return nil
	}
	return &watch.Failure{
		Code: failure.Code, Reason: failure.Reason, RetryAfter: failure.RetryAfter, SaysWhen: failure.saysWhen,
	}
}
