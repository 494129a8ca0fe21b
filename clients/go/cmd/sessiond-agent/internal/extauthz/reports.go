package extauthz

import (
	"sync"
	"time"
)

const (
	// reportSpan is how long the same mistake is not told again: every request of its route makes it.
	reportSpan = time.Minute
	// mostReports is how many are told within that time. What is found may come from a client.
	mostReports = 20
)

// reports are the mistakes that were told lately.
type reports struct {
	mutex sync.Mutex
	until time.Time
	told  map[misconfigured]struct{}
}

// isDue says whether a mistake is to be told now.
func (r *reports) isDue(mistake misconfigured, now time.Time) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !now.Before(r.until) {
		r.until, r.told = now.Add(reportSpan), map[misconfigured]struct{}{}
	}
	if _, isKnown := r.told[mistake]; isKnown || len(r.told) >= mostReports {
		return false
	}
	r.told[mistake] = struct{}{}
	return true
}
