package servers

import (
	"context"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// connection is told from others, and does nothing but remember what is known of its server.
type connection struct {
	balancer.SubConn
	name  string
	known server
}

func (c *connection) GetOrBuildProducer(balancer.ProducerBuilder) (balancer.Producer, func()) {
	return &c.known, func() {}
}

func pickerOf(names ...string) balancer.Picker {
	connections := make([]*connection, len(names))
	for i, name := range names {
		connections[i] = &connection{name: name}
	}
	return pickerOver(connections...)
}

func pickerOver(connections ...*connection) balancer.Picker {
	ready := map[balancer.SubConn]base.SubConnInfo{}
	for _, one := range connections {
		ready[one] = base.SubConnInfo{}
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
		ctx, _ := withTries(t.Context())
		seen := map[string]bool{}
		for range 3 {
			seen[picked(t, ctx, from)] = true
			picked(t, t.Context(), from) // another call comes between
		}
		if len(seen) != 3 {
			t.Fatalf("it was at %v", seen)
		}
		picked(t, ctx, from) // it is at one of them again
	}
}

func TestWhoIsAboutToStopIsAskedNoMoreAsLongAsThereAreOthers(t *testing.T) {
	from := pickerOf("a", "b")
	ctx, own := withTries(t.Context())
	leaving := picked(t, ctx, from)
	own.leave()
	for range 10 {
		ctx, _ := withTries(t.Context())
		if picked(t, t.Context(), from) == leaving || picked(t, ctx, from) == leaving {
			t.Fatal("it was asked again")
		}
	}
	if picked(t, ctx, from) == leaving {
		t.Error("who was sent away came back")
	}
	own.leave()
	if _, err := from.Pick(balancer.PickInfo{Ctx: ctx}); err != errNoOther || !own.hasNoOther {
		t.Errorf("there was another one that stays, or: %v", err)
	}
	picked(t, t.Context(), from) // somebody has to be asked
}

func TestWhoIsSentAwayFindsAServerThatHasComeSince(t *testing.T) {
	old := &connection{name: "old"}
	ctx, own := withTries(t.Context())
	picked(t, ctx, pickerOver(old))
	own.leave()
	from := pickerOver(old, &connection{name: "new"})
	if found := picked(t, ctx, from); found != "new" || own.hasNoOther {
		t.Errorf("it was at %s", found)
	}
}

func TestServersThatDoNotServeAreAskedWhereNoneServes(t *testing.T) {
	ill, well := &connection{name: "ill"}, &connection{name: "well"}
	from := pickerOver(ill, well)
	ill.known.isNotServing.Store(true)
	for range 10 {
		ctx, _ := withTries(t.Context())
		if picked(t, t.Context(), from) != "well" || picked(t, ctx, from) != "well" {
			t.Fatal("one was asked that does not serve")
		}
		if picked(t, ctx, from) != "ill" {
			t.Fatal("who asked again did not get the other one")
		}
	}
	well.known.isNotServing.Store(true)
	seen := map[string]bool{}
	for range 2 {
		seen[picked(t, t.Context(), from)] = true
	}
	if len(seen) != 2 {
		t.Errorf("only %v were asked", seen)
	}
	well.known.isNotServing.Store(false)
	if picked(t, t.Context(), from) != "well" || picked(t, t.Context(), from) != "well" {
		t.Error("it was not noticed that one serves again")
	}
}
