package knowledge

import (
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
)

type event struct {
	at time.Duration
	id hashedid.ID
}

// queue is first in, first out.
type queue struct {
	events []event
	out    int // how many of them are out
}

func (q *queue) length() int { return len(q.events) - q.out }

func (q *queue) push(e event) { q.events = append(q.events, e) }

func (q *queue) first() event { return q.events[q.out] }

// pop moves what is left to the front once it is the smaller half, and gives the memory back once there is
// none.
func (q *queue) pop() event {
	e := q.first()
	q.out++
	switch {
	case q.length() == 0:
		*q = queue{}
	case q.length() < q.out:
		q.events = append(q.events[:0], q.events[q.out:]...)
		q.out = 0
	}
	return e
}
