package model

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
)

const (
	liveTokens = 12
	// presentedAfter is how long ended tokens are presented, so that a late acceptance is seen.
	presentedAfter = 70 * time.Second
	never          = time.Duration(math.MaxInt64)
)

// token has the earliest moments from which nobody may accept it maxStaleness later.
type token struct {
	number     int
	id, key    hashedid.ID
	needs      int           // the last configuration that accepts it; -1 is any
	place      int           // in the log, once it is revoked
	answeredAt time.Duration // by RevokeSession
	goneAt     time.Duration // by its key, or by configuration
}

func (t *token) endedAt() time.Duration { return min(t.answeredAt, t.goneAt) }

type key struct {
	id          hashedid.ID
	withdrawnAt time.Duration
}

// truth is the log of revocations, the keys, the configuration, and the tokens that are presented.
type truth struct {
	log           []*token
	tokens        []*token
	keys          []*key
	configuration int
	made          int
}

func (t *truth) addKey() *key {
	t.keys = append(t.keys, &key{hashedid.Of(hashedid.Key, "", fmt.Sprint(len(t.keys))), never})
	return t.keys[len(t.keys)-1]
}

// world is three servers, and clients with what can go wrong for each; all depends on the seed.
type world struct {
	*simulation
	truth    *truth
	key      *key
	servers  []*server
	clients  []*client
	findings *findings
}

func newWorld(seed uint64) *world {
	s, t := newSimulation(seed), &truth{}
	w := &world{simulation: s, truth: t, key: t.addKey(), findings: &findings{}}
	for range 3 {
		w.servers = append(w.servers, newServer(s, t))
	}
	for _, one := range []struct {
		name string
		rate float64
	}{{"near", 1}, {"far", 1.00002}, {"jumping", 0.99998}, {"suspended", 1}} {
		w.clients = append(w.clients, newClient(one.name, s, one.rate, w.servers, w.findings))
	}
	for range liveTokens {
		w.make()
	}
	w.begin()
	return w
}

func (w *world) begin() {
	far, jumping, suspended := w.clients[1], w.clients[2], w.clients[3]
	for _, c := range w.clients {
		w.after(0, c.mind)
		w.every(30, 90, func() { c.line.stall(w.between(0.2, 4)) })
		w.every(0.2, 1, func() { w.validate(c) })
	}
	w.every(1, 4, w.revoke)
	w.every(5, 20, w.makeUp)
	w.every(15, 60, w.troubleTheStore)
	w.every(200, 400, w.withdrawKey)
	w.every(80, 160, w.reconfigure)
	w.every(60, 180, func() { pick(w.simulation, w.servers).restart(w.between(0.2, 3)) })
	w.every(30, 60, func() { far.line.delay = seconds(pick(w.simulation, []float64{0.002, 0.3, 2, 5})) })
	w.every(50, 150, func() { jumping.clock.setAhead += w.between(-3600, 3600) })
	w.every(60, 180, func() {
		// The first thing that it does afterwards is to ask again about everything.
		suspended.freeze(w.between(2, 40), func() {
			for _, t := range w.truth.tokens {
				suspended.validate(t)
			}
		})
	})
}

func (w *world) make() {
	w.truth.made++
	needs := -1
	if w.random.Float64() < 0.4 {
		needs = w.truth.configuration
	}
	w.truth.tokens = append(w.truth.tokens, &token{
		number: w.truth.made, id: hashedid.Of(hashedid.Session, "", fmt.Sprint(w.truth.made)), key: w.key.id,
		needs: needs, place: -1, answeredAt: never, goneAt: never,
	})
}

// makeUp has ended tokens leave in time, and others come.
func (w *world) makeUp() {
	w.truth.tokens = slices.DeleteFunc(w.truth.tokens, func(t *token) bool {
		return t.endedAt() <= w.now-presentedAfter
	})
	live := 0
	for _, t := range w.truth.tokens {
		if t.endedAt() > w.now {
			live++
		}
	}
	for ; live < liveTokens; live++ {
		w.make()
	}
}

// validate is twice, a moment apart: the second may join the first.
func (w *world) validate(c *client) {
	tokens := w.truth.tokens
	t := pick(w.simulation, tokens[max(0, len(tokens)-3*liveTokens):])
	c.validate(t)
	w.after(w.between(0, 1.5), func() { c.validate(t) })
}

func (w *world) revoke() {
	var live []*token
	for _, t := range w.truth.tokens {
		if t.place < 0 && t.endedAt() > w.now {
			live = append(live, t)
		}
	}
	if len(live) == 0 {
		return
	}
	t, c := pick(w.simulation, live), pick(w.simulation, w.clients)
	t.place = len(w.truth.log)
	w.truth.log = append(w.truth.log, t)
	for _, other := range w.clients { // whoever had it goes on with it
		w.after(w.between(0, 1.2), func() { other.validate(t) })
	}
	w.after(w.between(0.002, 0.05), func() {
		t.answeredAt = w.now
		c.end(t)
		w.after(0, func() { c.validate(t) })
	})
}

func (w *world) troubleTheStore() {
	for _, one := range w.servers {
		one.stall(w.between(0.2, 1.2), w.random.Float64() < 0.4)
	}
	for range 3 {
		w.after(w.between(0, 0.8), w.revoke)
	}
}

func (w *world) withdrawKey() {
	old := w.key
	w.key = w.truth.addKey()
	old.withdrawnAt = w.now
	for _, t := range w.truth.tokens {
		if t.key == old.id {
			t.goneAt = min(t.goneAt, w.now+seconds(keyFetch))
		}
	}
}

// reconfigure changes one server after the other; then nobody accepts what the old configuration alone
// allowed.
func (w *world) reconfigure() {
	w.truth.configuration++
	configuration, last := w.truth.configuration, time.Duration(0)
	for _, one := range w.servers {
		at := w.between(0, 5)
		last = max(last, at)
		w.after(at, func() { one.restart(seconds(0.5)) })
	}
	w.after(last, func() {
		for _, t := range w.truth.tokens {
			if 0 <= t.needs && t.needs < configuration {
				t.goneAt = min(t.goneAt, w.now)
			}
		}
	})
}
