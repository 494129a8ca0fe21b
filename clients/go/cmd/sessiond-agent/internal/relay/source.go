package relay

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	// turns is how often the second watch tries to get to another server than the first.
	turns = 2
	// Then it waits for longer and longer: there may be only one server.
	firstWait   = 250 * time.Millisecond
	longestWait = 30 * time.Second
)

// errSameServer says that the second watch would be at the server of the first.
var errSameServer = errors.New("the other watch is at this server")

// source is one of the watches.
type source struct {
	number        int
	relay         *Relay
	servers       Servers
	authorization func() []string
	following     *watch.Following
	server        atomic.Pointer[string]
	wait          atomic.Int64 // of the next turns, in nanoseconds
	moveAt        atomic.Int64 // on the steady clock: when to try to get away from the server of the first
	heard         atomic.Pointer[heard]
}

// heard is the revision up to which a stream that is open has told everything, and that is known to the agent.
type heard struct {
	on       *receiver
	revision string
}

// receiver is a stream of which the first message has been read. What comes on it is put where watchers are told
// from before it is known to the agent: a heartbeat vouches for what stands before it.
type receiver struct {
	watch.Receiver
	source    *source
	server    string
	first     *watch.Message
	last      *watch.Message // that has been applied once the next one is asked for
	isResumed bool
}

func (s *source) open(ctx context.Context, fromRevision string) (watch.Receiver, error) {
	ctx, fromRevision = servers.Elsewhere(ctx), s.resumeFrom(fromRevision)
	for range turns {
		attempt, cancel := context.WithCancel(ctx)
		stream, err := s.servers.Watch(attempt, s.authorization(), fromRevision)
		if err != nil {
			cancel()
			return nil, err
		}
		first, err := stream.Recv()
		if err != nil {
			cancel()
			return nil, err
		}
		name := first.GetStarted().GetServer()
		if s.number > 0 && name == s.relay.server(0) {
			cancel()
			continue
		}
		context.AfterFunc(ctx, cancel)
		s.server.Store(&name)
		s.wait.Store(int64(firstWait))
		return &receiver{stream, s, name, first, nil, fromRevision != ""}, nil
	}
	return nil, errSameServer
}

// resumeFrom is what the other watch has told, where that is open: a server that was restarted does not know what was
// before, and would have everything be forgotten.
func (s *source) resumeFrom(revision string) string {
	other := s.relay.sources[(s.number+1)%watches].heard.Load()
	if revision == "" || other == nil {
		return revision
	}
	return other.revision
}

func (r *receiver) Recv() (*watch.Message, error) {
	r.applied()
	message := r.first
	if r.first = nil; message == nil {
		var err error
		if message, err = r.Receiver.Recv(); err != nil {
			if last := r.source.heard.Load(); last != nil && last.on == r {
				r.source.heard.CompareAndSwap(last, nil)
			}
			return nil, err
		}
	}
	r.tell(message)
	r.last = message
	if message.GetFreshness() != nil {
		r.source.part(r.server)
	}
	return message, nil
}

func (r *receiver) applied() {
	if fresh := r.last.GetFreshness(); fresh.GetRevision() != "" {
		r.source.heard.Store(&heard{r, fresh.GetRevision()})
	}
}

// part has the second watch look for another server where the first has come to its own, as it does when a server
// is restarted: the next one that goes would end both.
func (s *source) part(server string) {
	now := s.relay.clock.Exact().Steady
	if s.number == 0 || server != s.relay.server(0) || int64(now) < s.moveAt.Load() {
		return
	}
	s.moveAt.Store(int64(now + s.longerWait()))
	s.following.Replace()
}

// longerWait is twice as long the next time.
func (s *source) longerWait() time.Duration {
	wait := time.Duration(s.wait.Load())
	s.wait.Store(int64(min(2*wait, longestWait)))
	return wait
}

func (r *receiver) tell(message *watch.Message) {
	ring := r.source.relay.ring
	switch event := message.GetEvent().(type) {
	case *sessiondv1.WatchRevocationsResponse_Started:
		ring.start(event.Started, r.isResumed)
	case *sessiondv1.WatchRevocationsResponse_Revocation:
		if len(event.Revocation.GetHashedId()) != len(hashedid.ID{}) {
			ring.reset("")
			return
		}
		ring.add(event.Revocation, time.Now())
	case *sessiondv1.WatchRevocationsResponse_Reset_:
		ring.reset(event.Reset_.GetConfiguration())
	case *sessiondv1.WatchRevocationsResponse_Freshness:
		// By now what this stream began with is known: the other one goes on from there.
		if r.source.number == 0 {
			r.source.relay.sources[1].following.Start()
		}
	default: // what a newer server says may have meant anything
		ring.reset("")
	}
}

// explain is what the error of a stream means for when the next one is opened.
func (s *source) explain(err error) *watch.Failure {
	if errors.Is(err, errSameServer) {
		return &watch.Failure{
			Code: codes.Unavailable, Reason: err.Error(), RetryAfter: s.longerWait(), SaysWhen: true,
		}
	}
	said, ok := status.FromError(err)
	if !ok {
		return nil
	}
	after, saysWhen := failures.RetryAfter(err)
	return &watch.Failure{Code: said.Code(), Reason: failures.Reason(err), RetryAfter: after, SaysWhen: saysWhen}
}
