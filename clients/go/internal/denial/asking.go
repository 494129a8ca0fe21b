package denial

import (
	"context"
	"errors"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Question is what a middleware asks about a request.
type Question struct {
	Validator  sessiond.Validator
	Credential credentials.Credential
	Proof      sessiond.Proof // nil for none
	Policy     *sessiond.Policy
	Options    []sessiond.Option
}

var errNoVerdict = errors.New("the validator gave neither a session nor an error")

// Ask is the context of a request that may go on, or what it is told instead.
func (q Question) Ask(ctx context.Context) (context.Context, *Denial) {
	options := q.Options
	if q.Proof != nil {
		options = append(options[:len(options):len(options)], q.Proof)
	}
	session, err := q.Validator.Validate(ctx, q.Credential.Token, q.Policy, options...)
	if err == nil && session == nil {
		err = errNoVerdict
	}
	if err == nil && q.Credential.Scheme == credentials.DPoP && !isBoundToKey(session) {
		err = unbound()
	}
	if err != nil {
		denied := OfError(err)
		return nil, &denied
	}
	return credentials.NewContext(sessiond.NewContext(ctx, session), q.Credential), nil
}

// isBoundToKey says whether a token names the key of a DPoP proof (RFC 9449 section 6.1).
func isBoundToKey(session *sessiond.Session) bool {
	claims, err := session.Claims()
	if err != nil {
		return false
	}
	confirmation, _ := claims["cnf"].(map[string]any)
	thumbprint, _ := confirmation["jkt"].(string)
	return thumbprint != ""
}

// unbound is for a token under the scheme DPoP that any bearer could use (RFC 9449 section 7.1): its proof
// says nothing about it.
func unbound() *sessiond.Rejected {
	return &sessiond.Rejected{
		Reason:          sessiond.ReasonBindingMismatch,
		Message:         "the token is bound to no key",
		NextAction:      sessiond.NextActionDeny,
		WWWAuthenticate: `DPoP error="invalid_token", error_description="the token is bound to no key"`,
	}
}
