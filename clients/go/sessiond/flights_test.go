package sessiond

import (
	"fmt"
	"strings"
	"testing"
	"unique"

	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
)

func flightOf(demand, token string) *flight { return flightBy("", demand, token) }

func flightBy(caller, demand, token string) *flight {
	key := verdicts.Key{Digest: digestOf(token), Demand: unique.Make(demand), Caller: unique.Make(caller)}
	return &flight{asking: asking{token: token, key: key}, done: make(chan struct{})}
}

func waitingFor(flights ...*flight) *departures {
	d := &departures{waiting: map[group][]*flight{}}
	for _, f := range flights {
		d.add(f)
	}
	return d
}

func TestTwoCallsAreUnderWayAndNoMore(t *testing.T) {
	d := waitingFor(flightOf("a", "1"), flightOf("b", "2"), flightOf("c", "3"))
	if first, second := d.depart(), d.depart(); len(first) != 1 || len(second) != 1 || d.depart() != nil {
		t.Fatal("not two of them depart")
	}
	d.inFlight--
	if len(d.depart()) != 1 {
		t.Fatal("nobody departs behind a landing")
	}
}

func TestOnlyWhatIsDemandedAlikeGoesTogether(t *testing.T) {
	d := waitingFor(flightOf("a", "1"), flightOf("b", "2"), flightOf("a", "3"))
	first, second := d.depart(), d.depart()
	if len(first) != 2 || first[0].token != "1" || first[1].token != "3" || len(second) != 1 {
		t.Fatalf("%d and %d go together", len(first), len(second))
	}
}

func TestOnlyWhatOneCallerAsksGoesTogether(t *testing.T) {
	d := waitingFor(flightBy("x", "a", "1"), flightBy("y", "a", "2"))
	if first, second := d.depart(), d.depart(); len(first) != 1 || len(second) != 1 {
		t.Fatalf("%d and %d go together", len(first), len(second))
	}
}

func TestACallHasABoundAndACrowdKeepsNobodyWaiting(t *testing.T) {
	d := waitingFor()
	for i := range mostTokens + 1 {
		d.add(flightOf("a", fmt.Sprint(i)))
	}
	d.add(flightOf("b", "other"))
	first, second := d.depart(), d.depart()
	if len(first) != mostTokens || len(second) != 1 || second[0].token != "other" {
		t.Fatalf("%d and %d go together", len(first), len(second))
	}
	d.inFlight--
	if rest := d.depart(); len(rest) != 1 {
		t.Fatalf("%d are left", len(rest))
	}
}

func TestACallIsBoundedByBytes(t *testing.T) {
	d := waitingFor()
	for i := range 40 {
		d.add(flightOf("a", fmt.Sprint(i)+strings.Repeat("t", largestNeighbour-2)))
	}
	if first := d.depart(); len(first)*largestNeighbour > mostBytes || len(first) < 30 {
		t.Fatalf("%d of 16 KiB go together", len(first))
	}
}

func TestAFlightIsFoundWithinItsGeneration(t *testing.T) {
	f := flightOf("a", "1")
	f.generation = 7
	all := flights{f.key: f}
	if all.find(f.key, 7) != f || all.find(f.key, 8) != nil {
		t.Fatal("a flight from before is joined, or none is")
	}
	newer := flightOf("a", "1")
	all[newer.key] = newer
	all.remove(f)
	if all[newer.key] != newer {
		t.Fatal("a landing takes another flight along")
	}
}
