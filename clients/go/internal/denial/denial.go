// Package denial is the one decision behind every middleware: what a request is told that does not get
// through. How it is told is a table of each protocol.
package denial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Kind is a row of the tables of statuses.
type Kind int

// The kinds.
const (
	NoCredentials Kind = iota + 1
	InvalidRequest
	CrossSite
	NoPolicy // nothing says who may do this
	Insufficient
	Rejected
	Unavailable
	Misconfigured // nobody but the operator can do anything about it
)

// Denial is what a request is told, and why.
type Denial struct {
	Kind Kind
	// Reason is a name of sessiond.Reason for a rejection, and one for the kind otherwise.
	Reason string
	// NextAction is empty where the bearer's client can do nothing but repeat the request.
	NextAction sessiond.NextAction
	Challenges []string // values of WWW-Authenticate
	RetryAfter time.Duration
	Retry      bool  // the same request made again, once, may get through
	Err        error // for logs; nil where nobody was asked
}

// OfMissing is for a request without a token (RFC 6750 section 3.1): no error, but what is required.
func OfMissing(policy *sessiond.Policy, takesDPoP bool) Denial {
	parameters := ""
	if policy != nil && len(policy.Scopes) > 0 {
		parameters = fmt.Sprintf(` scope="%s"`, strings.Join(policy.Scopes, " "))
	}
	challenges := []string{"Bearer" + parameters}
	if takesDPoP {
		challenges = append(challenges, "DPoP"+parameters)
	}
	return Denial{
		Kind: NoCredentials, Reason: "NO_CREDENTIALS", NextAction: sessiond.NextActionReauthenticate,
		Challenges: challenges,
	}
}

// OfInvalid is for a request of which it is not clear which token it means.
func OfInvalid(err error) Denial {
	return Denial{
		Kind: InvalidRequest, Reason: "INVALID_REQUEST", Err: err,
		Challenges: []string{`Bearer error="invalid_request"`},
	}
}

// OfCrossSite is for a request that another site made a browser send.
func OfCrossSite() Denial {
	return Denial{Kind: CrossSite, Reason: "CROSS_SITE", NextAction: sessiond.NextActionDeny}
}

// OfNoPolicy is for what nobody has said anything about.
func OfNoPolicy() Denial {
	return Denial{Kind: NoPolicy, Reason: "NO_POLICY", NextAction: sessiond.NextActionDeny}
}

// OfError is for what a validator returned instead of a session.
func OfError(err error) Denial {
	var (
		rejected    *sessiond.Rejected
		unavailable *sessiond.Unavailable
		undecided   *sessiond.Undecided
		invalid     *sessiond.InvalidArgument
	)
	switch {
	case errors.As(err, &rejected):
		return ofRejected(rejected)
	case errors.As(err, &unavailable):
		return ofUnavailable(unavailable.RetryAfter, err)
	case errors.As(err, &undecided):
		return ofUnavailable(undecided.RetryAfter, err)
	case errors.As(err, &invalid) && strings.HasPrefix(invalid.Field, "proof"):
		return OfInvalid(err) // it is the client's, not ours
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ofUnavailable(0, err)
	default:
		return Denial{Kind: Misconfigured, Reason: "INTERNAL", Err: err}
	}
}

func ofRejected(rejected *sessiond.Rejected) Denial {
	found := Denial{
		Kind: Rejected, Reason: string(rejected.Reason), NextAction: rejected.NextAction, Err: rejected,
	}
	if rejected.Reason == sessiond.ReasonScopeInsufficient {
		found.Kind = Insufficient
	}
	if rejected.WWWAuthenticate != "" {
		found.Challenges = []string{rejected.WWWAuthenticate}
	} else {
		// A 401 has a challenge (RFC 9110 section 15.5.2), whatever a newer server leaves out.
		found.Challenges = []string{`Bearer error="invalid_token"`}
	}
	return found
}

func ofUnavailable(retryAfter time.Duration, err error) Denial {
	retryAfter = max(time.Second, retryAfter)
	return Denial{Kind: Unavailable, Reason: "UNAVAILABLE", RetryAfter: retryAfter, Err: err}
}

// Log tells the operator of what only the operator can mend. Of an error that is not the client's own its
// type is told: its text may have anything in it.
func (d Denial) Log(ctx context.Context, logger *slog.Logger, about slog.Attr) {
	if d.Kind != Misconfigured && d.Kind != NoPolicy {
		return
	}
	told := []slog.Attr{about, slog.String("reason", d.Reason)}
	var failure *sessiond.CallError
	if errors.As(d.Err, &failure) {
		told = append(told, slog.String("error", failure.Error()))
	} else if d.Err != nil {
		told = append(told, slog.String("error_type", fmt.Sprintf("%T", d.Err)))
	}
	const what = "sessiond: a request is refused because of this service's own configuration"
	logger.LogAttrs(ctx, slog.LevelError, what, told...)
}
