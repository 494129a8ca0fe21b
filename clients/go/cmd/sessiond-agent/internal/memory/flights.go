package memory

import (
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

// Flight is a call under way that others may wait for, until Done is closed.
type Flight struct {
	Done   chan struct{}
	Answer *servers.Answer
	Err    error

	question   Question
	token      string
	generation uint64
	landed     landed
}

// Board is a flight to wait for: one that is under way, if it may be joined, or one of its own, which has to Land.
// There is none where one has landed since the question was looked for.
func (m *Memory) Board(q Question, token string) (f *Flight, isJoined bool, landed *frames.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	generation := m.Known.Generation()
	if found := m.flights[q]; found != nil && found.generation == generation {
		return found, true, nil
	}
	if found, ok := m.Find(q); ok {
		return nil, false, found
	}
	f = &Flight{Done: make(chan struct{}), question: q, token: token, generation: generation}
	m.flights[q] = f
	return f, false, nil
}

// Land keeps what a call has brought, and wakes whoever waits for it.
func (m *Memory) Land(f *Flight, answer *servers.Answer, err error, asked knowledge.Asked) {
	f.Answer, f.Err = answer, err
	if err == nil {
		f.landed = m.keep(f.question, f.token, answer.Message.Bytes(), asked)
	}
	m.mu.Lock()
	if m.flights[f.question] == f {
		delete(m.flights, f.question)
	}
	m.mu.Unlock()
	close(f.Done)
}

// Joined is the answer of a flight for who began to ask while it was under way: its spans count from then on. It
// is false where an answer of its own could be another one.
func (m *Memory) Joined(f *Flight, began knowledge.Asked) (*frames.Message, bool) {
	if f.landed.isRejected {
		return &f.Answer.Message, true
	}
	said := f.landed.said
	if said == nil || !m.Known.MayAnswer(said, began) {
		return nil, false
	}
	elapsed := max(0, said.Asked.Until(began))
	left := func(span time.Duration) time.Duration { return max(0, span-elapsed) }
	return f.landed.accepted.answer(spans{
		said.RevisionAge + elapsed, left(said.CacheFor), left(said.WatchedCacheFor),
	}), true
}
