package sessiond

import (
	"crypto/sha256"
	"crypto/x509"
)

// Proof shows that a bearer has the key to which a token or a session is bound: a [Certificate] or a [DPoP].
// It is for one request, so that a verdict by it is neither kept nor shared.
type Proof interface {
	Option
	isProof()
}

// Certificate is the SHA-256 of the client certificate of a request, in DER (RFC 8705).
type Certificate [sha256.Size]byte

// CertificateOf is that of a parsed certificate, such as the first of a request's TLS.PeerCertificates.
func CertificateOf(certificate *x509.Certificate) Certificate { return sha256.Sum256(certificate.Raw) }

// DPoP is a DPoP proof and the request that it is for (RFC 9449).
type DPoP struct {
	Proof  string // the proof JWT, as in the DPoP header
	Method string
	URL    string // without query and fragment
}

func (c Certificate) applyTo(q *question) { q.proof = c }

func (d DPoP) applyTo(q *question) { q.proof = d }

func (Certificate) isProof() {}

func (DPoP) isProof() {}

// Bearer is who presents a refresh token. Within the grace the same bearer gets the same successor again. A
// session that is bound to a key needs a proof every time.
type Bearer struct {
	Device Device
	Proof  Proof
}
