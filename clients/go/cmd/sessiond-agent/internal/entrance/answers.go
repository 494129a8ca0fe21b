package entrance

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/mem"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

const (
	// ofAnAnswer is what one holds beside its bytes.
	ofAnAnswer int64 = 512
	// Of short answers one of so many is counted, for all of them.
	oneOf       = 16
	short int64 = 4 << 10
)

// takenWithin is for how long a connection on which answers wait may take none.
const takenWithin = 10 * time.Second

// waiting is the empty end of an answer, which gRPC frees when the answer has been taken, or cannot be any more.
type waiting struct {
	mem.Buffer
	budget *budget
	from   *listening.Connection
	size   int64
	refs   atomic.Int32
}

// Ref is called for each use of the answer.
func (w *waiting) Ref() { w.refs.Add(1) }

// Free ends one.
func (w *waiting) Free() {
	if w.refs.Add(-1) == 0 {
		w.from.Taken.Add(1)
		w.budget.giveBack(w.from, w.size)
	}
}

// SendMsg sends an answer, which counts until it has been taken if it is long.
func (v *visit) SendMsg(answer any) error {
	raw, ok := answer.(*frames.Message)
	if !ok {
		return v.ServerStream.SendMsg(answer)
	}
	size := ofAnAnswer + int64(raw.Data.Len())
	if size < short {
		if v.connection.Short.Add(1)%oneOf != 0 {
			return v.ServerStream.SendMsg(answer)
		}
		size *= oneOf
	}
	end := &waiting{Buffer: mem.SliceBuffer(nil), budget: &v.entrance.held, from: v.connection, size: size}
	end.Ref()
	defer end.Free()
	v.connection.Sent.Add(1)
	v.entrance.held.add(v.connection, end.size)
	counted := make(mem.BufferSlice, 0, len(raw.Data)+1)
	return v.ServerStream.SendMsg(&frames.Message{Data: append(append(counted, raw.Data...), end)})
}

// deaf knows which connections take no answers.
type deaf struct {
	entrance *Entrance
	since    map[*listening.Connection]lull
}

// lull is since when a connection has taken nothing, and how much it had taken.
type lull struct {
	taken int64
	began time.Time
}

// close closes those that have taken nothing for too long, although answers waited for them.
func (d *deaf) close(all []*listening.Connection, now time.Time) {
	still := map[*listening.Connection]lull{}
	for _, one := range all {
		taken := one.Taken.Load()
		if taken == one.Sent.Load() {
			continue
		}
		last, wasLulled := d.since[one]
		if !wasLulled || last.taken != taken {
			last = lull{taken, now}
		}
		if now.Sub(last.began) >= takenWithin {
			d.entrance.deaf.Add(1)
			_ = one.Close()
			continue
		}
		still[one] = last
	}
	d.since = still
}
