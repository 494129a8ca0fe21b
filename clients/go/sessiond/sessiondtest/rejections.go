package sessiondtest

import (
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	tooLarge            = sessiondv1.Rejection_REASON_TOO_LARGE
	issuerNotTrusted    = sessiondv1.Rejection_REASON_ISSUER_NOT_TRUSTED
	algorithmNotAllowed = sessiondv1.Rejection_REASON_ALGORITHM_NOT_ALLOWED
	keyUnknown          = sessiondv1.Rejection_REASON_KEY_UNKNOWN
	signatureInvalid    = sessiondv1.Rejection_REASON_SIGNATURE_INVALID
	typeNotAllowed      = sessiondv1.Rejection_REASON_TYPE_NOT_ALLOWED
	claimMissing        = sessiondv1.Rejection_REASON_CLAIM_MISSING
	claimInvalid        = sessiondv1.Rejection_REASON_CLAIM_INVALID
	expired             = sessiondv1.Rejection_REASON_EXPIRED
	notYetValid         = sessiondv1.Rejection_REASON_NOT_YET_VALID
	audienceMismatch    = sessiondv1.Rejection_REASON_AUDIENCE_MISMATCH
	revoked             = sessiondv1.Rejection_REASON_REVOKED
)

var actions = map[sessiondv1.Rejection_Reason]sessiondv1.Rejection_NextAction{
	issuerNotTrusted:    sessiondv1.Rejection_NEXT_ACTION_DENY,
	algorithmNotAllowed: sessiondv1.Rejection_NEXT_ACTION_DENY,
	typeNotAllowed:      sessiondv1.Rejection_NEXT_ACTION_DENY,
	audienceMismatch:    sessiondv1.Rejection_NEXT_ACTION_DENY,
	expired:             sessiondv1.Rejection_NEXT_ACTION_REFRESH,
}

// reject has the words of a reason, with its action and challenge.
func reject(reason sessiondv1.Rejection_Reason, message string) *sessiondv1.Rejection {
	action, ok := actions[reason]
	if !ok {
		action = sessiondv1.Rejection_NEXT_ACTION_REAUTHENTICATE
	}
	challenge := `Bearer error="invalid_token"`
	if reason == expired {
		challenge += described(message)
	}
	return &sessiondv1.Rejection{
		Reason: reason, Message: message, NextAction: action, WwwAuthenticate: challenge,
	}
}

func described(message string) string { return fmt.Sprintf(`, error_description="%s"`, message) }

func malformed(token string) *sessiondv1.Rejection {
	rejection := reject(sessiondv1.Rejection_REASON_MALFORMED, "this is not a signed JWT in compact form")
	if strings.Count(token, ".") != 2 && credentials.IsToken68(token) {
		rejection.Message = "this is no JWT, but an opaque or encrypted token: " +
			"have its provider issue access tokens as JWTs"
		rejection.NextAction = sessiondv1.Rejection_NEXT_ACTION_DENY
	}
	return rejection
}

func unproven(isByDPoP bool) *sessiondv1.Rejection {
	scheme, message := "Bearer", "the token is bound to a key whose possession was not proven"
	if isByDPoP {
		scheme = "DPoP"
	}
	return &sessiondv1.Rejection{
		Reason:          sessiondv1.Rejection_REASON_BINDING_MISMATCH,
		Message:         message,
		NextAction:      sessiondv1.Rejection_NEXT_ACTION_DENY,
		WwwAuthenticate: scheme + ` error="invalid_token"` + described(message),
	}
}

func insufficient(lacks string, scopes []string) *sessiondv1.Rejection {
	message := "the token lacks a required " + lacks
	challenge := `Bearer error="insufficient_scope"` + described(message)
	if len(scopes) > 0 {
		challenge += fmt.Sprintf(`, scope="%s"`, strings.Join(scopes, " "))
	}
	return &sessiondv1.Rejection{
		Reason:          sessiondv1.Rejection_REASON_SCOPE_INSUFFICIENT,
		Message:         message,
		NextAction:      sessiondv1.Rejection_NEXT_ACTION_DENY,
		WwwAuthenticate: challenge,
	}
}

func stepUp(how string, want *sessiondv1.Requirements) *sessiondv1.Rejection {
	message := "the user must prove who they are " + how
	challenge := `Bearer error="insufficient_user_authentication"` + described(message)
	if len(want.GetAcrValues()) > 0 {
		challenge += fmt.Sprintf(`, acr_values="%s"`, strings.Join(want.GetAcrValues(), " "))
	}
	if want.GetMaxAuthAge() != nil {
		challenge += fmt.Sprintf(`, max_age="%d"`, int(want.GetMaxAuthAge().AsDuration().Seconds()))
	}
	return &sessiondv1.Rejection{
		Reason:          sessiondv1.Rejection_REASON_STEP_UP_REQUIRED,
		Message:         message,
		NextAction:      sessiondv1.Rejection_NEXT_ACTION_STEP_UP,
		WwwAuthenticate: challenge,
	}
}
