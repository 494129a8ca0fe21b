package extauthz

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// unspecified is the outcome of a rejection whose reason is newer than this program.
const unspecified = "UNSPECIFIED"

var others = []string{
	"ACCEPTED", "ANONYMOUS", "NO_CREDENTIAL", "CREDENTIAL_MALFORMED", "CROSS_SITE", "MISCONFIGURED", "UNAVAILABLE", "FAILED",
}

// Counts is how often each outcome was given. All begin at zero, and there are no others.
type Counts struct{ each map[string]*atomic.Uint64 }

// NewCounts has counted nothing.
func NewCounts() *Counts {
	c := &Counts{map[string]*atomic.Uint64{}}
	for _, outcome := range others {
		c.each[outcome] = &atomic.Uint64{}
	}
	for _, reason := range sessiondv1.Rejection_Reason_name {
		c.each[strings.TrimPrefix(reason, "REASON_")] = &atomic.Uint64{}
	}
	return c
}

// Add counts an outcome.
func (c *Counts) Add(outcome string) {
	count := c.each[outcome]
	if count == nil {
		count = c.each[unspecified]
	}
	count.Add(1)
}

// Each gives every outcome, in the order of their names.
func (c *Counts) Each(yield func(outcome string, count uint64) bool) {
	for _, outcome := range slices.Sorted(maps.Keys(c.each)) {
		if !yield(outcome, c.each[outcome].Load()) {
			return
		}
	}
}
