package sessiond

import "context"

// Validator gives verdicts on access tokens: what code needs that protects something. A [*Client] is one.
//
// No error means a session. A nil policy requires nothing beyond a good token.
type Validator interface {
	Validate(ctx context.Context, token string, policy *Policy, options ...Option) (*Session, error)
}

var _ Validator = (*Client)(nil)
