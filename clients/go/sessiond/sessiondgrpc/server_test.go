package sessiondgrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

var orders = sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})

func quiet() sessiondgrpc.Option { return sessiondgrpc.WithLogger(slog.New(slog.DiscardHandler)) }

func rejected(reason sessiond.Reason, challenge string) error {
	return fmt.Errorf("wrapped: %w", &sessiond.Rejected{Reason: reason, WWWAuthenticate: challenge})
}

func TestACallWithAGoodTokenGetsThroughWithItsSession(t *testing.T) {
	for _, method := range []string{list, follow} {
		asked := accepting()
		methods := sessiondgrpc.Methods{"/shop.v1.Orders/*": orders}
		strict := sessiondgrpc.WithOptions("/shop.v1.Orders/*", sessiond.Strict)
		shop := newShop(t, sessiondgrpc.New(asked, methods, strict))
		answer, _, err := shop.call(bearing(t, "bearer a.b.c"), method)
		if err != nil || answer != "alice" {
			t.Errorf("%s: found %q, %v", method, answer, err)
		}
		if !slices.Equal(asked.tokens, []string{"a.b.c"}) || !slices.Equal(asked.policy.Scopes, orders.Scopes) {
			t.Errorf("%s: asked about %q under %+v", method, asked.tokens, asked.policy)
		}
		if !slices.Equal(asked.options, []sessiond.Option{sessiond.Strict}) {
			t.Errorf("%s: asked with %v", method, asked.options)
		}
	}
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

func TestWhatNothingIsSaidAboutIsDenied(t *testing.T) {
	var text strings.Builder
	logger := sessiondgrpc.WithLogger(slog.New(slog.NewTextHandler(&text, nil)))
	asked := accepting()
	shop := newShop(t, sessiondgrpc.New(asked, sessiondgrpc.Methods{list: nil}, logger))
	others := []string{follow, "/shop.v1.Orders/Delete", "/shop.v1.OrdersX/List", "/other.Service/Get"}
	for _, method := range others {
		if _, _, err := shop.call(bearing(t, "Bearer a"), method); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: found %v", method, err)
		}
	}
	if len(shop.called) > 0 || len(asked.tokens) > 0 || !strings.Contains(text.String(), "method="+follow) {
		t.Errorf("called %q, asked about %q, logged %s", shop.called, asked.tokens, &text)
	}
	shop = newShop(t, sessiondgrpc.New(asked, nil, sessiondgrpc.WithDefault(orders)))
	if answer, _, err := shop.call(bearing(t, "Bearer a"), follow); err != nil || answer != "alice" {
		t.Errorf("by default: found %q, %v", answer, err)
	}
	if _, _, err := shop.call(bearing(t), follow); status.Code(err) != codes.Unauthenticated {
		t.Errorf("by default, without a token: found %v", err)
	}
}

func TestHealthReflectionAndWhatIsPublicNeedNoToken(t *testing.T) {
	asked := &validator{err: rejected(sessiond.ReasonExpired, "Bearer")}
	shop := newShop(t, sessiondgrpc.New(asked, sessiondgrpc.Methods{
		"/shop.v1.Orders/*": sessiondgrpc.Public, list: orders,
	}))
	if answer, _, err := shop.call(bearing(t, "Bearer bad"), follow); err != nil || answer != "nobody" {
		t.Errorf("found %q, %v", answer, err)
	}
	if _, _, err := shop.call(bearing(t), list); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a method of a public service: found %v", err)
	}
	health := &healthv1.HealthCheckRequest{}
	if _, err := healthv1.NewHealthClient(shop.connection).Check(t.Context(), health); err != nil {
		t.Errorf("health: %v", err)
	}
	reflection := grpc_reflection_v1.NewServerReflectionClient(shop.connection)
	stream, err := reflection.ServerReflectionInfo(t.Context())
	if err != nil || stream.CloseSend() != nil {
		t.Fatalf("reflection: %v", err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("reflection: %v", err)
	}
	if len(asked.tokens) > 0 {
		t.Errorf("asked about %q", asked.tokens)
	}
	closed := newShop(t, sessiondgrpc.New(asked, sessiondgrpc.Methods{"/grpc.health.v1.Health/*": nil}))
	_, err = healthv1.NewHealthClient(closed.connection).Check(t.Context(), health)
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("health that is not public: %v", err)
	}
}

