package sessiond

import "context"

type contextKey struct{}

// NewContext is ctx with the session of the request that it belongs to.
func NewContext(ctx context.Context, session *Session) context.Context {
	return context.WithValue(ctx, contextKey{}, session)
}

// FromContext is the session that [NewContext] gave a request; there is none where nobody had to be known.
func FromContext(ctx context.Context) (*Session, bool) {
	session, ok := ctx.Value(contextKey{}).(*Session)
	return session, ok && session != nil
}
