// Package memory answers requests for verdicts with what was answered before, as long as that may be
// repeated.
package memory

import (
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
)

const resultsField = 1

// Memory keeps acceptances alone, as they are on the wire. It is safe for many goroutines.
type Memory struct {
	Known *knowledge.Knowledge

	cache *verdicts.Cache[acceptance]
	clock *clock.Clock

	mu      sync.Mutex
	flights map[Question]*Flight
}

// New keeps nothing yet.
func New(bounds verdicts.Bounds, known *knowledge.Knowledge, clock *clock.Clock) *Memory {
	return &Memory{
		Known:   known,
		cache:   verdicts.New[acceptance](bounds, known),
		clock:   clock,
		flights: map[Question]*Flight{},
	}
}

// Len is how many acceptances are kept.
func (m *Memory) Len() int { return m.cache.Len() }

// Evicted is how many had to go because there was more.
func (m *Memory) Evicted() uint64 { return m.cache.Evicted() }

// Asked is taken before a call is made.
func (m *Memory) Asked() knowledge.Asked {
	return knowledge.Asked{At: m.clock.Exact(), Epoch: m.Known.Epoch()}
}

// Find is the answer to a question, if there is one that may be repeated now.
func (m *Memory) Find(q Question) (*frames.Message, bool) {
	found, s, ok := m.find(q)
	if !ok {
		return nil, false
	}
	return found.Value.answer(s), true
}

// Verdict is an answer to ValidateToken as it is on the wire. Beside it is room for what is made of it, as
// long as it is kept; nil where it is not.
type Verdict struct {
	Answer []byte
	Beside *atomic.Value
}

// Verdict is the answer to a question, but for its spans, if there is one that may be repeated now.
func (m *Memory) Verdict(q Question) (Verdict, bool) {
	found, _, ok := m.find(q)
	if !ok {
		return Verdict{}, false
	}
	return Verdict{found.Value, found.Beside}, true
}

// FindAll is the answer to questions that were asked in one request, if all of them have one.
func (m *Memory) FindAll(questions []Question) (*frames.Message, bool) {
	var whole []byte
	for _, q := range questions {
		found, s, ok := m.find(q)
		if !ok {
			return nil, false
		}
		whole = protowire.AppendTag(whole, resultsField, protowire.BytesType)
		whole = protowire.AppendBytes(whole, found.Value.bytes(s))
	}
	return frames.Of(whole), true
}

func (m *Memory) find(q Question) (verdicts.Hit[acceptance], spans, bool) {
	now := m.clock.Now()
	// Read before what it vouches for is looked at.
	freshness := m.Known.Freshness()
	hit, ok := m.cache.Find(q.key, now)
	if !ok {
		return hit, spans{}, false
	}
	age := now.After(hit.Skew) - hit.Since
	if hit.WatchedCacheFor > 0 { // only then nothing can have been missed since it was decided
		age = min(age, now.After(freshness.Skew)-freshness.Known)
	}
	return hit, spans{age, hit.CacheFor, hit.WatchedCacheFor}, true
}

// keep keeps an answer that may be kept, and learns from a rejection.
func (m *Memory) keep(q Question, token string, response []byte, asked knowledge.Asked) landed {
	brought := read(response, token, asked)
	now := m.clock.Exact().Steady
	if brought.isRevoked {
		m.Known.HearOnce(ofToken(token), now)
	}
	if brought.accepted != nil {
		m.cache.Insert(q.key, brought.accepted, brought.said, len(response), now)
	}
	return brought
}

// KeepAll keeps what may be kept of the answers to questions that were asked in one request.
func (m *Memory) KeepAll(questions []Question, requests [][]byte, response []byte, asked knowledge.Asked) {
	for i := 0; len(response) > 0 && i < len(questions); i++ {
		number, kind, n := protowire.ConsumeTag(response)
		if n < 0 || number != resultsField || kind != protowire.BytesType {
			return
		}
		result, size := protowire.ConsumeBytes(response[n:])
		if size < 0 {
			return
		}
		response = response[n+size:]
		if token, ok := TokenOf(requests[i]); ok {
			m.keep(questions[i], token, result, asked)
		}
	}
}
