package sessiond

import (
	"fmt"
	"time"
)

// Reason is why a token is not accepted.
type Reason string

// The reasons. One that is newer than this client is ReasonUnspecified, and a rejection all the same.
const (
	ReasonUnspecified         Reason = "UNSPECIFIED"
	ReasonTooLarge            Reason = "TOO_LARGE"
	ReasonMalformed           Reason = "MALFORMED"
	ReasonIssuerNotTrusted    Reason = "ISSUER_NOT_TRUSTED"
	ReasonAlgorithmNotAllowed Reason = "ALGORITHM_NOT_ALLOWED"
	ReasonKeyUnknown          Reason = "KEY_UNKNOWN"
	ReasonSignatureInvalid    Reason = "SIGNATURE_INVALID"
	ReasonTypeNotAllowed      Reason = "TYPE_NOT_ALLOWED"
	ReasonClaimMissing        Reason = "CLAIM_MISSING"
	ReasonClaimInvalid        Reason = "CLAIM_INVALID"
	ReasonExpired             Reason = "EXPIRED"
	ReasonNotYetValid         Reason = "NOT_YET_VALID"
	ReasonAudienceMismatch    Reason = "AUDIENCE_MISMATCH"
	ReasonBindingMismatch     Reason = "BINDING_MISMATCH"
	ReasonRevoked             Reason = "REVOKED"
	ReasonScopeInsufficient   Reason = "SCOPE_INSUFFICIENT"
	ReasonStepUpRequired      Reason = "STEP_UP_REQUIRED"
)

// NextAction is what the bearer's client can do about a rejection.
type NextAction string

// The actions. One that is newer than this client is NextActionUnspecified.
const (
	NextActionUnspecified    NextAction = "UNSPECIFIED"
	NextActionRefresh        NextAction = "REFRESH"        // refresh the session, and try again
	NextActionReauthenticate NextAction = "REAUTHENTICATE" // log in again
	NextActionStepUp         NextAction = "STEP_UP"        // log in again with what the challenge asks for
	NextActionDeny           NextAction = "DENY"           // nothing: this token will not do here
)

// Rejected says that a token is not accepted, and why. It tells of the token's bearer, never of the caller.
type Rejected struct {
	Reason          Reason
	Message         string // the same for people; nothing of the token is in it
	NextAction      NextAction
	WWWAuthenticate string // the value for that header (RFC 6750, RFC 9470)
}

// Error is for people.
func (r *Rejected) Error() string {
	return fmt.Sprintf("sessiond: the token is not accepted: %s: %s", r.Reason, r.Message)
}

// Undecided says that there is no verdict on one token of many for now: it is not accepted, nor does its user
// have to log in.
type Undecided struct {
	Reason     string        // as that of a [CallError]: KEYS_UNAVAILABLE or RATE_LIMITED
	RetryAfter time.Duration // when the token may be asked about again
}

// Error is for people.
func (u *Undecided) Error() string {
	return "sessiond: there is no verdict on the token for now: " + u.Reason
}

// Verdict is what was said of one token of many: either a session, or a [*Rejected] or [*Undecided].
type Verdict struct {
	Session *Session
	Err     error
}
