package sessiond

import "time"

// Option is how one token, or many at once, are to be validated: a consistency, a proof, or a [Timeout].
type Option interface{ applyTo(*question) }

// CallOption is how a call is to be made; a [Timeout] is one.
type CallOption interface{ applyToCall(*callOptions) }

type callOptions struct {
	timeout    time.Duration
	hasTimeout bool
}

// Consistency is how fresh the knowledge of revocations behind a verdict must be.
type Consistency int

const (
	// Cached takes what this client keeps and what it can share with other callers; it is the default.
	Cached Consistency = iota
	// Server takes what a server knows now: nothing from memory, and no call that is shared with others.
	Server
	// Strict takes everything that was revoked before the call, at whichever server: a round trip to the
	// store.
	Strict
)

func (c Consistency) applyTo(q *question) { q.consistency, q.revision = c, "" }

type atLeast string

func (r atLeast) applyTo(q *question) { q.consistency, q.revision = atRevision, string(r) }

// atRevision has no exported name: it needs its revision.
const atRevision Consistency = -1

// AtLeast takes at least what was known at a revision, such as that of a [RevocationResult]. The server waits
// up to one second for it; what is no revision of its store is an [*InvalidArgument].
func AtLeast(revision string) Option { return atLeast(revision) }

// Timeout gives a call a time of its own instead of the client's, longer or shorter: a deadline of its
// context can only shorten it. A validation with a time of its own is not shared with others.
type Timeout time.Duration

func (t Timeout) applyTo(q *question) { q.timeout, q.hasTimeout = time.Duration(t), true }

func (t Timeout) applyToCall(c *callOptions) { c.timeout, c.hasTimeout = time.Duration(t), true }

func (t Timeout) applyToRevocation(r *revocation) { t.applyToCall(&r.callOptions) }

func (t Timeout) applyToList(l *listing) { t.applyToCall(&l.callOptions) }
