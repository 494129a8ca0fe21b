package main

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/extauthz"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/forwarding"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// longToken is as long as a provider's usually is.
func longToken(i int) string { return fmt.Sprintf("%08d", i) + strings.Repeat("x", 792) }

// BenchmarkHit is an answer from memory without gRPC.
func BenchmarkHit(b *testing.B) {
	kept, authorization := filled(b, 10_000)
	request := encoded(b, &sessiondv1.ValidateTokenRequest{Token: longToken(1)})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := kept.Find(memory.Ask(authorization, request)); !ok {
			b.Fatal("not kept")
		}
	}
}

func filled(b testing.TB, entries int) (*memory.Memory, []string) {
	known := knowledge.New()
	kept := memory.New(verdicts.Bounds{MaxEntries: entries, MaxBytes: 64 << 20}, known, &clock.System)
	authorization := callers.OfAgent(servers.Nobody{})
	now := clock.System.Exact()
	known.SetMaxStaleness(time.Hour)
	known.Follow(configuration)
	known.Cover(now.Steady)
	known.Refresh(knowledge.Freshness{Known: now.Steady, Until: now.Steady + time.Hour, Skew: now.Skew()})
	for i := range entries {
		request := encoded(b, &sessiondv1.ValidateTokenRequest{Token: longToken(i)})
		response := accepted("token")
		response.GetSession().ClaimsJson = strings.Repeat("c", 600)
		flight, _, _ := kept.Board(memory.Ask(authorization, request), longToken(i))
		kept.Land(flight, &servers.Answer{Message: *frames.Of(encoded(b, response))}, nil, kept.Asked())
	}
	return kept, authorization
}

// BenchmarkCall is an answer from memory over a Unix socket, client and all.
func BenchmarkCall(b *testing.B) {
	u := newUpstream(b)
	f := inFront(b, u)
	u.answers(func(call, grpc.ServerStream) ([]byte, error) {
		response := accepted("token")
		response.GetSession().ClaimsJson = strings.Repeat("c", 600)
		return encoded(b, response), nil
	})
	request := frames.Of(encoded(b, &sessiondv1.ValidateTokenRequest{Token: longToken(1)}))
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx := background(b)
		for pb.Next() {
			answer := &frames.Message{}
			err := f.connection.Invoke(ctx, sessiondv1.SessionService_ValidateToken_FullMethodName, request, answer,
				grpc.ForceCodecV2(frames.Codec{}))
			if err != nil {
				b.Error(err)
			}
			answer.Free()
		}
	})
}

// BenchmarkCheck is Envoy's Check about a token of which the verdict is kept, without gRPC.
func BenchmarkCheck(b *testing.B) {
	kept, _ := filled(b, 100)
	service := &forwarding.Service{
		Callers:   &callers.Callers{Identity: servers.Nobody{}, Anonymous: []callers.Group{callers.Validate}},
		Memory:    kept,
		Telemetry: telemetry.New(),
	}
	server, err := extauthz.New(extauthz.DefaultSettings(), service.Verdict, slog.Default(), func(string) {})
	if err != nil {
		b.Fatal(err)
	}
	message := checkOf(b, longToken(1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.Check(b.Context(), message); err != nil {
			b.Fatal(err)
		}
	}
}

// checkOf is a CheckRequest as a browser causes it, with 19 headers.
func checkOf(b *testing.B, token string) []byte {
	headers := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
		{Key: "authorization", RawValue: []byte("Bearer " + token)},
	}}
	for i := range 18 {
		headers.Headers = append(headers.Headers, &corev3.HeaderValue{
			Key: fmt.Sprintf("x-header-%02d", i), RawValue: []byte(strings.Repeat("v", 30)),
		})
	}
	return encoded(b, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Scheme: "https", Host: "app.example", Path: "/orders", HeaderMap: headers,
		}},
	}})
}

// TestMemoryOfTenThousandVerdicts bounds what is kept beside the program itself.
func TestMemoryOfTenThousandVerdicts(t *testing.T) {
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	kept, _ := filled(t, 10_000)
	used := heap() - before
	if kept.Len() != 10_000 || used > 16<<20 {
		t.Errorf("%d verdicts take %d bytes", kept.Len(), used)
	}
	t.Logf("%d bytes of each", used/10_000)
}
