package servers

import (
	"context"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// connection is told from others, and does nothing.
type connection struct {
	balancer.SubConn
	name string
}

func pickerOf(names ...string) balancer.Picker {
	ready := map[balancer.SubConn]base.SubConnInfo{}
	for _, name := range names {
		ready[&connection{name: name}] = base.SubConnInfo{}
	}
	return builder{}.Build(base.PickerBuildInfo{ReadySCs: ready})
}

func picked(t *testing.T, ctx context.Context, from balancer.Picker) string {
	t.Helper()
	result, err := from.Pick(balancer.PickInfo{Ctx: ctx})
	if err != nil {
		t.Fatal(err)
	}
	return result.SubConn.(*connection).name
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

func TestWhoIsAboutToStopIsAskedNoMoreAsLongAsThereAreOthers(t *testing.T) {
	from := pickerOf("a", "b")
	ctx, own := withTries(t.Context())
	leaving := picked(t, ctx, from)
	if !own.leave() {
		t.Fatal("there was no other one")
	}
	for range 10 {
		ctx, _ := withTries(t.Context())
		if picked(t, t.Context(), from) == leaving || picked(t, ctx, from) == leaving {
			t.Fatal("it was asked again")
		}
	}
	other, last := withTries(t.Context())
	if picked(t, other, from); last.leave() {
		t.Error("there was another one that stays")
	}
	picked(t, t.Context(), from) // somebody has to be asked
}
