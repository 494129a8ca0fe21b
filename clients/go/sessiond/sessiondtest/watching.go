package sessiondtest

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	maxStaleness   = time.Second
	heartbeatEvery = 100 * time.Millisecond
)

// watchers counts streams; isForeign says that there was one of a client that does not tell what it has
// applied.
type watchers struct {
	count     atomic.Int32
	isForeign atomic.Bool
}

// WatchRevocations tells what is revoked from a revision on, and how fresh that is.
func (s *service) WatchRevocations(
	request *sessiondv1.WatchRevocationsRequest,
	stream grpc.ServerStreamingServer[sessiondv1.WatchRevocationsResponse],
) error {
	began := time.Now()
	from, err := s.begin(request)
	if err != nil {
		return err
	}
	s.watchers.count.Add(1)
	defer s.watchers.count.Add(-1)
	if incoming, _ := metadata.FromIncomingContext(stream.Context()); len(incoming.Get(tapped)) == 0 {
		s.watchers.isForeign.Store(true)
	}
	if err := stream.Send(started(from)); err != nil {
		return err
	}
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		// The log is read after the moment for which a heartbeat vouches.
		sinceStart := time.Since(began)
		news, changed, isAway := s.after(from)
		for _, one := range append(news, freshness(from+len(news), sinceStart)) {
			if err := stream.Send(one); err != nil {
				return err
			}
		}
		from += len(news)
		if isAway {
			return nobodyThere()
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-stream.Context().Done():
			return nil
		}
	}
}

// begin is how many events a stream leaves out.
func (s *service) begin(request *sessiondv1.WatchRevocationsRequest) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request.GetFromRevision() == "" {
		return len(s.log.events), nil
	}
	from := fromRevision(request.GetFromRevision())
	if from < 0 || from > len(s.log.events) {
		return 0, fieldInvalid("from_revision", "what is no revision", "a revision that sessiond returned")
	}
	return from, nil
}

// after is what comes behind so many events, what says that there is more, and whether it is the last.
func (s *service) after(from int) (news []*event, changed <-chan struct{}, isAway bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(news, s.log.events[from:]...), s.log.changed, s.isAway
}

func started(from int) *event {
	return &event{Event: &sessiondv1.WatchRevocationsResponse_Started{Started: &sessiondv1.Started{
		Revision: toRevision(from), MaxStaleness: durationpb.New(maxStaleness), Configuration: configuration,
		Server: configuration,
	}}}
}

func freshness(events int, sinceStart time.Duration) *event {
	return &event{Event: &sessiondv1.WatchRevocationsResponse_Freshness{Freshness: &sessiondv1.Freshness{
		Revision: toRevision(events), Age: durationpb.New(0), SinceStart: durationpb.New(sinceStart),
	}}}
}
