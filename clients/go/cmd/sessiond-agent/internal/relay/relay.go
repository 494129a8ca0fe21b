package relay

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// watches is how many are kept, at as many servers where there are as many: what either of them vouches for
// counts, so that one of them may stop.
const watches = 2

// Servers are those whose revocations are followed.
type Servers interface {
	Watch(
		ctx context.Context, authorization []string, fromRevision string,
	) (grpc.ServerStreamingClient[sessiondv1.WatchRevocationsResponse], error)
}

// Relay is a watcher of servers, and a server of watchers.
type Relay struct {
	known   *knowledge.Knowledge
	clock   *clock.Clock
	ring    *ring
	sources [watches]*source
	closed  chan struct{}
	close   sync.Once
}

// New follows nothing yet. The authorization is that of the agent itself; entered is told of each other state of
// a watch, by its number.
func New(
	servers Servers, authorization func() []string, known *knowledge.Knowledge, clock *clock.Clock,
	entered func(number int, state watch.State),
) *Relay {
	r := &Relay{known: known, clock: clock, ring: newRing(), closed: make(chan struct{})}
	for i := range r.sources {
		one := &source{number: i, relay: r, servers: servers, authorization: authorization}
		one.wait.Store(int64(firstWait))
		one.following = watch.Follow(watch.Source{
			Open:    one.open,
			Explain: one.explain,
			Enter:   func(state watch.State) { entered(i, state) },
		}, known, clock)
		r.sources[i] = one
	}
	return r
}

// Start follows the servers from now on; a second watch begins where the first has come to.
func (r *Relay) Start() { r.sources[0].following.Start() }

// Stop ends every stream of a watcher, and lets none begin.
func (r *Relay) Stop() { r.close.Do(func() { close(r.closed) }) }

// Close ends the streams of servers too, and waits for that.
func (r *Relay) Close() {
	r.Stop()
	for _, one := range r.sources {
		one.following.Close()
	}
}

// Reconnects counts streams of servers that had to be opened because one had ended.
func (r *Relay) Reconnects() (count uint64) {
	for _, one := range r.sources {
		count += one.following.Reconnects()
	}
	return count
}

// Age is how old what is known is.
func (r *Relay) Age() time.Duration {
	known, now := r.known.Freshness(), r.clock.Exact()
	return max(now.After(known.Skew)-known.Known, 0)
}

// IsFresh says whether one may answer from memory.
func (r *Relay) IsFresh() bool { return r.known.Freshness().Left(r.clock.Exact()) > 0 }

// server is which one a watch is at; empty where it is at none.
func (r *Relay) server(number int) string {
	name := r.sources[number].server.Load()
	if name == nil {
		return ""
	}
	return *name
}
