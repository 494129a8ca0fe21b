package sessiondgrpc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func toSpan(t *testing.T, raw []byte) time.Duration {
	t.Helper()
	var span durationpb.Duration
	if err := proto.Unmarshal(raw, &span); err != nil {
		t.Fatal(err)
	}
	return span.AsDuration()
}

// sending is a shop whose calls have the token of a source.
func sending(t *testing.T, asked *validator, source sessiondgrpc.TokenSource) *shop {
	t.Helper()
	return newShop(t, sessiondgrpc.New(asked, sessiondgrpc.Methods{"/shop.v1.Orders/*": nil}),
		grpc.WithUnaryInterceptor(sessiondgrpc.UnaryClient(source)),
		grpc.WithStreamInterceptor(sessiondgrpc.StreamClient(source)))
}

func TestACallIsMadeWithTheTokenOfItsSource(t *testing.T) {
	for _, method := range []string{list, follow} {
		asked := accepting()
		shop := sending(t, asked, func(context.Context) (string, error) { return "of.the.source", nil })
		if _, _, err := shop.call(t.Context(), method); err != nil {
			t.Errorf("%s: found %v", method, err)
		}
		if _, _, err := shop.call(bearing(t, "Bearer own"), method); err != nil {
			t.Errorf("%s: found %v", method, err)
		}
		if !slices.Equal(asked.tokens, []string{"of.the.source", "own"}) {
			t.Errorf("%s: asked about %q", method, asked.tokens)
		}
	}
}

func TestACallWhoseSourceFailsIsNotMade(t *testing.T) {
	failure := errors.New("no token today")
	for code, source := range map[codes.Code]sessiondgrpc.TokenSource{
		codes.Unknown:  func(context.Context) (string, error) { return "", failure },
		codes.Internal: func(context.Context) (string, error) { return "a, b", nil },
	} {
		for _, method := range []string{list, follow} {
			asked := accepting()
			shop := sending(t, asked, source)
			_, _, err := shop.call(t.Context(), method)
			if status.Code(err) != code || len(asked.tokens) > 0 || len(shop.called) > 0 {
				t.Errorf("%s: found %v", method, err)
			}
		}
	}
}

func TestTheTokenOfARequestIsForwarded(t *testing.T) {
	asked := accepting()
	behind := sending(t, asked, sessiondgrpc.Forwarded)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, _ = behind.call(r.Context(), list)
	})
	front := func(v *validator, authorization string) {
		request := httptest.NewRequest("GET", "https://api.example/", nil)
		request.Header.Set("Authorization", authorization)
		sessiondhttp.New(v).Require(nil)(handler).ServeHTTP(httptest.NewRecorder(), request)
	}
	front(accepting(), "Bearer of.a.user")
	if !slices.Equal(asked.tokens, []string{"of.a.user"}) {
		t.Errorf("asked about %q", asked.tokens)
	}
	bound := &validator{session: &sessiond.Session{ClaimsJSON: `{"cnf": {"jkt": "x"}}`}}
	front(bound, "DPoP of.a.user")
	if len(asked.tokens) != 1 || len(bound.tokens) != 1 {
		t.Errorf("a token that is bound to a key was forwarded: asked about %q", asked.tokens)
	}
}

func TestTheTokenOfACallIsForwardedToTheNext(t *testing.T) {
	front := newShop(t, sessiondgrpc.New(accepting(), sessiondgrpc.Methods{list: nil}))
	if _, _, err := front.call(bearing(t, "Bearer of.a.user"), list); err != nil {
		t.Fatal(err)
	}
	if token, err := sessiondgrpc.Forwarded(front.context); token != "of.a.user" || err != nil {
		t.Errorf("found %q, %v", token, err)
	}
	incoming := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer unseen"))
	if token, err := sessiondgrpc.Forwarded(incoming); token != "" || err != nil {
		t.Errorf("a token that nobody has accepted: found %q, %v", token, err)
	}
}
