package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
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
