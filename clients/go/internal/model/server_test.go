package model

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	maxStaleness   = time.Second
	watchedCache   = 60 * time.Second
	heldEvents     = 6
	keysRemembered = 300 * time.Second
	keyFetch       = 5.0
)

// reply is what a server says of a token; nil is that it is not accepted.
type reply struct {
	age, cacheFor, watchedCacheFor time.Duration
	configuration                  string
}

// subscriber is a stream at the side that sends it.
type subscriber struct {
	line      *line
	arrive    func(*watch.Message)
	startedAt time.Duration
	isClosed  bool
}

// send sends a message, or the stream's end.
func (s *subscriber) send(message *watch.Message) {
	if !s.isClosed {
		s.line.send(func() { s.arrive(message) })
		s.isClosed = message == nil
	}
}

// server has a view that holds the first so many entries of the log, as of a moment.
type server struct {
	*simulation
	truth         *truth
	applied       int
	heldFrom      int
	completeAt    time.Duration
	configuration int
	withdrawn     map[hashedid.ID]time.Duration
	subscribers   []*subscriber
	awayUntil     time.Duration
	stalledUntil  time.Duration
}

func newServer(s *simulation, t *truth) *server {
	one := &server{simulation: s, truth: t, withdrawn: map[hashedid.ID]time.Duration{}}
	s.every(0.1, 0.1, one.poll)
	s.every(0.2, 0.2, one.beat)
	s.every(keyFetch*0.8, keyFetch, one.fetchKeys)
	return one
}

func (s *server) age() time.Duration { return s.now - s.completeAt }

// restart ends all streams; what was held for those who resume is gone.
func (s *server) restart(away time.Duration) {
	s.awayUntil = s.now + away
	s.send(nil)
	s.subscribers = nil
	s.configuration = s.truth.configuration
	s.applied, s.heldFrom, s.completeAt = len(s.truth.log), len(s.truth.log), s.now
}

// stall has the store not answer; afterwards the view may have to be read anew, in one.
func (s *server) stall(span time.Duration, resync bool) {
	s.stalledUntil = s.now + span
	if resync {
		s.after(span, func() {
			s.applied, s.heldFrom, s.completeAt = len(s.truth.log), len(s.truth.log), s.now
			s.send(s.reset())
		})
	}
}

func (s *server) validate(t *token) *reply {
	isBanned := 0 <= t.needs && t.needs < s.configuration
	isRevoked := t.place >= 0 && t.place < s.applied
	_, isUnsigned := s.withdrawn[t.key]
	if s.now < s.awayUntil || s.age() > maxStaleness || isBanned || isRevoked || isUnsigned {
		return nil
	}
	return &reply{s.age(), maxStaleness - s.age(), watchedCache, strconv.Itoa(s.configuration)}
}

func (s *server) subscribe(revision string, way *line, arrive func(*watch.Message)) *subscriber {
	one := &subscriber{line: way, arrive: arrive, startedAt: s.now}
	if s.now < s.awayUntil {
		one.send(nil)
		return one
	}
	s.subscribers = append(s.subscribers, one)
	position, err := strconv.Atoi(revision)
	if err != nil {
		position = s.applied
	}
	one.send(&watch.Message{Event: &sessiondv1.WatchRevocationsResponse_Started{Started: &sessiondv1.Started{
		Revision:      strconv.Itoa(position),
		MaxStaleness:  durationpb.New(maxStaleness),
		Configuration: strconv.Itoa(s.configuration),
	}}})
	for _, key := range s.truth.keys { // in their order, as each message takes from chance
		if at, ok := s.withdrawn[key.id]; ok && at > s.now-keysRemembered {
			one.send(event(sessiondv1.RevocationType_REVOCATION_TYPE_KEY, key.id, ""))
		}
	}
	if position < s.heldFrom || position > s.applied {
		one.send(s.reset())
		return one
	}
	for number := position; number < s.applied; number++ {
		one.send(s.event(number))
	}
	return one
}

// poll has an answer that is as of when the store reads, and counts as of when it was asked.
func (s *server) poll() {
	sent, entries := s.now, len(s.truth.log)
	if sent < s.stalledUntil {
		return
	}
	if entries == s.applied {
		s.completeAt = sent
		return
	}
	s.after(s.between(0.001, 0.02), func() {
		for number := s.applied; number < entries; number++ {
			s.send(s.event(number))
		}
		s.applied = max(s.applied, entries)
		s.heldFrom = max(s.heldFrom, s.applied-heldEvents)
		s.completeAt = max(s.completeAt, sent)
	})
}

func (s *server) fetchKeys() {
	for _, key := range s.truth.keys {
		if _, ok := s.withdrawn[key.id]; !ok && key.withdrawnAt <= s.now {
			s.withdrawn[key.id] = s.now
			s.send(event(sessiondv1.RevocationType_REVOCATION_TYPE_KEY, key.id, ""))
		}
	}
}

func (s *server) beat() {
	var open []*subscriber
	for _, one := range s.subscribers {
		one.send(&watch.Message{Event: &sessiondv1.WatchRevocationsResponse_Freshness{
			Freshness: &sessiondv1.Freshness{
				Revision:   strconv.Itoa(s.applied),
				Age:        durationpb.New(s.age()),
				SinceStart: durationpb.New(s.now - one.startedAt),
			},
		}})
		if !one.isClosed {
			open = append(open, one)
		}
	}
	s.subscribers = open
}

func (s *server) send(message *watch.Message) {
	for _, one := range s.subscribers {
		one.send(message)
	}
}

func (s *server) event(number int) *watch.Message {
	kind := sessiondv1.RevocationType_REVOCATION_TYPE_SESSION
	return event(kind, s.truth.log[number].id, strconv.Itoa(number+1))
}

func (s *server) reset() *watch.Message {
	return &watch.Message{Event: &sessiondv1.WatchRevocationsResponse_Reset_{Reset_: &sessiondv1.Reset{
		Revision: strconv.Itoa(s.applied), Configuration: strconv.Itoa(s.configuration),
	}}}
}

func event(kind sessiondv1.RevocationType, id hashedid.ID, revision string) *watch.Message {
	return &watch.Message{Event: &sessiondv1.WatchRevocationsResponse_Revocation{
		Revocation: &sessiondv1.Revocation{Type: kind, HashedId: id[:], Revision: revision},
	}}
}
