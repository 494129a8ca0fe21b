package browser

import (
	"errors"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// longestWithoutLogin is how long a browser's cookies are taken for those that a request brought: a refusal
// that comes later clears nothing, as somebody may have logged in meanwhile. A cookie is deleted by its name,
// whatever its value.
const longestWithoutLogin = time.Second

// Presented is what a request brings.
type Presented struct {
	Access, Refresh      Number
	IsCrossSite          bool // another site may have caused it
	IsOptional           bool // the route is for nobody too
	IsUpgrade            bool // its answer may be written past the headers, and cookies with them
	IsRefreshedElsewhere bool // the refresh token is sent to another path alone
	IsNavigation         bool
	IsMarked             bool // the browser has had an answer about its refresh token, and has no newer one
	// Missing is what a request without a token is told.
	Missing denial.Denial
}

// Asking is what a decision may need to know beyond that.
type Asking struct {
	// Validate judges the access token, that of a refresh once there was one; nil means that it is good.
	Validate func() *denial.Denial
	Refresh  func() Refreshed
	// Elapsed is the time since the request arrived.
	Elapsed func() time.Duration
}

// Outcome is what becomes of a request.
type Outcome int

// The outcomes.
const (
	Session  Outcome = iota // it goes on with a session
	Nobody                  // it goes on without
	Denied                  // it is told why not
	SentBack                // it is redirected to itself
)

// Change is what becomes of the cookies.
type Change int

// The changes.
const (
	Keep Change = iota
	Set
	Clear
	Mark // they stay, and the browser is told which refresh token the answer is about
)

// Decision is what follows from a request.
type Decision struct {
	Outcome Outcome
	Change  Change
	Denial  denial.Denial // of a request that is denied
}

var errSeveral = errors.New("the request has several cookies of one name")

// Decide is the one decision on a request that brings no token but in cookies.
func Decide(p Presented, ask Asking) Decision {
	switch {
	case p.Access == None && p.Refresh == None:
		return p.withNothing()
	case p.IsCrossSite: // before anything is asked, or spent
		return deny(denial.OfCrossSite())
	case p.Access == Several:
		return deny(denial.OfInvalid(errSeveral))
	case p.Access == None:
		return p.refresh(p.Missing, ask)
	}
	denied := ask.Validate()
	if denied != nil && denied.NextAction == sessiond.NextActionRefresh {
		return p.refresh(*denied, ask)
	}
	return p.judged(denied, Keep)
}

func (p Presented) withNothing() Decision {
	switch {
	case p.IsOptional:
		return Decision{Outcome: Nobody}
	case p.IsRefreshedElsewhere:
		return deny(refreshing(p.Missing))
	default:
		return deny(p.Missing)
	}
}

// refresh is for who may have a session, but no good access token, and what is told of that otherwise.
func (p Presented) refresh(denied denial.Denial, ask Asking) Decision {
	switch {
	case p.Refresh == Several:
		return deny(denial.OfInvalid(errSeveral))
	case p.Refresh == None && !p.IsRefreshedElsewhere:
		denied.NextAction = sessiond.NextActionReauthenticate
		return p.judged(&denied, Keep)
	case p.Refresh == None || p.IsUpgrade:
		return deny(refreshing(denied))
	}
	refreshed := ask.Refresh()
	switch {
	case refreshed.Failed != nil:
		return deny(*refreshed.Failed)
	case refreshed.Refusal == nil:
		return p.judged(ask.Validate(), Set)
	case refreshed.Refusal.Reason == superseded && p.IsNavigation && !p.IsMarked:
		return Decision{Outcome: SentBack, Change: Mark}
	case !refreshed.Refusal.HasEnded():
		return p.judged(refreshed.Refusal.denial(), Keep)
	case p.IsMarked && ask.Elapsed() <= longestWithoutLogin:
		return p.judged(refreshed.Refusal.denial(), Clear)
	default: // it may have been under way for long, and somebody may have logged in since it was sent
		return p.judged(refreshed.Refusal.denial(), Mark)
	}
}

// judged is what follows from a verdict. A browser cannot leave its cookies out: where nobody has to be
// known, one whose session has ended is nobody.
func (p Presented) judged(denied *denial.Denial, change Change) Decision {
	switch {
	case denied == nil:
		return Decision{Outcome: Session, Change: change}
	case p.IsOptional && denied.NextAction == sessiond.NextActionReauthenticate:
		return Decision{Outcome: Nobody, Change: change}
	default:
		return Decision{Denied, change, *denied}
	}
}

func deny(denied denial.Denial) Decision { return Decision{Outcome: Denied, Denial: denied} }

func refreshing(denied denial.Denial) denial.Denial {
	denied.NextAction = sessiond.NextActionRefresh
	return denied
}
