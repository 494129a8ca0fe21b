package sessiond

import (
	"unique"

	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
)

const (
	mostInFlight = 2
	mostTokens   = 256
	mostBytes    = 512 << 10
	// largestNeighbour is the largest token that goes with others.
	largestNeighbour = 16 << 10
	// singlyAtOnce is how many of a batch that has to be taken apart are asked about at once.
	singlyAtOnce = 8
)

// asking is one token, by one policy, of one caller; key is under what its acceptance is kept.
type asking struct {
	token         string
	policy        *compiledPolicy
	authorization string
	key           verdicts.Key
}

// flight is a question that is asked, or is to be, until done is closed.
type flight struct {
	asking
	generation uint64
	waiting    int // who waits for it
	done       chan struct{}
	brought    landed
}

// flights has one flight for each question, that later callers may join.
type flights map[verdicts.Key]*flight

// find is a flight to join: none from before this client revoked something, or had to forget.
func (f flights) find(key verdicts.Key, generation uint64) *flight {
	if found := f[key]; found != nil && found.generation == generation {
		return found
	}
	return nil
}

func (f flights) remove(flight *flight) {
	if f[flight.key] == flight {
		delete(f, flight.key)
	}
}

// group is what goes together: the same demand, of the same caller.
type group struct{ demand, caller unique.Handle[string] }

// departures lets two calls be under way at a time; whoever comes meanwhile goes with the next one. There is
// no timer: who comes alone goes at once.
type departures struct {
	inFlight int
	waiting  map[group][]*flight
	order    []group
}

// add lets a flight wait for the next departure.
func (d *departures) add(f *flight) {
	of := group{f.key.Demand, f.key.Caller}
	if len(d.waiting[of]) == 0 {
		d.order = append(d.order, of)
	}
	d.waiting[of] = append(d.waiting[of], f)
}

// depart is those who go together now, in one call; none if nobody may. A landing has to follow.
func (d *departures) depart() []*flight {
	if d.inFlight >= mostInFlight || len(d.order) == 0 {
		return nil
	}
	of := d.order[0]
	d.order = d.order[1:]
	queue := d.waiting[of]
	count, size := 1, len(queue[0].token)
	for count < min(len(queue), mostTokens) && size+len(queue[count].token) <= mostBytes {
		size += len(queue[count].token)
		count++
	}
	if count < len(queue) {
		d.waiting[of] = queue[count:]
		d.order = append(d.order, of) // behind the others
	} else {
		delete(d.waiting, of)
	}
	d.inFlight++
	return queue[:count:count]
}
