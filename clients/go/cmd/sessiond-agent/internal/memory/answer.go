package memory

import (
	"bytes"
	"crypto/sha256"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Fields of an answer that say how old it is, and how long it may be repeated.
const (
	revisionAgeField     = 5
	cacheForField        = 6
	watchedCacheForField = 7
)

// mostSpans is what the three spans of an answer take on the wire.
const mostSpans = 64

// spans are what an answer says of being kept, counted from now on.
type spans struct{ revisionAge, cacheFor, watchedCacheFor time.Duration }

// acceptance is an accepted token's answer, but for its spans.
type acceptance []byte

// reply is an answer from memory, in one piece of memory.
type reply struct {
	frames.Message
	parts       [2]mem.Buffer
	fixed, rest mem.SliceBuffer
	tail        [mostSpans]byte
}

// answer is what is sent: the bytes that came, and spans as they are now.
func (a acceptance) answer(s spans) *frames.Message {
	r := &reply{fixed: mem.SliceBuffer(a)}
	r.rest = s.append(r.tail[:0])
	r.parts = [2]mem.Buffer{&r.fixed, &r.rest}
	r.Data = r.parts[:]
	return &r.Message
}

// bytes are those of the answer where it is one of many.
func (a acceptance) bytes(s spans) []byte {
	return s.append(append(make([]byte, 0, len(a)+mostSpans), a...))
}

func (s spans) append(b []byte) []byte {
	b = appendSpan(b, revisionAgeField, s.revisionAge)
	b = appendSpan(b, cacheForField, s.cacheFor)
	return appendSpan(b, watchedCacheForField, s.watchedCacheFor)
}

// appendSpan leaves out a span of nothing, but for the age: that says that something is known.
func appendSpan(b []byte, field protowire.Number, span time.Duration) []byte {
	if span <= 0 && field != revisionAgeField {
		return b
	}
	span = max(0, span)
	seconds, nanos := uint64(span/time.Second), uint64(span%time.Second)
	size := 2 + protowire.SizeVarint(seconds) + protowire.SizeVarint(nanos)
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, seconds)
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	return protowire.AppendVarint(b, nanos)
}

// landed is what an answer has brought: an acceptance with what it says of being kept, or a rejection, or neither.
type landed struct {
	accepted   acceptance
	said       *knowledge.Answer
	isRejected bool
	isRevoked  bool // whatever is kept of the token is to be dropped
}

// read is what an answer says of a token.
func read(response []byte, token string, asked knowledge.Asked) landed {
	var message sessiondv1.ValidateTokenResponse
	if proto.Unmarshal(response, &message) != nil {
		return landed{}
	}
	session := message.GetSession()
	if rejection := message.GetRejection(); session == nil {
		reason := rejection.GetReason()
		return landed{isRejected: rejection != nil, isRevoked: reason == sessiondv1.Rejection_REASON_REVOKED}
	}
	if message.GetStale() || len(message.ProtoReflect().GetUnknown()) > 0 {
		return landed{}
	}
	key := hashedid.OfKey(session)
	said := &knowledge.Answer{
		Asked:           asked,
		RevisionAge:     toSpan(message.GetRevisionAge()),
		CacheFor:        toSpan(message.GetCacheFor()),
		WatchedCacheFor: toSpan(message.GetWatchedCacheFor()),
		Configuration:   message.GetConfiguration(),
		IDs:             append(hashedid.OfSession(session), key, ofToken(token)),
		Key:             key,
	}
	return landed{accepted: withoutSpans(response), said: said}
}

func ofToken(token string) hashedid.ID { return hashedid.OfToken(sha256.Sum256([]byte(token))) }

// withoutSpans copies the fields of an answer that was read before, but for its spans.
func withoutSpans(response []byte) []byte {
	kept := make([]byte, 0, len(response))
	for rest := response; len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if number < revisionAgeField || number > watchedCacheForField {
			kept = append(kept, rest[:n]...)
		}
		rest = rest[n:]
	}
	return bytes.Clone(kept) // with no room for more
}

func toSpan(message *durationpb.Duration) time.Duration {
	if message == nil {
		return 0
	}
	return max(0, message.AsDuration())
}
