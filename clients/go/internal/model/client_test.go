package model

import (
	"encoding/binary"
	"fmt"
	"time"
	"unique"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
)

// tolerance is by how much two steady clocks drift within the life of a stream.
const tolerance = 10 * time.Millisecond

// findings are what clients have been answered, and what they should not have been.
type findings struct {
	hits, misses, joined, askedAnew int
	worst                           time.Duration
	late                            []string
}

// client is the product's own knowledge, cache and watch, by simulated time. Since Go's clients have calls in
// goroutines, those are left out: a flight is joined by the rule of the knowledge.
type client struct {
	*simulation
	name     string
	clock    *machine
	servers  []*server
	findings *findings
	known    *knowledge.Knowledge
	cache    *verdicts.Cache[*token]
	watch    *watch.Watch
	line     *line
	streams  map[*watch.Stream]*subscriber
	minded   int
	isFrozen bool
	frozen   []func()
	flights  map[*token]*flight
	ended    map[*token]time.Duration
}

type flight struct {
	generation uint64
	waiting    []waiting
}

type waiting struct {
	asked knowledge.Asked
	at    time.Duration
}

func newClient(name string, s *simulation, rate float64, servers []*server, f *findings) *client {
	known := knowledge.New()
	return &client{
		simulation: s,
		name:       name,
		clock:      &machine{simulation: s, rate: rate},
		servers:    servers,
		findings:   f,
		known:      known,
		cache:      verdicts.New[*token](verdicts.Bounds{MaxEntries: 10_000, MaxBytes: 1 << 30}, known),
		watch:      watch.New(known, s.random.Float64),
		line:       &line{simulation: s, delay: 2 * time.Millisecond},
		streams:    map[*watch.Stream]*subscriber{},
		flights:    map[*token]*flight{},
		ended:      map[*token]time.Duration{},
	}
}

// mind does for the watch what is due.
func (c *client) mind() {
	if stream := c.watch.Due(c.clock.now()); stream != nil {
		c.after(2*time.Millisecond, func() {
			arrive := func(message *watch.Message) { c.deliver(func() { c.receive(stream, message) }) }
			c.streams[stream] = pick(c.simulation, c.servers).subscribe(stream.Revision, c.line, arrive)
		})
	}
	for stream, call := range c.streams {
		if !c.watch.IsWanted(stream) {
			call.isClosed = true
			delete(c.streams, stream)
		}
	}
	c.minded++
	number := c.minded
	c.after(max(0, c.watch.WakeAt()-c.clock.now().Steady), func() {
		if number == c.minded {
			c.deliver(c.mind)
		}
	})
}

func (c *client) receive(stream *watch.Stream, message *watch.Message) {
	if message == nil {
		c.watch.End(stream, nil, c.clock.now().Steady)
	} else if !c.watch.Receive(stream, message, c.clock.now()) {
		return
	}
	c.mind()
}

// freeze suspends the machine: nothing happens, and its steady clock stands still.
func (c *client) freeze(span time.Duration, then func()) {
	c.isFrozen = true
	c.after(span, func() {
		waiting := c.frozen
		c.isFrozen, c.frozen = false, nil
		c.clock.stoodStill += span
		then()
		for _, happen := range waiting {
			happen()
		}
	})
}

func (c *client) deliver(happen func()) {
	if c.isFrozen {
		c.frozen = append(c.frozen, happen)
	} else {
		happen()
	}
}

func (c *client) ask() knowledge.Asked {
	return knowledge.Asked{At: c.clock.now(), Epoch: c.known.Epoch()}
}

func (c *client) validate(t *token) {
	if !c.isFrozen {
		c.answer(t, waiting{c.ask(), c.now})
	}
}

// end is that RevokeSession has answered, and returns.
func (c *client) end(t *token) {
	c.deliver(func() {
		c.known.End([]hashedid.ID{t.id}, c.clock.now().Steady)
		c.ended[t] = c.now
	})
}

func (c *client) answer(t *token, who waiting) {
	if _, ok := c.cache.Find(keyOf(t), c.clock.now()); ok {
		c.judge(t, who.at, "a hit", &c.findings.hits)
		return
	}
	f := c.flights[t]
	if f == nil || f.generation != c.known.Generation() {
		f = &flight{generation: c.known.Generation()}
		c.flights[t] = f
		asked := c.ask()
		c.after(c.way(), func() {
			said := pick(c.simulation, c.servers).validate(t)
			c.after(c.way(), func() { c.deliver(func() { c.land(f, t, said, asked) }) })
		})
	}
	f.waiting = append(f.waiting, who)
}

func (c *client) way() time.Duration {
	if c.random.Float64() < 0.02 {
		return c.between(0.3, 5)
	}
	return c.between(0.0005, 0.003)
}

func (c *client) land(f *flight, t *token, said *reply, asked knowledge.Asked) {
	if c.flights[t] == f {
		delete(c.flights, t)
	}
	if said == nil {
		return
	}
	answer := &knowledge.Answer{
		Asked: asked, RevisionAge: said.age, CacheFor: said.cacheFor, WatchedCacheFor: said.watchedCacheFor,
		Configuration: said.configuration, IDs: []hashedid.ID{t.id, t.key}, Key: t.key,
	}
	c.cache.Insert(keyOf(t), t, answer, 0, c.clock.now().Steady)
	c.judge(t, f.waiting[0].at, "a miss", &c.findings.misses)
	for _, who := range f.waiting[1:] {
		if c.known.MayAnswer(answer, who.asked) {
			c.judge(t, who.at, "a joined call", &c.findings.joined)
		} else {
			c.findings.askedAnew++
			c.answer(t, who)
		}
	}
}

// judge is of an acceptance of a validation that began then.
func (c *client) judge(t *token, began time.Duration, how string, count *int) {
	*count++
	over := began - t.endedAt()
	c.findings.worst = max(c.findings.worst, over)
	if over > maxStaleness+tolerance {
		c.tell("%s: %s is %v late at %v", c.name, how, over, began)
	}
	if at, ok := c.ended[t]; ok && began > at && how != "a miss" {
		c.tell("%s: %s after its own revocation at %v", c.name, how, began)
	}
}

func (c *client) tell(format string, values ...any) {
	c.findings.late = append(c.findings.late, fmt.Sprintf(format, values...))
}

func keyOf(t *token) verdicts.Key {
	key := verdicts.Key{Demand: unique.Make(""), Caller: unique.Make("")}
	binary.BigEndian.PutUint64(key.Digest[:], uint64(t.number))
	return key
}
