package sessiondtest

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const configuration = "sessiondtest"

// state is what a server remembers. Its mutex is held for whatever reads or changes it.
type state struct {
	mu      sync.Mutex
	signer  signer
	ahead   time.Duration // of the clock
	stopped time.Time     // when the clock stands still; zero while it runs
	isAway  bool          // nobody answers

	sessions map[string]*session // by id
	refresh  map[string]place    // by refresh token
	revoked  map[hashedid.ID]bool
	cutoffs  map[hashedid.ID]int64 // sessions that began by then are revoked, in milliseconds since 1970
	expired  map[string]bool       // by the token's id
	latest   int64                 // when the last session began, likewise
	log      eventLog
	calls    []Call
}

func newState() *state {
	return &state{
		signer:   newSigner(),
		sessions: map[string]*session{},
		refresh:  map[string]place{},
		revoked:  map[hashedid.ID]bool{},
		cutoffs:  map[hashedid.ID]int64{},
		expired:  map[string]bool{},
		log:      eventLog{changed: make(chan struct{})},
	}
}

func (s *state) now() time.Time {
	if !s.stopped.IsZero() {
		return s.stopped
	}
	return time.Now().Add(s.ahead)
}

// nextStart is later than that of every session before: nobody who logs in after a revocation is hit by it,
// though the clock stands still.
func (s *state) nextStart() int64 {
	s.latest = max(s.latest+1, s.now().UnixMilli())
	return s.latest
}

// hasRevoked says whether something that a token descends from was revoked.
func (s *state) hasRevoked(c *claims) bool {
	for _, id := range append(hashedid.OfSession(c.session), hashedid.OfKey(c.session)) {
		cutoff, hasCutoff := s.cutoffs[id]
		if s.revoked[id] || hasCutoff && c.since.UnixMilli() <= cutoff {
			return true
		}
	}
	return false
}

// end revokes what an id stands for, and has the watchers told.
func (s *state) end(kind sessiondv1.RevocationType, id hashedid.ID) *sessiondv1.Revocation {
	s.revoked[id] = true
	return s.log.revoke(kind, id, s.now())
}

// cutOff revokes every session so far that an id stands for, and has the watchers told.
func (s *state) cutOff(kind sessiondv1.RevocationType, id hashedid.ID) *sessiondv1.Revocation {
	s.cutoffs[id] = s.nextStart()
	return s.log.revoke(kind, id, s.now())
}

func principal(issuer, subject string) string {
	id := hashedid.Of("principal", issuer, subject)
	return "sdp_" + base64.RawURLEncoding.EncodeToString(id[:])
}

// random is a text of so many random bytes.
func random(size int) string {
	raw := make([]byte, size)
	_, _ = rand.Read(raw) // it never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}
