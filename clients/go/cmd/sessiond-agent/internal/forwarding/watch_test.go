package forwarding

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAStreamEndsByWhatHasEndedIt(t *testing.T) {
	own := status.Error(codes.ResourceExhausted, "behind")
	for _, one := range []struct {
		cause error
		want  codes.Code
	}{
		{nil, codes.ResourceExhausted},
		{context.Canceled, codes.Canceled},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{status.Error(codes.PermissionDenied, "nobody's"), codes.PermissionDenied},
	} {
		ctx, end := context.WithCancelCause(t.Context())
		if one.cause != nil {
			end(one.cause)
		}
		if found := status.Code(ended(ctx, own)); found != one.want {
			t.Errorf("%v: found %v", one.cause, found)
		}
		end(nil)
	}
}
