// Package relay follows the revocations of servers, and tells watchers of its own what they told.
package relay

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	// mostEvents are held for watchers that come back, or do not keep up.
	mostEvents = 10_000
	// A key that went is told of to whoever begins to watch, as a server does: other servers may not have noticed
	// yet.
	keysRemembered = 5 * time.Minute
	mostKeys       = 1_024
)

type (
	message = sessiondv1.WatchRevocationsResponse
	// identity is one entry of the servers' log, whichever of them tells of it.
	identity struct {
		kind     sessiondv1.RevocationType
		id       string
		revision string
	}
	event struct {
		encoded []byte
		of      identity // empty for what is told as often as it comes
	}
	goneKey struct {
		at   time.Time
		sent *sessiondv1.Revocation
	}
)

// ring holds the last events by their places, which are counted from the first one on. A place, with what tells
// this ring from every other one, is a revision.
type ring struct {
	instance string

	mu            sync.Mutex
	isReady       bool
	configuration string
	maxStaleness  time.Duration
	events        []event // that of place p is at p % mostEvents
	next          uint64
	told          map[identity]struct{}
	keys          map[hashedid.ID]goneKey
	changed       chan struct{} // closed with the next change
}

func newRing() *ring {
	instance := make([]byte, 12)
	_, _ = rand.Read(instance) // it never fails
	return &ring{
		instance: "agent-" + hex.EncodeToString(instance),
		told:     map[identity]struct{}{},
		keys:     map[hashedid.ID]goneKey{},
		changed:  make(chan struct{}),
	}
}

// start takes note of a stream that has begun at a server. One that goes on where another has ended has missed
// nothing.
func (r *ring) start(started *sessiondv1.Started, isResumed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	isAnew := r.isReady && (!isResumed || started.GetConfiguration() != r.configuration)
	r.isReady = true
	r.configuration = started.GetConfiguration()
	r.maxStaleness = started.GetMaxStaleness().AsDuration()
	if isAnew {
		r.addReset()
	}
	r.wake()
}

// reset has every watcher forget what it knows.
func (r *ring) reset(configuration string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if configuration != "" {
		r.configuration = configuration
	}
	r.addReset()
	r.wake()
}

// add takes one revocation, unless another server has told of it.
func (r *ring) add(revocation *sessiondv1.Revocation, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var of identity
	if revocation.GetType() == sessiondv1.RevocationType_REVOCATION_TYPE_KEY {
		r.remember(revocation, now)
	} else {
		of = identity{revocation.GetType(), string(revocation.GetHashedId()), revocation.GetRevision()}
		if _, isTold := r.told[of]; isTold {
			return
		}
		r.told[of] = struct{}{}
	}
	own := proto.CloneOf(revocation)
	own.Revision = r.revision(r.next + 1)
	r.append(&message{Event: &sessiondv1.WatchRevocationsResponse_Revocation{Revocation: own}}, of)
	r.wake()
}

func (r *ring) addReset() {
	clear(r.told)
	r.append(&message{Event: &sessiondv1.WatchRevocationsResponse_Reset_{Reset_: &sessiondv1.Reset{
		Revision: r.revision(r.next + 1), Configuration: r.configuration,
	}}}, identity{})
}

func (r *ring) append(m *message, of identity) {
	one := event{encode(m), of}
	if place := int(r.next % mostEvents); place < len(r.events) {
		delete(r.told, r.events[place].of)
		r.events[place] = one
	} else {
		r.events = append(r.events, one)
	}
	r.next++
}

func (r *ring) remember(revocation *sessiondv1.Revocation, now time.Time) {
	for id, key := range r.keys {
		if now.Sub(key.at) > keysRemembered {
			delete(r.keys, id)
		}
	}
	if len(r.keys) < mostKeys {
		r.keys[hashedid.ID(revocation.GetHashedId())] = goneKey{now, revocation}
	}
}

func (r *ring) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// first is the oldest place that is held.
func (r *ring) first() uint64 { return r.next - uint64(len(r.events)) }

func (r *ring) revision(place uint64) string { return r.instance + "." + strconv.FormatUint(place, 10) }

// find is the place of a revision; false where it is not held, or not of this ring.
func (r *ring) find(revision string) (place uint64, isHeld bool) {
	written, ok := strings.CutPrefix(revision, r.instance+".")
	if !ok {
		return 0, false
	}
	place, err := strconv.ParseUint(written, 10, 64)
	return place, err == nil && r.first() <= place && place <= r.next
}

func encode(m *message) []byte {
	encoded, err := proto.Marshal(m)
	if err != nil {
		panic(err) // what was read can be written
	}
	return encoded
}
