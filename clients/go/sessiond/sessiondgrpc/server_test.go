package sessiondgrpc_test

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

var orders = sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})

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
