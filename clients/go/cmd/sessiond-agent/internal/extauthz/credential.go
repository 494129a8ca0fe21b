package extauthz

import (
	"errors"
	"strings"

	form "github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// credential is the token that a request carries.
type credential struct {
	token string
	dpop  *sessiondv1.DpopProof // the proof that came with it
}

var (
	errMalformed = errors.New("the credential is ambiguous or malformed")
	errCrossSite = errors.New("the request comes from another site")
	errUnbound   = errors.New("the token is bound to no key")
)

// proof is what shows who may use the token; nil where nothing has come with it.
func (c *credential) proof() *sessiondv1.PossessionProof {
	if c.dpop == nil {
		return nil
	}
	return &sessiondv1.PossessionProof{Proof: &sessiondv1.PossessionProof_Dpop{Dpop: c.dpop}}
}

// find is the one credential of a request that a route takes; nil says that there is none. An error is one of
// those above.
func (s *Settings) find(r *request, takes credentials) (*credential, error) {
	inHeader, err := s.inHeader(r, takes)
	if err != nil {
		return nil, err
	}
	inCookie, err := inCookie(r, takes)
	switch {
	case err != nil:
		return nil, err
	case inHeader != nil && inCookie != nil:
		return nil, errMalformed
	case inHeader != nil:
		return inHeader, nil
	}
	return inCookie, nil
}

// inHeader reads Authorization. Envoy joins several into one, with commas.
func (s *Settings) inHeader(r *request, takes credentials) (*credential, error) {
	values := r.values("authorization")
	if len(values) == 0 || !(takes.bearer || takes.dpop) {
		return nil, nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	isBearer, isDPoP := strings.EqualFold(scheme, "bearer"), strings.EqualFold(scheme, "dpop")
	switch {
	case len(values) > 1 || strings.Contains(values[0], ","):
		return nil, errMalformed
	case !isBearer && !isDPoP, isBearer && !takes.bearer, isDPoP && !takes.dpop:
		return nil, nil
	case !form.IsToken68(token):
		return nil, errMalformed
	case isBearer:
		return &credential{token: token}, nil
	}
	proof, err := s.proofIn(r)
	return &credential{token: token, dpop: proof}, err
}

// proofIn is the DPoP proof of a request, for the address by which its client knows it (RFC 9449 section 4.3).
func (s *Settings) proofIn(r *request) (*sessiondv1.DpopProof, error) {
	proofs := r.values("dpop")
	origin, isOurs := s.origin(r.scheme, r.host)
	path, _, _ := strings.Cut(r.path, "?")
	if len(proofs) != 1 || !form.IsToken68(proofs[0]) || !isOurs {
		return nil, errMalformed
	}
	return &sessiondv1.DpopProof{Proof: proofs[0], Method: r.method, Url: origin + path}, nil
}

// inCookie reads the route's cookie. It is nobody's but the user's, so that a request which a page of another
// site made must not have it count.
func inCookie(r *request, takes credentials) (*credential, error) {
	if takes.cookie == "" {
		return nil, nil
	}
	values := cookiesNamed(takes.cookie, r.values("cookie"))
	switch {
	case len(values) == 0:
		return nil, nil
	case len(values) > 1 || !form.IsToken68(values[0]):
		return nil, errMalformed
	case form.CrossSite{}.Forbids(r.method, r.host, r.values):
		return nil, errCrossSite
	}
	return &credential{token: values[0]}, nil
}
