package sessiondhttp

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
)

// Option is where a middleware takes tokens and proofs from, or how it answers.
type Option func(*Middleware)

// FromCookie takes the token of a browser's session from the cookie of a name, where a request has none in
// its Authorization header. A token there that is not good is never made up for by a cookie.
//
// A browser sends cookies with requests that another site makes it send. Such requests are denied, unless
// their method changes nothing: only those get through that say by Sec-Fetch-Site, or else by Origin, that
// this site or one of [TrustOrigins] made them. An upgrade, such as to WebSocket, counts as a change.
func FromCookie(name string) Option {
	if (&http.Cookie{Name: name, Value: "-"}).Valid() != nil {
		panic(fmt.Sprintf("sessiondhttp: cookie: found %q, allowed is the name of a cookie", name))
	}
	return func(m *Middleware) { m.cookie = name }
}

// TrustOrigins has further origins whose pages may send cookies, such as https://app.example.
func TrustOrigins(origins ...string) Option {
	for _, origin := range origins {
		credentials.RequireOrigin(origin)
	}
	return func(m *Middleware) { m.crossSite.Trusted = append(m.crossSite.Trusted, origins...) }
}

// AllowMissingOrigin lets requests with a cookie through that say neither by Sec-Fetch-Site nor by Origin
// where they come from. Browsers have said it for years; other clients may not.
func AllowMissingOrigin() Option {
	return func(m *Middleware) { m.crossSite.AllowsMissing = true }
}

// WithDPoP takes DPoP proofs (RFC 9449) for requests to an origin, such as https://api.example: the one that
// clients know, which a proxy may have changed on the way. What a request says of its own host is not taken:
// a proof that was made for another service could be used here with it.
//
// Without this option a token under the scheme DPoP is never good.
func WithDPoP(origin string) Option {
	credentials.RequireOrigin(origin)
	return func(m *Middleware) { m.dpopOrigin = origin }
}

// WithCertificates takes the client certificate of a request for the proof of a token that is bound to one
// (RFC 8705): [PeerCertificate], or one that a proxy hands on; nil for none. A validator is asked with it
// each time, past what it keeps.
func WithCertificates(certificate func(*http.Request) *x509.Certificate) Option {
	return func(m *Middleware) { m.certificate = certificate }
}

// PeerCertificate is the client certificate of the connection that a request came by; nil if there is none.
func PeerCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// WithRenderer writes the answers to requests that are denied in a form of one's own.
func WithRenderer(render Renderer) Option {
	return func(m *Middleware) { m.render = render }
}

// WithLogger tells of what only an operator can mend to a logger instead of [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(m *Middleware) { m.logger = logger }
}
