// Package watch follows the revocations of a server: which stream is open, what its messages mean, and when
// there has to be another. [Watch] decides, without a clock or the network; [Following] carries it out.
package watch

import (
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
)

const (
	// Two steady clocks drift apart: none is followed by one anchor for longer than the longer of these.
	shortestLife = 60 * time.Second
	longestLife  = 240 * time.Second
	// patience is how long a stream may say nothing, or be no better than the one that it is to replace.
	patience = 3 * time.Second
	// mostDisagreement is how far clocks may be apart that have not jumped, or stood still.
	mostDisagreement = time.Second
	lateInARow       = 3
	firstPause       = 100 * time.Millisecond
	lastPause        = time.Second
	firstLatePause   = time.Second
	lastLatePause    = 30 * time.Second
	refusedPause     = 30 * time.Second
)

// State is how the stream is doing.
type State int

// The states.
const (
	Unknown State = iota // none was open so far
	Fresh                // what is kept may be repeated
	Lost                 // none is open: it is opened again
	Refused              // the server has none for this caller: it is asked again every 30 s
)

// Stream is one call of WatchRevocations.
type Stream struct {
	Revision string // from which it was opened, and then the last that it gave

	opened       time.Duration // read before the call was made
	skew         time.Duration // of the clocks then
	replaceAt    time.Duration
	isResumed    bool
	hasStarted   bool
	maxStaleness time.Duration
	heard        time.Duration
	late         int
}

// Watch keeps one stream open, and opens the next before it closes the last. It is not safe for many
// goroutines, but for Reconnects.
type Watch struct {
	knowledge *knowledge.Knowledge
	random    func() float64

	streams         []*Stream // those that are to be open: the call of any other is to be ended
	isRefused       bool      // the revision was: the next stream begins without what was before
	state           State
	reconnects      atomic.Uint64
	openAt          time.Duration
	pause           time.Duration
	latePause       time.Duration
	replaceLateFrom time.Duration
}

// New has no stream yet; random is from 0 to 1.
func New(known *knowledge.Knowledge, random func() float64) *Watch {
	return &Watch{
		knowledge:       known,
		random:          random,
		openAt:          knowledge.Never,
		latePause:       firstLatePause,
		replaceLateFrom: knowledge.Never,
	}
}

// State is how the stream is doing.
func (w *Watch) State() State { return w.state }

// Reconnects counts streams that had to be opened because one had ended.
func (w *Watch) Reconnects() uint64 { return w.reconnects.Load() }

// IsWanted says whether a stream is to stay open.
func (w *Watch) IsWanted(stream *Stream) bool { return slices.Contains(w.streams, stream) }

// Due is the stream that is to be opened now, or nil.
func (w *Watch) Due(now clock.Reading) *Stream {
	for _, stream := range slices.Clone(w.streams) {
		if now.Steady >= w.givenUpAt(stream) {
			w.lose(stream, now.Steady)
		}
	}
	switch {
	case len(w.streams) == 0 && now.Steady >= w.openAt:
		return w.open(now, w.from())
	case len(w.streams) == 1 && now.Steady >= w.streams[0].replaceAt:
		return w.open(now, w.streams[0].Revision)
	default:
		return nil
	}
}

// Replace has another stream be opened in the place of the one that is open, unless that was tried in vain just now.
func (w *Watch) Replace(now time.Duration) {
	if len(w.streams) == 1 && now >= w.replaceLateFrom {
		w.streams[0].replaceAt = now
	}
}

// WakeAt is when Due has to be asked next, unless something comes before.
func (w *Watch) WakeAt() time.Duration {
	switch len(w.streams) {
	case 0:
		return w.openAt
	case 1:
		return min(w.givenUpAt(w.streams[0]), w.streams[0].replaceAt)
	default:
		return min(w.givenUpAt(w.streams[0]), w.givenUpAt(w.streams[1]))
	}
}

// Failure is what ended a stream, or kept it from being opened.
type Failure struct {
	Code       codes.Code
	Reason     string // sessiond's own
	RetryAfter time.Duration
	SaysWhen   bool
}

// End takes note that a stream has ended by itself; there is no failure where it came to its end.
func (w *Watch) End(stream *Stream, failure *Failure, now time.Duration) {
	if !w.IsWanted(stream) {
		return
	}
	if failure != nil && failure.Code == codes.InvalidArgument {
		w.isRefused = true // not one of this store's
	}
	w.lose(stream, now)
	if len(w.streams) > 0 || failure == nil {
		return
	}
	if failure.isRefusal() {
		w.openAt = now + stretched(refusedPause, w.random())
		w.state = Refused
	} else if failure.Reason != "" && failure.SaysWhen {
		w.openAt = max(w.openAt, now+failure.RetryAfter)
	}
}

func (f *Failure) isRefusal() bool {
	return f.Code == codes.Unimplemented || f.Code == codes.PermissionDenied || f.Reason == "WATCHERS_EXHAUSTED"
}

// from is where the next stream goes on: where this watch has come to, or another one of the same knowledge.
func (w *Watch) from() string {
	if w.isRefused {
		return ""
	}
	return w.knowledge.Revision()
}

func (w *Watch) open(now clock.Reading, revision string) *Stream {
	life := shortestLife + time.Duration(float64(longestLife-shortestLife)*w.random())
	stream := &Stream{
		Revision:  revision,
		opened:    now.Steady,
		skew:      now.Skew(),
		replaceAt: now.Steady + life,
		isResumed: revision != "",
		heard:     knowledge.Never,
	}
	w.streams = append(w.streams, stream)
	return stream
}

// givenUpAt is later for a stream that tells something, but for one that is to replace another: that has to
// prove better in time.
func (w *Watch) givenUpAt(stream *Stream) time.Duration {
	if stream == w.streams[0] {
		return max(stream.opened, stream.heard) + patience
	}
	return stream.opened + patience
}

// lose gives a stream up; where it was the only one, the next is opened after a pause that grows.
func (w *Watch) lose(stream *Stream, now time.Duration) {
	isReplacement := stream != w.streams[0]
	w.streams = slices.DeleteFunc(w.streams, func(one *Stream) bool { return one == stream })
	if isReplacement {
		w.replaceLateFrom = now + w.nextLatePause()
		w.streams[0].replaceAt = w.replaceLateFrom
		return
	}
	if len(w.streams) > 0 {
		return
	}
	w.reconnects.Add(1)
	if w.pause == 0 {
		// A server that goes away sends all its watchers away at once.
		w.openAt = now + time.Duration(float64(firstPause)*w.random())
		w.pause = firstPause
	} else {
		w.openAt = now + w.pause
		w.pause = min(lastPause, 2*w.pause)
	}
	if w.state != Refused {
		w.state = Lost
	}
}

func (w *Watch) nextLatePause() time.Duration {
	pause := w.latePause
	w.latePause = min(lastLatePause, 2*pause)
	return stretched(pause, w.random())
}

// stretched is up to a tenth longer, so that not all come at once.
func stretched(span time.Duration, random float64) time.Duration {
	return span + time.Duration(float64(span)*random/10)
}
