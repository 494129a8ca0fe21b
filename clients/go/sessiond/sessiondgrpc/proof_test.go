package sessiondgrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

func TestADPoPProofGoesWithItsCall(t *testing.T) {
	bound := &validator{session: &sessiond.Session{Subject: "alice", ClaimsJSON: `{"cnf": {"jkt": "x"}}`}}
	methods := sessiondgrpc.Methods{list: nil}
	on := sessiondgrpc.WithDPoP("https://api.example")
	call := func(v *validator, proofs []string, options ...sessiondgrpc.Option) error {
		v.options = nil
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": {"DPoP a"}, "dpop": proofs})
		_, _, err := newShop(t, sessiondgrpc.New(v, methods, options...)).call(ctx, list)
		return err
	}
	proof := sessiond.DPoP{Proof: "p.r.f", Method: "POST", URL: "https://api.example" + list}
	err := call(bound, []string{"p.r.f"}, on)
	if err != nil || !slices.Equal(bound.options, []sessiond.Option{proof}) {
		t.Errorf("found %v, asked with %v", err, bound.options)
	}
	if err := call(bound, []string{"p", "q"}, on); status.Code(err) != codes.Unauthenticated {
		t.Errorf("two proofs: found %v", err)
	}
	if err := call(bound, []string{"p.r.f"}); err != nil || len(bound.options) > 0 {
		t.Errorf("without the option: found %v, asked with %v", err, bound.options)
	}
	if err := call(accepting(), []string{"p.r.f"}, on); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a token that is bound to no key: found %v", err)
	}
}

func TestAClientCertificateIsAProof(t *testing.T) {
	certificate := &x509.Certificate{Raw: []byte("der")}
	from := func(context.Context) *x509.Certificate { return certificate }
	asked := accepting()
	methods := sessiondgrpc.Methods{list: nil}
	shop := newShop(t, sessiondgrpc.New(asked, methods, sessiondgrpc.WithCertificates(from)))
	proof := []sessiond.Option{sessiond.CertificateOf(certificate)}
	if _, _, err := shop.call(bearing(t, "Bearer a"), list); err != nil || !slices.Equal(asked.options, proof) {
		t.Errorf("found %v, asked with %v", err, asked.options)
	}
	ofPeers := sessiondgrpc.WithCertificates(sessiondgrpc.PeerCertificate)
	shop = newShop(t, sessiondgrpc.New(asked, methods, ofPeers))
	if _, _, err := shop.call(bearing(t, "Bearer a"), list); err != nil || len(asked.options) > 0 {
		t.Errorf("without TLS: found %v, asked with %v", err, asked.options)
	}
	secure := credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}}
	ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: secure})
	if found := sessiondgrpc.PeerCertificate(ctx); found != certificate {
		t.Errorf("found %v", found)
	}
	ctx = peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{}})
	if found := sessiondgrpc.PeerCertificate(ctx); found != nil {
		t.Errorf("a connection without one: found %v", found)
	}
}
