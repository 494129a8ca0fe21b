package credentials

import (
	"fmt"
	"net/url"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// ProofOf is the one DPoP header of a request (RFC 9449 section 4.3), for a path at the origin that clients
// know; nil where there is none, or no origin to judge it by.
func ProofOf(proofs []string, method, origin, path string) (sessiond.Proof, error) {
	if origin == "" || len(proofs) == 0 {
		return nil, nil
	}
	if len(proofs) > 1 || !IsToken68(proofs[0]) {
		return nil, ErrInvalid
	}
	return sessiond.DPoP{Proof: proofs[0], Method: method, URL: origin + path}, nil
}

// RequireOrigin panics on what is no origin (RFC 6454 section 6.2), as that is a mistake in the program.
func RequireOrigin(origin string) {
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Host == "" || parsed.Scheme+"://"+parsed.Host != origin {
		panic(fmt.Sprintf("sessiond: origin: found %q, allowed is one such as https://app.example", origin))
	}
}