func TestADPoPProofGoesWithItsCall(t *testing.T) {
	bound := &validator{session: &sessiond.Session{Subject: "alice", ClaimsJSON: `{"cnf": {"jkt": "x"}}`}}
	methods := sessiondgrpc.Methods{list: nil}
	on := sessiondgrpc.WithDPoP("https://api.example")
	call := func(v *validator, proofs []string, options ...sessiondgrpc.Option) error {
		v.options = nil
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": {"DPoP a"}, "dpop": proofs})
		_, _, err := newShop(t, sessiondgrpc.New(v, methods, options...)).call(ctx, list)
		return err
	}
	proof := sessiond.DPoP{Proof: "p.r.f", Method: "POST", URL: "https://api.example" + list}
	err := call(bound, []string{"p.r.f"}, on)
	if err != nil || !slices.Equal(bound.options, []sessiond.Option{proof}) {
		t.Errorf("found %v, asked with %v", err, bound.options)
	}
	if err := call(bound, []string{"p", "q"}, on); status.Code(err) != codes.Unauthenticated {
		t.Errorf("two proofs: found %v", err)
	}
	if err := call(bound, []string{"p.r.f"}); err != nil || len(bound.options) > 0 {
		t.Errorf("without the option: found %v, asked with %v", err, bound.options)
	}
	if err := call(accepting(), []string{"p.r.f"}, on); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a token that is bound to no key: found %v", err)
	}
}

func TestAClientCertificateIsAProof(t *testing.T) {
	certificate := &x509.Certificate{Raw: []byte("der")}
	from := func(context.Context) *x509.Certificate { return certificate }
	asked := accepting()
	methods := sessiondgrpc.Methods{list: nil}
	shop := newShop(t, sessiondgrpc.New(asked, methods, sessiondgrpc.WithCertificates(from)))
	proof := []sessiond.Option{sessiond.CertificateOf(certificate)}
	if _, _, err := shop.call(bearing(t, "Bearer a"), list); err != nil || !slices.Equal(asked.options, proof) {
		t.Errorf("found %v, asked with %v", err, asked.options)
	}
	ofPeers := sessiondgrpc.WithCertificates(sessiondgrpc.PeerCertificate)
	shop = newShop(t, sessiondgrpc.New(asked, methods, ofPeers))
	if _, _, err := shop.call(bearing(t, "Bearer a"), list); err != nil || len(asked.options) > 0 {
		t.Errorf("without TLS: found %v, asked with %v", err, asked.options)
	}
	secure := credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}}
	ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: secure})
	if found := sessiondgrpc.PeerCertificate(ctx); found != certificate {
		t.Errorf("found %v", found)
	}
	ctx = peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{}})
	if found := sessiondgrpc.PeerCertificate(ctx); found != nil {
		t.Errorf("a connection without one: found %v", found)
	}
}

func TestMistakesOfTheProgramAreFoundBeforeACallIs(t *testing.T) {
	bad := &sessiond.Policy{Scopes: []string{"a b"}}
	strict := sessiondgrpc.WithOptions(list, sessiond.Strict)
	for name, mistake := range map[string]func(){
		"a policy":           func() { sessiondgrpc.New(accepting(), sessiondgrpc.Methods{list: bad}) },
		"a default":          func() { sessiondgrpc.New(accepting(), nil, sessiondgrpc.WithDefault(bad)) },
		"a name":             func() { sessiondgrpc.New(accepting(), sessiondgrpc.Methods{"shop.v1/List": nil}) },
		"all of everything":  func() { sessiondgrpc.New(accepting(), sessiondgrpc.Methods{"/*": nil}) },
		"options of nothing": func() { sessiondgrpc.New(accepting(), nil, strict) },
		"an origin":          func() { sessiondgrpc.WithDPoP("api.example") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nobody noticed")
				}
			}()
			mistake()
		})
	}
}
