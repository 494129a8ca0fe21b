package entrance

import (
	"context"
	"iter"
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

const (
	lookEvery = time.Second
	// tellEvery is how often a line tells of refusals, however many there are.
	tellEvery = 10 * time.Second
)

// Guard looks after the connections of a listener until the context ends: it closes those that take nothing, and
// tells now and then that there were refusals.
func (e *Entrance) Guard(ctx context.Context, listener *listening.Listener, tell func(fields ...any)) {
	deaf := &deaf{entrance: e}
	look, report := time.NewTicker(lookEvery), time.NewTicker(tellEvery)
	defer look.Stop()
	defer report.Stop()
	told := map[string]uint64{}
	for {
		select {
		case now := <-look.C:
			deaf.close(listener.Connections(), now)
		case <-report.C:
			e.report(listener, told, tell)
		case <-ctx.Done():
			return
		}
	}
}

// Leave is for a connection that has ended: it holds nothing any more.
func (e *Entrance) Leave(c *listening.Connection) { e.held.leave(c) }

// Silent is how many calls there are whose message has not come.
func (e *Entrance) Silent() int { return e.silent.count() }

// Held is how many bytes calls hold.
func (e *Entrance) Held() int64 { return e.held.held.Load() }

// Refused counts what was refused, by the reason.
func (e *Entrance) Refused(listener *listening.Listener) iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		_ = yield("no_message", e.late.Load()) &&
			yield("overloaded", e.shed.Load()) &&
			yield("answers_not_taken", e.deaf.Load()) &&
			yield("connections", listener.Refused())
	}
}

func (e *Entrance) report(listener *listening.Listener, told map[string]uint64, tell func(fields ...any)) {
	var fields []any
	for reason, count := range e.Refused(listener) {
		if count > told[reason] {
			fields = append(fields, reason, count-told[reason])
		}
		told[reason] = count
	}
	if len(fields) > 0 {
		tell(fields...)
	}
}
