package watch

import (
	"slices"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Message is an event of a stream.
type Message = sessiondv1.WatchRevocationsResponse

// Receive applies what came on a stream, and says whether Due has to be asked again.
func (w *Watch) Receive(stream *Stream, message *Message, now clock.Reading) bool {
	if !w.IsWanted(stream) {
		return true
	}
	before, replaceAt := slices.Clone(w.streams), stream.replaceAt
	stream.heard = now.Steady
	if started := message.GetStarted(); started != nil {
		w.start(stream, started, now.Steady)
	} else if !stream.hasStarted {
		w.lose(stream, now.Steady)
	} else {
		w.follow(stream, message, now)
	}
	return !slices.Equal(before, w.streams) || replaceAt != stream.replaceAt
}

func (w *Watch) follow(stream *Stream, message *Message, now clock.Reading) {
	switch event := message.GetEvent().(type) {
	case *sessiondv1.WatchRevocationsResponse_Freshness:
		w.beat(stream, event.Freshness, now)
	case *sessiondv1.WatchRevocationsResponse_Revocation:
		w.revoke(stream, event.Revocation, now.Steady)
	case *sessiondv1.WatchRevocationsResponse_Reset_:
		w.reset(stream, event.Reset_, now.Steady)
	default: // what a newer server says may have meant anything
		w.reset(stream, nil, now.Steady)
	}
}

func (w *Watch) start(stream *Stream, started *sessiondv1.Started, now time.Duration) {
	stream.hasStarted, w.isRefused = true, false
	stream.maxStaleness = started.GetMaxStaleness().AsDuration()
	w.knowledge.SetMaxStaleness(stream.maxStaleness)
	w.knowledge.Follow(started.GetConfiguration())
	if !stream.isResumed || !w.knowledge.IsWatched() {
		w.knowledge.Cover(now)
	}
	w.advance(stream, started.GetRevision())
}

func (w *Watch) reset(stream *Stream, reset *sessiondv1.Reset, now time.Duration) {
	w.knowledge.Cover(now)
	if reset != nil {
		stream.Revision = reset.GetRevision()
		w.knowledge.Advance(stream.Revision)
		w.knowledge.Follow(reset.GetConfiguration())
	}
}

func (w *Watch) revoke(stream *Stream, revocation *sessiondv1.Revocation, now time.Duration) {
	kind, raw := revocation.GetType(), revocation.GetHashedId()
	_, isKnown := sessiondv1.RevocationType_name[int32(kind)]
	isKnown = isKnown && kind != sessiondv1.RevocationType_REVOCATION_TYPE_UNSPECIFIED
	switch {
	case !isKnown || len(raw) != len(hashedid.ID{}):
		w.reset(stream, nil, now)
	case kind == sessiondv1.RevocationType_REVOCATION_TYPE_KEY:
		w.knowledge.Withdraw(hashedid.ID(raw), now)
	default:
		w.knowledge.Hear(hashedid.ID(raw), now)
	}
	w.advance(stream, revocation.GetRevision())
}

func (w *Watch) beat(stream *Stream, freshness *sessiondv1.Freshness, now clock.Reading) {
	known := stream.known(freshness)
	if known > now.Steady || (now.Skew()-stream.skew).Abs() > mostDisagreement {
		w.void(now.Steady)
		return
	}
	w.advance(stream, freshness.GetRevision())
	isNews := known > w.knowledge.Freshness().Known
	until := known + stream.maxStaleness
	w.knowledge.Refresh(knowledge.Freshness{Known: known, Until: until, Skew: now.Skew()})
	if now.Steady < until {
		w.pause = 0
		w.state = Fresh
	}
	w.judge(stream, now.Steady-known > stream.maxStaleness/2, now.Steady)
	if isNews && stream != w.streams[0] {
		w.streams = []*Stream{stream}
	}
}

// known is up to when everything is known. It is never reckoned from when a heartbeat came: that was sent no
// earlier than the stream was opened and had lasted for so long, and time on the way only makes it less sure.
func (s *Stream) known(freshness *sessiondv1.Freshness) time.Duration {
	return s.opened + freshness.GetSinceStart().AsDuration() - freshness.GetAge().AsDuration()
}

// judge has a stream replaced that is late for long: a delay while it was opened stays for its life.
func (w *Watch) judge(stream *Stream, isLate bool, now time.Duration) {
	if !isLate {
		stream.late, w.latePause = 0, firstLatePause
		return
	}
	stream.late++
	if stream.late >= lateInARow && now >= w.replaceLateFrom {
		stream.late, stream.replaceAt = 0, now
		w.replaceLateFrom = now + w.nextLatePause()
	}
}

// void forgets what was reckoned by clocks that were suspended or set.
func (w *Watch) void(now time.Duration) {
	w.knowledge.Doubt()
	w.state = Lost
	w.streams = nil
	w.openAt = now
}

// advance moves the revision from which the next stream goes on.
func (w *Watch) advance(stream *Stream, revision string) {
	if revision != "" {
		stream.Revision = revision
	}
	w.knowledge.Advance(revision)
}
