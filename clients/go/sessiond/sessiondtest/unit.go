package sessiondtest

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// NewSession is a session as one that was accepted, for tests of what is behind the validation.
func NewSession(subject string, scopes ...string) *sessiond.Session {
	now := time.Now().Truncate(time.Second)
	return &sessiond.Session{
		Principal:  principal(Issuer, subject),
		Issuer:     Issuer,
		Subject:    subject,
		SessionID:  "sds_" + random(16),
		ClientID:   Audience,
		TokenID:    random(16),
		KeyID:      keyID,
		Audiences:  []string{Audience},
		Scopes:     scopes,
		IssueTime:  now,
		ExpireTime: now.Add(accessLifetime),
		AuthTime:   now,
	}
}

// ValidatorFunc is a [sessiond.Validator] of one function, for tests that need no fake.
type ValidatorFunc func(
	ctx context.Context, token string, policy *sessiond.Policy, options ...sessiond.Option,
) (*sessiond.Session, error)

// Validate calls the function.
func (f ValidatorFunc) Validate(
	ctx context.Context, token string, policy *sessiond.Policy, options ...sessiond.Option,
) (*sessiond.Session, error) {
	return f(ctx, token, policy, options...)
}

var _ sessiond.Validator = ValidatorFunc(nil)
