package sessiond

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// WatchEvent is what a server tells of revocations: [WatchStarted], [Revocation], [Freshness] or
// [WatchReset].
type WatchEvent interface{ isWatchEvent() }

// WatchStarted says that a stream has begun, and goes on from a revision. Under another configuration than
// before nothing that was kept is good any more.
type WatchStarted struct {
	Revision      string
	MaxStaleness  time.Duration
	Configuration string
	Server        string
}

// Revocation says that something was revoked.
type Revocation struct {
	Type       string   // a name of RevocationType without its prefix
	HashedID   [16]byte // zero where it is none that this client knows
	ExpireTime time.Time
	Revision   string
}

// Freshness says that everything up to a revision has been told. That was all there was Age before the
// moment at which the server has had the stream for SinceStart.
type Freshness struct {
	Revision   string
	Age        time.Duration
	SinceStart time.Duration
}

// WatchReset says that what was asked for is no longer held: whatever is kept is to be dropped.
type WatchReset struct {
	Revision      string
	Configuration string
}

func (WatchStarted) isWatchEvent() {}
func (Revocation) isWatchEvent()   {}
func (Freshness) isWatchEvent()    {}
func (WatchReset) isWatchEvent()   {}

// WatchRevocations is what a server tells of revocations, from a revision on (now, if empty), until the
// stream ends: by itself within five minutes, with the context, or with an error, which is the last of the
// sequence.
//
// Nothing that this client keeps depends on it: revocations are followed anyway.
func (c *Client) WatchRevocations(ctx context.Context, fromRevision string) iter.Seq2[WatchEvent, error] {
	return func(yield func(WatchEvent, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		keyed, err := c.withKey(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		request := &sessiondv1.WatchRevocationsRequest{FromRevision: fromRevision}
		stream, err := c.caller.stub.WatchRevocations(keyed, request)
		for err == nil {
			var message *sessiondv1.WatchRevocationsResponse
			if message, err = stream.Recv(); err != nil {
				break
			}
			if event := toEvent(message); event != nil && !yield(event, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, toError(err, c.caller.hasGivenUp(ctx)))
		}
	}
}

// toEvent is nil for what a newer server tells, and this client does not know.
func toEvent(message *sessiondv1.WatchRevocationsResponse) WatchEvent {
	switch event := message.GetEvent().(type) {
	case *sessiondv1.WatchRevocationsResponse_Started:
		started := event.Started
		return WatchStarted{
			started.GetRevision(), toSpan(started.GetMaxStaleness()), started.GetConfiguration(), started.GetServer(),
		}
	case *sessiondv1.WatchRevocationsResponse_Revocation:
		told := event.Revocation
		revocation := Revocation{
			Type:       strings.TrimPrefix(told.GetType().String(), "REVOCATION_TYPE_"),
			ExpireTime: toTime(told.GetExpireTime()),
			Revision:   told.GetRevision(),
		}
		if raw := told.GetHashedId(); len(raw) == len(revocation.HashedID) {
			revocation.HashedID = [16]byte(raw)
		}
		return revocation
	case *sessiondv1.WatchRevocationsResponse_Freshness:
		fresh := event.Freshness
		return Freshness{fresh.GetRevision(), toSpan(fresh.GetAge()), toSpan(fresh.GetSinceStart())}
	case *sessiondv1.WatchRevocationsResponse_Reset_:
		return WatchReset{event.Reset_.GetRevision(), event.Reset_.GetConfiguration()}
	default:
		return nil
	}
}
