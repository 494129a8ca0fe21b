package entrance

import (
	"container/list"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

// Calls whose message has not come: those that may take their time, beyond these those that may not, and how much
// time they have.
const (
	mostPatient = 32
	mostHurried = 64
	messageTime = 2 * time.Second
)

var errLate = errors.New("the message has not come in time")

// silent are the calls of which there are headers alone. A few may be silent for as long as their connections
// live, which costs them nothing. Beyond these, one has to go where there are too many: it is the oldest of
// the connection that has the most. A call that brings its message is among them for an instant.
type silent struct {
	patient atomic.Int64

	mu      sync.Mutex
	hurried list.List // of *wait, the oldest first
	of      map[*listening.Connection]int
}

type wait struct {
	connection *listening.Connection
	dismissed  chan struct{}
}

// count is how many there are.
func (s *silent) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.patient.Load()) + s.hurried.Len()
}

// enterPatiently is false where there are too many of those that may take their time.
func (s *silent) enterPatiently() bool {
	if s.patient.Add(1) > mostPatient {
		s.patient.Add(-1)
		return false
	}
	return true
}

func (s *silent) leavePatiently() { s.patient.Add(-1) }

// hurry receives the message of a call that may not take its time; errLate says that it has been waited for in vain.
// What receives is left to itself then: it ends with the call.
func (s *silent) hurry(from *listening.Connection, receive func() error) error {
	place := s.enter(from)
	defer s.leave(place)
	received := make(chan error, 1)
	go func() { received <- receive() }()
	late := time.NewTimer(messageTime)
	defer late.Stop()
	select {
	case err := <-received:
		return err
	case <-place.Value.(*wait).dismissed:
	case <-late.C:
	}
	return errLate
}

func (s *silent) enter(from *listening.Connection) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[*listening.Connection]int{}
	}
	place := s.hurried.PushBack(&wait{from, make(chan struct{})})
	s.of[from]++
	if s.hurried.Len() > mostHurried {
		one := s.oldestOfMost()
		s.remove(one)
		close(one.Value.(*wait).dismissed)
	}
	return place
}

func (s *silent) leave(place *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(place)
}

func (s *silent) oldestOfMost() (found *list.Element) {
	most := 0
	for place := s.hurried.Front(); place != nil; place = place.Next() {
		if count := s.of[place.Value.(*wait).connection]; count > most {
			most, found = count, place
		}
	}
	return found
}

// remove takes one out, unless it had to go before.
func (s *silent) remove(place *list.Element) {
	from := place.Value.(*wait).connection
	before := s.hurried.Len()
	if s.hurried.Remove(place); s.hurried.Len() == before {
		return
	}
	if s.of[from]--; s.of[from] == 0 {
		delete(s.of, from)
	}
}
