package sessiondhttp

import (
	"crypto/x509"
	"log/slog"
	"net/http"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Middleware makes middleware for handlers. One is enough for all routes that take their tokens from the same
// places.
type Middleware struct {
	validator   sessiond.Validator
	cookie      string
	crossSite   credentials.CrossSite
	dpopOrigin  string
	certificate func(*http.Request) *x509.Certificate
	render      Renderer
	logger      *slog.Logger
}

// New makes middleware that asks a validator, such as a [sessiond.Client].
func New(validator sessiond.Validator, options ...Option) *Middleware {
	m := &Middleware{validator: validator, render: renderJSON, logger: slog.Default()}
	for _, option := range options {
		option(m)
	}
	return m
}

// Require lets only requests through whose token fulfils a policy; nil requires nothing but a good token. The
// options, such as [sessiond.Strict], hold for each request of the route. It panics on a policy that a server
// would refuse, as [sessiond.Require] does.
func (m *Middleware) Require(
	policy *sessiond.Policy, options ...sessiond.Option,
) func(http.Handler) http.Handler {
	return m.route(policy, options, false)
}

// Optional lets requests without a token through too, without a session. One whose token is not good is
// denied all the same.
func (m *Middleware) Optional(
	policy *sessiond.Policy, options ...sessiond.Option,
) func(http.Handler) http.Handler {
	return m.route(policy, options, true)
}

func (m *Middleware) route(
	policy *sessiond.Policy, options []sessiond.Option, isOptional bool,
) func(http.Handler) http.Handler {
	if policy != nil {
		policy = sessiond.Require(*policy)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			admitted, denied := m.admit(r, policy, options, isOptional)
			if denied != nil {
				m.deny(w, r, *denied)
				return
			}
			next.ServeHTTP(w, admitted)
		})
	}
}

// admit is the request for the handler, or what it is told instead.
func (m *Middleware) admit(
	r *http.Request, policy *sessiond.Policy, options []sessiond.Option, isOptional bool,
) (*http.Request, *denial.Denial) {
	found, err := m.credential(r)
	switch {
	case err != nil:
		return nil, of(denial.OfInvalid(err))
	case found.Token == "" && isOptional:
		return r, nil
	case found.Token == "":
		return nil, of(denial.OfMissing(policy, m.dpopOrigin != ""))
	case found.Scheme == credentials.Cookie && m.crossSite.Forbids(r.Method, r.Host, r.Header.Values):
		return nil, of(denial.OfCrossSite())
	}
	proof, err := m.proof(r, found.Scheme)
	if err != nil {
		return nil, of(denial.OfInvalid(err))
	}
	question := denial.Question{
		Validator: m.validator, Credential: found, Proof: proof, Policy: policy, Options: options,
	}
	ctx, denied := question.Ask(r.Context())
	if denied != nil {
		return nil, denied
	}
	return r.WithContext(ctx), nil
}

func of(denied denial.Denial) *denial.Denial { return &denied }
