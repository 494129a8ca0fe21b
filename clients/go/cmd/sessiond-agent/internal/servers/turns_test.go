package servers

import (
	"context"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// server is a connection that is told from others, and does nothing.
type server struct {
	balancer.SubConn
	name string
}

func pickerOf(names ...string) balancer.Picker {
	ready := map[balancer.SubConn]base.SubConnInfo{}
	for _, name := range names {
		ready[&server{name: name}] = base.SubConnInfo{}
	}
	return builder{}.Build(base.PickerBuildInfo{ReadySCs: ready})
}

func picked(t *testing.T, ctx context.Context, from balancer.Picker) string {
	t.Helper()
	result, err := from.Pick(balancer.PickInfo{Ctx: ctx})
	if err != nil {
		t.Fatal(err)
	}
	return result.SubConn.(*server).name
}

func TestServersTakeTurns(t *testing.T) {
	counts, from := map[string]int{}, pickerOf("a", "b", "c")
	for range 300 {
		counts[picked(t, t.Context(), from)]++
	}
	if counts["a"] != 100 || counts["b"] != 100 || counts["c"] != 100 {
		t.Errorf("found %v", counts)
	}
}

func TestWhoAsksAgainGetsAnotherServerAsLongAsThereIsOne(t *testing.T) {
	from := pickerOf("a", "b", "c")
	for range 10 {
		ctx, own := withTries(t.Context())
		seen := map[string]bool{}
		for i := range 3 {
			seen[picked(t, ctx, from)] = true
			if own.hasOther != (i < 2) {
				t.Fatalf("after %d tries hasOther is %t", i+1, own.hasOther)
			}
			picked(t, t.Context(), from) // another call comes between
		}
		if len(seen) != 3 {
			t.Fatalf("it was at %v", seen)
		}
		if picked(t, ctx, from); own.hasOther {
			t.Fatal("there was another one")
		}
	}
}
