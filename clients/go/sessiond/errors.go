package sessiond

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// CallError is a call that was refused or that failed. Each has a type by its meaning, such as
// [*Unavailable]: errors.As finds that, or the CallError in it for what all have. No token and no key is in
// it.
type CallError struct {
	Code codes.Code
	// Reason is a name of ErrorReason without its prefix, such as STORE_UNAVAILABLE; it is empty where the
	// answer did not come from sessiond.
	Reason   string
	Message  string
	Metadata map[string]string
	// RetryAfter is when the same call may be repeated; zero where waiting has no use, or the server says at
	// once.
	RetryAfter time.Duration

	saysWhen bool // RetryAfter was set, if only to zero
	isOurs   bool // this side gave the call up
}

// Error is for people.
func (e *CallError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("sessiond: %s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("sessiond: %s (%s): %s", e.Code, e.Reason, e.Message)
}

// RefreshRefused says that a refresh token opens nothing.
type RefreshRefused struct{ CallError }

// SessionLives says whether the session goes on all the same, so that nobody has to log in again: a newer
// refresh token was given out for this one, or the proof of possession was not right.
func (e *RefreshRefused) SessionLives() bool {
	return e.Reason == "REFRESH_TOKEN_SUPERSEDED" || e.Reason == "BINDING_MISMATCH"
}

// LoginRefused says that what a login produced does not open a session.
type LoginRefused struct {
	CallError
	Rejection string // why: a [Reason], or one more of those that LOGIN_REFUSED documents
}

// InvalidArgument says that a field has a value that is not allowed; this client refuses some by itself,
// before there is a call.
type InvalidArgument struct {
	CallError
	Field string // empty where the message as a whole could not be read
}

// NotFound says that no live session has the id.
type NotFound struct{ CallError }

// PermissionDenied says that this caller may not do this. It says nothing of the end user's token.
type PermissionDenied struct{ CallError }

// Unavailable says that nothing was decided: repeat the same call, after RetryAfter where that is set. It is
// not where waiting has no use: where the time of the call was over, or the request was too large.
type Unavailable struct{ CallError }

// Unsupported says that the server does not carry this out.
type Unsupported struct{ CallError }

// Internal is a defect of the server, or of what is between it and this client.
type Internal struct{ CallError }

// Unwrap is what all errors of calls have.
func (e *RefreshRefused) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *LoginRefused) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *InvalidArgument) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *NotFound) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *PermissionDenied) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *Unavailable) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *Unsupported) Unwrap() error { return &e.CallError }

// Unwrap is what all errors of calls have.
func (e *Internal) Unwrap() error { return &e.CallError }
