package sessiondhttp_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func TestADPoPProofGoesWithItsRequestAsClientsKnowIt(t *testing.T) {
	saying := func(claims string) *validator { return &validator{session: &sessiond.Session{ClaimsJSON: claims}} }
	bound := saying(`{"cnf": {"jkt": "thumbprint"}}`)
	unbound := saying(`{"CNF": {"JKT": "x"}, "cnf": {"x5t#S256": "y"}}`)
	on := []sessiondhttp.Option{sessiondhttp.WithDPoP("https://public.example")}
	proof := sessiond.DPoP{Proof: "p.r.f", Method: "POST", URL: "https://public.example/orders"}
	header := func(proofs ...string) http.Header {
		return http.Header{"Authorization": {"DPoP a.b.c"}, "Dpop": proofs}
	}
	for _, row := range []struct {
		name    string
		options []sessiondhttp.Option
		asked   *validator
		header  http.Header
		status  int
		proof   sessiond.Option
	}{
		{"a proof", on, bound, header("p.r.f"), 200, proof},
		{"a token that is bound to no key", on, unbound, header("p.r.f"), 401, proof},
		{"no proof", on, bound, header(), 200, nil}, // the server rejects it
		{"two proofs", on, bound, header("p", "q"), 400, nil},
		{"two proofs in one", on, bound, header("p,q"), 400, nil},
		{
			"a bearer token with a proof", on, unbound,
			http.Header{"Authorization": {"Bearer a"}, "Dpop": {"p"}}, 200, nil,
		},
		{"without the option", nil, bound, header("p.r.f"), 200, nil}, // the server rejects it
		{"without the option, a token that is bound to no key", nil, unbound, header("p.r.f"), 401, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.asked.options = nil
			protected := sessiondhttp.New(row.asked, row.options...).Require(nil)(handler)
			answer := get(t, protected, "POST", row.header)
			var given sessiond.Option
			if len(row.asked.options) > 0 {
				given = row.asked.options[0]
			}
			if answer.Code != row.status || given != row.proof {
				t.Errorf("found %d, asked with %v", answer.Code, row.asked.options)
			}
		})
	}
	answer := get(t, sessiondhttp.New(bound, on...).Require(orders)(handler), "GET", nil)
	challenges := []string{`Bearer scope="orders:read orders:write"`, `DPoP scope="orders:read orders:write"`}
	if got := answer.Header()["Www-Authenticate"]; !slices.Equal(got, challenges) {
		t.Errorf("found %q", got)
	}
}

func TestAClientCertificateIsAProof(t *testing.T) {
	certificate := &x509.Certificate{Raw: []byte("der")}
	asked := accepting()
	request := httptest.NewRequest("GET", "https://api.example/", nil)
	request.Header = bearing("a")
	m := sessiondhttp.New(asked, sessiondhttp.WithCertificates(sessiondhttp.PeerCertificate))
	with := m.Require(nil, sessiond.Strict)(handler)
	for range 2 {
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
		with.ServeHTTP(httptest.NewRecorder(), request)
		both := []sessiond.Option{sessiond.Strict, sessiond.CertificateOf(certificate)}
		if !slices.Equal(asked.options, both) {
			t.Errorf("asked with %v", asked.options)
		}
		request.TLS = &tls.ConnectionState{}
		with.ServeHTTP(httptest.NewRecorder(), request)
		if !slices.Equal(asked.options, []sessiond.Option{sessiond.Strict}) {
			t.Errorf("without one: asked with %v", asked.options)
		}
	}
}
