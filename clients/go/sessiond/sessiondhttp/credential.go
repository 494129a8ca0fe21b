package sessiondhttp

import (
	"net/http"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

func (m *Middleware) credential(r *http.Request) (credentials.Credential, error) {
	found, err := credentials.FromAuthorization(r.Header["Authorization"])
	if err != nil || found.Token != "" || m.cookie == "" {
		return found, err
	}
	return credentials.FromCookies(r.Header["Cookie"], m.cookie)
}

// proof is what shows that the bearer has the key of a bound token; nil for none. Which proof a token needs
// is for the server to say.
func (m *Middleware) proof(r *http.Request, scheme credentials.Scheme) (sessiond.Proof, error) {
	if scheme == credentials.DPoP {
		return credentials.ProofOf(r.Header["Dpop"], r.Method, m.dpopOrigin, r.URL.EscapedPath())
	}
	if m.certificate == nil {
		return nil, nil
	}
	certificate := m.certificate(r)
	if certificate == nil {
		return nil, nil
	}
	return sessiond.CertificateOf(certificate), nil
}
