package sessiondgrpc_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

func quiet() sessiondgrpc.Option { return sessiondgrpc.WithLogger(slog.New(slog.DiscardHandler)) }

func rejected(reason sessiond.Reason, challenge string) error {
	return fmt.Errorf("wrapped: %w", &sessiond.Rejected{Reason: reason, WWWAuthenticate: challenge})
}

func TestEachDenialHasItsRowAndReachesNoHandler(t *testing.T) {
	failed := func(code codes.Code) sessiond.CallError { return sessiond.CallError{Code: code} }
	unavailable := &sessiond.Unavailable{CallError: failed(codes.Unavailable)}
	unavailable.RetryAfter = 2500 * time.Millisecond
	const stepUp = `Bearer error="insufficient_user_authentication", acr_values="phr"`
	good := []string{"Bearer a"}
	for _, row := range []struct {
		name          string
		authorization []string
		err           error
		code          codes.Code
		challenge     string
		retry         time.Duration
	}{
		{name: "no token", code: codes.Unauthenticated, challenge: `Bearer scope="orders:read"`},
		{
			name: "another scheme", authorization: []string{"Basic dTpw"}, code: codes.Unauthenticated,
			challenge: `Bearer scope="orders:read"`,
		},
		{
			name: "two tokens", authorization: []string{"Bearer a", "Bearer b"}, code: codes.Unauthenticated,
			challenge: `Bearer error="invalid_request"`,
		},
		{
			name: "what is no token", authorization: []string{"Bearer a, b"}, code: codes.Unauthenticated,
			challenge: `Bearer error="invalid_request"`,
		},
		{
			name: "SCOPE_INSUFFICIENT", authorization: good, code: codes.PermissionDenied,
			err: rejected(sessiond.ReasonScopeInsufficient, "Bearer x"), challenge: "Bearer x",
		},
		{
			name: "STEP_UP_REQUIRED", authorization: good, code: codes.Unauthenticated,
			err: rejected(sessiond.ReasonStepUpRequired, stepUp), challenge: stepUp,
		},
		{
			name: "BINDING_MISMATCH", authorization: good, code: codes.Unauthenticated,
			err: rejected(sessiond.ReasonBindingMismatch, "DPoP x"), challenge: "DPoP x",
		},
		{
			name: "EXPIRED", authorization: good, code: codes.Unauthenticated,
			err: rejected(sessiond.ReasonExpired, "Bearer x"), challenge: "Bearer x",
		},
		{
			name: "unavailable", authorization: good, code: codes.Unavailable, err: unavailable,
			retry: unavailable.RetryAfter,
		},
		{
			name: "the time is over", authorization: good, code: codes.Unavailable, retry: time.Second,
			err: &sessiond.Unavailable{CallError: failed(codes.DeadlineExceeded)},
		},
		{
			name: "PERMISSION_DENIED", authorization: good, code: codes.Internal,
			err: &sessiond.PermissionDenied{CallError: failed(codes.PermissionDenied)},
		},
		{
			name: "INVALID_ARGUMENT", authorization: good, code: codes.Internal,
			err: &sessiond.InvalidArgument{CallError: failed(codes.InvalidArgument)},
		},
		{
			name: "UNIMPLEMENTED", authorization: good, code: codes.Internal,
			err: &sessiond.Unsupported{CallError: failed(codes.Unimplemented)},
		},
		{
			name: "INTERNAL", authorization: good, code: codes.Internal,
			err: &sessiond.Internal{CallError: failed(codes.Internal)},
		},
		{name: "an error of nobody's", authorization: good, code: codes.Internal, err: errors.New("secret")},
		{name: "neither a session nor an error", authorization: good, code: codes.Internal},
	} {
		for _, method := range []string{list, follow} {
			t.Run(row.name+" "+method, func(t *testing.T) {
				methods := sessiondgrpc.Methods{"/shop.v1.Orders/*": orders}
				shop := newShop(t, sessiondgrpc.New(&validator{err: row.err}, methods, quiet()))
				_, trailer, err := shop.call(bearing(t, row.authorization...), method)
				if status.Code(err) != row.code || strings.Contains(err.Error(), "secret") {
					t.Errorf("found %v", err)
				}
				if got := trailer.Get("www-authenticate"); strings.Join(got, "|") != row.challenge {
					t.Errorf("found %q", got)
				}
				if got := retryAfter(t, err); got != row.retry {
					t.Errorf("found a delay of %v", got)
				}
				if len(shop.called) > 0 {
					t.Errorf("the handlers of %q were called", shop.called)
				}
			})
		}
	}
}

// retryAfter is that of the RetryInfo of a status; 0 without one.
func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	for _, detail := range status.Convert(err).Proto().GetDetails() {
		if detail.GetTypeUrl() != "type.googleapis.com/google.rpc.RetryInfo" {
			t.Errorf("found %v", detail.GetTypeUrl())
			continue
		}
		if value, ok := strings.CutPrefix(string(detail.GetValue()), "\x0a"); ok && int(value[0]) == len(value)-1 {
			return toSpan(t, []byte(value[1:]))
		}
		t.Errorf("found %x", detail.GetValue())
	}
	return 0
}
