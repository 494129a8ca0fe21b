package sessiondgrpc

import (
	"context"
	"crypto/x509"
	"log/slog"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Option is how calls are to be judged.
type Option func(*Interceptors)

// WithDefault requires a policy of every method that nothing is said about, instead of denying it.
func WithDefault(policy *sessiond.Policy) Option {
	return func(i *Interceptors) {
		others := newRule(policy)
		i.rules.others = &others
	}
}

// WithOptions has options, such as [sessiond.Strict], hold for every call of a method, under the name that it
// has in [Methods].
func WithOptions(method string, options ...sessiond.Option) Option {
	return func(i *Interceptors) { i.rules.apply(method, options) }
}

// WithDPoP takes DPoP proofs (RFC 9449) from the metadata dpop, for calls to an origin, such as
// https://api.example: the one that clients know, which a proxy may have changed on the way. Without this
// option a token under the scheme DPoP is never good.
func WithDPoP(origin string) Option {
	credentials.RequireOrigin(origin)
	return func(i *Interceptors) { i.dpopOrigin = origin }
}

// WithCertificates takes the client certificate of a call for the proof of a token that is bound to one (RFC
// 8705): [PeerCertificate], or one that a proxy hands on; nil for none. A validator is asked with it each
// time, past what it keeps.
func WithCertificates(certificate func(context.Context) *x509.Certificate) Option {
	return func(i *Interceptors) { i.certificate = certificate }
}

// WithLogger tells of what only an operator can mend to a logger instead of [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(i *Interceptors) { i.logger = logger }
}
