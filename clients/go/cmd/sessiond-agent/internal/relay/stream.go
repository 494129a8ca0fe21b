package relay

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	heartbeat = 200 * time.Millisecond
	// The steady clocks of two machines drift apart, so that no stream is an anchor for longer; and those that
	// were opened together end up to a fifth of that sooner, each at its own time.
	longestLife = 5 * time.Minute
	jitter      = 0.2
	// taken is how many events are taken at once.
	taken = 64
)

// stream is what one watcher is told, in this order, and never anything before what it has to know first.
type stream struct {
	relay        *Relay
	opened       time.Duration
	endsAt       time.Duration
	place        uint64
	maxStaleness time.Duration
	due          time.Duration
	send         func([]byte) error
}

// Serve tells a watcher everything behind a revision, or from now on, until the stream has lived for long enough
// (nil), its context ends, or the relay is closed.
func (r *Relay) Serve(ctx context.Context, fromRevision string, send func([]byte) error) error {
	opened := r.clock.Exact().Steady
	s := &stream{
		relay:  r,
		opened: opened,
		endsAt: opened + time.Duration(float64(longestLife)*(1-jitter*rand.Float64())),
		due:    opened,
		send:   send,
	}
	first, err := s.begin(fromRevision)
	if err != nil {
		return err
	}
	if err := s.sendAll(first); err != nil {
		return err
	}
	return s.follow(ctx)
}

// begin is what is told before all else: where the stream goes on, and which keys have gone.
func (s *stream) begin(fromRevision string) ([][]byte, error) {
	r := s.relay.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isReady {
		return nil, failures.RevocationViewStale
	}
	place, isHeld := r.find(fromRevision)
	if !isHeld {
		place = r.next
	}
	s.place, s.maxStaleness = place, r.maxStaleness
	first := [][]byte{encode(&message{Event: &sessiondv1.WatchRevocationsResponse_Started{
		Started: &sessiondv1.Started{
			Revision:      r.revision(place),
			MaxStaleness:  durationpb.New(r.maxStaleness),
			Configuration: r.configuration,
			Server:        r.instance,
		},
	}})}
	if fromRevision != "" && !isHeld {
		first = append(first, encode(&message{Event: &sessiondv1.WatchRevocationsResponse_Reset_{
			Reset_: &sessiondv1.Reset{Revision: r.revision(place), Configuration: r.configuration},
		}}))
	}
	return append(first, s.goneKeys(time.Now())...), nil
}

// goneKeys have no place: they are told of whatever the watcher knows.
func (s *stream) goneKeys(now time.Time) (encoded [][]byte) {
	for _, key := range s.relay.ring.keys {
		if now.Sub(key.at) <= keysRemembered {
			told := &sessiondv1.Revocation{
				Type:       key.sent.GetType(),
				HashedId:   key.sent.GetHashedId(),
				ExpireTime: key.sent.GetExpireTime(),
			}
			encoded = append(encoded, encode(&message{
				Event: &sessiondv1.WatchRevocationsResponse_Revocation{Revocation: told},
			}))
		}
	}
	return encoded
}

func (s *stream) follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		// Read before the events that it vouches for are looked at.
		freshness := s.relay.known.Freshness()
		events, changed, err := s.take()
		if err != nil {
			return err
		}
		if err := s.sendAll(events); err != nil {
			return err
		}
		if len(events) > 0 {
			continue
		}
		now := s.relay.clock.Exact().Steady
		if changed == nil || now >= s.endsAt {
			return nil
		}
		if now >= s.due {
			s.due = now + heartbeat
			if err := s.send(s.beat(freshness)); err != nil {
				return err
			}
		}
		timer.Reset(s.due - now)
		select {
		case <-changed:
		case <-timer.C:
		case <-s.relay.closed:
			return failures.ShuttingDown
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take is what comes next, and what is closed when there is more; nil where the stream is to be opened anew,
// because what its beginning said is not so any more.
func (s *stream) take() (events [][]byte, changed <-chan struct{}, err error) {
	r := s.relay.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.place < r.first() {
		return nil, nil, failures.WatchFellBehind
	}
	for ; s.place < r.next && len(events) < taken; s.place++ {
		events = append(events, r.events[s.place%mostEvents].encoded)
	}
	if r.maxStaleness != s.maxStaleness {
		return events, nil, nil
	}
	return events, r.changed, nil
}

func (s *stream) sendAll(encoded [][]byte) error {
	for _, one := range encoded {
		if err := s.send(one); err != nil {
			return err
		}
	}
	return nil
}

// beat is a heartbeat: what the agent knew, and so do its watchers once they have been told. The age of what is
// known by nobody is that of the clocks.
func (s *stream) beat(known *knowledge.Freshness) []byte {
	now := s.relay.clock.Exact()
	return encode(&message{Event: &sessiondv1.WatchRevocationsResponse_Freshness{
		Freshness: &sessiondv1.Freshness{
			Revision:   s.relay.ring.revision(s.place),
			Age:        durationpb.New(max(now.After(known.Skew)-known.Known, 0)),
			SinceStart: durationpb.New(max(now.Steady-s.opened, 0)),
		},
	}})
}
