package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"google.golang.org/grpc"
)

func TestAnAgentSetsTheGarbageCollector(t *testing.T) {
	const before = 99
	usual := debug.SetGCPercent(before)
	defer debug.SetGCPercent(usual)
	u := newUpstream(t)
	u.answers(func(call, grpc.ServerStream) ([]byte, error) { return encoded(t, accepted("token")), nil })
	inFront(t, u).ask("token")
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	for until := time.Now().Add(patience); percent[0].Value.Uint64() == before; metrics.Read(percent) {
		if time.Now().After(until) {
			t.Fatal("it stays as it was")
		}
		runtime.Gosched()
	}
}
