package sessiond

import (
	"time"

	"google.golang.org/grpc/codes"
)

// Observer is told as it happens, where it happens: its functions must be quick, safe for many goroutines,
// and must neither panic nor close the client. Each may be nil. No token, no subject and no key is told.
type Observer struct {
	// Validated is told of each verdict on one token.
	Validated func(Validation)
	// Called is told of each call to a server, with all its attempts, but for the stream of revocations.
	Called func(Call)
	// WatchChanged is told when the stream of revocations is in another state than before.
	WatchChanged func(WatchState)
}

// Outcome is how a validation was answered.
type Outcome string

// The outcomes.
const (
	OutcomeHit      Outcome = "HIT"      // from memory
	OutcomeMiss     Outcome = "MISS"     // by a call of its own, alone or among others
	OutcomeJoined   Outcome = "JOINED"   // by a call for the same token that was under way
	OutcomeBypassed Outcome = "BYPASSED" // by a call past what is kept: with a proof or a consistency
)

// Validation is a verdict that was given.
type Validation struct {
	Outcome  Outcome
	Accepted bool
	Reason   Reason // of a rejection; empty otherwise
	Duration time.Duration
}

// Call is a call that was made, or refused, or failed.
type Call struct {
	Method   string // such as ValidateToken
	Code     codes.Code
	Reason   string // as in a [CallError]
	Duration time.Duration
	Attempts int
}

// WatchState is how the stream of revocations is doing.
type WatchState string

// The states.
const (
	WatchFresh   WatchState = "FRESH"   // what is kept may be repeated
	WatchLost    WatchState = "LOST"    // no stream is open: it is opened again
	WatchRefused WatchState = "REFUSED" // the server has none for this caller: it is asked every 30 s
)

// Numbers are what a client has done so far, and what it keeps now.
type Numbers struct {
	Hits, Misses, Joined, Bypassed uint64 // validations by their [Outcome]
	Entries                        int    // what is kept
	Evicted                        uint64 // what had to go because there was more
	Reconnects                     uint64 // streams of revocations that were opened because one had ended
	// WatchAge is how long ago everything that was revoked was known; -1 where nothing is.
	WatchAge time.Duration
}
