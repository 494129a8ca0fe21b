package model

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
)

// simulation is true time; random is the only source of chance.
type simulation struct {
	now    time.Duration
	random *rand.Rand
	agenda agenda
	count  int
}

type item struct {
	at     time.Duration
	number int
	happen func()
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].number < a[j].number
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newSimulation(seed uint64) *simulation {
	return &simulation{random: rand.New(rand.NewPCG(seed, 1))}
}

func (s *simulation) after(span time.Duration, happen func()) {
	s.count++
	heap.Push(&s.agenda, item{s.now + span, s.count, happen})
}

// between is any span from one to the other, in seconds.
func (s *simulation) between(shortest, longest float64) time.Duration {
	return seconds(shortest + (longest-shortest)*s.random.Float64())
}

// every happens again and again, after so many seconds each.
func (s *simulation) every(shortest, longest float64, happen func()) {
	var again func()
	again = func() {
		happen()
		s.after(s.between(shortest, longest), again)
	}
	s.after(s.between(0, longest), again)
}

func (s *simulation) run(until time.Duration, isOver func() bool) {
	for len(s.agenda) > 0 && !isOver() {
		next := heap.Pop(&s.agenda).(item)
		if next.at > until {
			return
		}
		s.now = next.at
		next.happen()
	}
}

func seconds(span float64) time.Duration { return time.Duration(span * float64(time.Second)) }

func pick[T any](s *simulation, among []T) T { return among[s.random.IntN(len(among))] }

// machine is what takes what for the time: rate is how fast its steady clock goes.
type machine struct {
	simulation *simulation
	rate       float64
	stoodStill time.Duration // the steady clock, while the machine was suspended
	setAhead   time.Duration // the wall clock
}

func (m *machine) now() clock.Reading {
	now := m.simulation.now
	return clock.Reading{
		Steady: 1_000*time.Second + time.Duration(float64(now)*m.rate) - m.stoodStill,
		Wall:   1_800_000_000*time.Second + now + m.setAhead,
	}
}

// line is a stream's way: it keeps the order, and stalls now and then; what waited then comes at once.
type line struct {
	simulation *simulation
	delay      time.Duration
	freeAt     time.Duration
}

func (l *line) stall(span time.Duration) { l.freeAt = max(l.freeAt, l.simulation.now+span) }

func (l *line) send(arrive func()) {
	way := time.Duration(float64(l.delay) * (0.5 + l.simulation.random.Float64()))
	l.freeAt = max(l.freeAt, l.simulation.now+way)
	l.simulation.after(l.freeAt-l.simulation.now, arrive)
}
