package browser

import (
	"errors"
	"slices"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

const (
	superseded = "REFRESH_TOKEN_SUPERSEDED"
	unproven   = "BINDING_MISMATCH"
	invalid    = "REFRESH_TOKEN_INVALID"
)

// ended are the refusals after which a refresh token is worth nothing for good. A reason that is newer than
// this client may mean anything, and clears nothing.
var ended = []string{
	invalid, "REFRESH_TOKEN_REUSED", "SESSION_REVOKED", "SESSION_IDLE_TIMEOUT", "SESSION_LIFETIME_EXCEEDED",
	"PROVIDER_REFUSED",
}

// Refreshed is what came of a refresh: tokens, where it is empty.
type Refreshed struct {
	Refusal *Refusal
	Failed  *denial.Denial // nothing was decided
}

// Refusal is why a refresh token opens nothing.
type Refusal struct {
	Reason string
	err    error
}

// OfRefresh is what an error says of a refresh; nil for none.
func OfRefresh(err error) Refreshed {
	var refused *sessiond.RefreshRefused
	switch {
	case err == nil:
		return Refreshed{}
	case errors.As(err, &refused):
		return Refreshed{Refusal: &Refusal{refused.Reason, err}}
	default:
		failed := denial.OfError(err)
		return Refreshed{Failed: &failed}
	}
}

// OfNoForm is for a refresh token that no server need be asked about.
func OfNoForm() Refreshed { return Refreshed{Refusal: &Refusal{Reason: invalid}} }

// HasEnded says whether the session has ended, or never was.
func (r *Refusal) HasEnded() bool { return slices.Contains(ended, r.Reason) }

func (r *Refusal) denial() *denial.Denial {
	denied := denial.Denial{
		Kind: denial.Rejected, Reason: r.Reason, NextAction: sessiond.NextActionReauthenticate, Err: r.err,
		Challenges: []string{`Bearer error="invalid_token"`},
	}
	switch r.Reason {
	case superseded: // the browser has newer cookies by now
		denied.Reason, denied.NextAction, denied.Retry = "session_superseded", "", true
	case unproven:
		denied.NextAction = sessiond.NextActionDeny
	}
	return &denied
}
