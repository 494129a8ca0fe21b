package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/settings"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const orders = "spiffe://example/orders"

// pki is an authority, and what it has issued, as files.
type pki struct {
	t         *testing.T
	directory string
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, directory: t.TempDir()}
	p.key = p.newKey()
	p.authority = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	p.write("ca", p.authority, p.key)
	return p
}

func (p *pki) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	return key
}

// issue gives a certificate for localhost, with a URI if there is one.
func (p *pki) issue(name, uri string, serial int64) {
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if uri != "" {
		parsed, err := url.Parse(uri)
		if err != nil {
			p.t.Fatal(err)
		}
		certificate.URIs, certificate.DNSNames = []*url.URL{parsed}, nil
	}
	p.write(name, certificate, p.newKey())
}

func (p *pki) write(name string, certificate *x509.Certificate, key *ecdsa.PrivateKey) {
	der, err := x509.CreateCertificate(rand.Reader, certificate, p.authority, &key.PublicKey, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	encode := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	written(p.t, p.path(name+".pem"), encode("CERTIFICATE", der))
	written(p.t, p.path(name+"-key.pem"), encode("PRIVATE KEY", private))
}

func (p *pki) path(name string) string { return filepath.Join(p.directory, name) }

// connect is by TLS, with the certificate of that name.
func (p *pki) connect(address, name string) (sessiondv1.SessionServiceClient, func() int64) {
	own, err := tls.LoadX509KeyPair(p.path(name+".pem"), p.path(name+"-key.pem"))
	if err != nil {
		p.t.Fatal(err)
	}
	var serial int64
	config := &tls.Config{
		Certificates: []tls.Certificate{own},
		// Which certificate the agent shows is what is looked at here; whether it is good is not.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			serial = state.PeerCertificates[0].SerialNumber.Int64()
			return nil
		},
	}
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = connection.Close() })
	return sessiondv1.NewSessionServiceClient(connection), func() int64 { return serial }
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestByTLSTheNamedMayCallAsTheAgentAndCertificatesAreReadAgain(t *testing.T) {
	u, p := newUpstream(t), newPKI(t)
	p.issue("agent", "", 2)
	p.issue("orders", orders, 3)
	p.issue("other", "spiffe://example/other", 4)
	address := freePort(t)
	started(t, u, "--listen", address,
		"--tls-cert-file", p.path("agent.pem"), "--tls-key-file", p.path("agent-key.pem"), "--tls-client-ca-file", p.path("ca.pem"), "--anonymous", "validate", "--anonymous-names", orders)
	request := &sessiondv1.ValidateTokenRequest{Token: "a"}
	named, serial := p.connect(address, "orders")
	if _, err := named.ValidateToken(background(t), request); err != nil || serial() != 2 {
		t.Errorf("found %v, certificate %d", err, serial())
	}
	other, _ := p.connect(address, "other")
	if _, err := other.ValidateToken(background(t), request); status.Code(err) != codes.PermissionDenied {
		t.Errorf("found %v", err)
	}
	p.issue("agent", "", 5)
	for give := time.Now().Add(patience); ; {
		renewed, serial := p.connect(address, "orders")
		if _, err := renewed.ValidateToken(background(t), request); err != nil || time.Now().After(give) {
			t.Fatalf("found %v, certificate %d", err, serial())
		}
		if serial() == 5 {
			break
		}
	}
}

func TestSettingsThatAreNotSafeOrContradictAreRefused(t *testing.T) {
	nothing := func(string) (string, bool) { return "", false }
	port := []string{"--listen", "0.0.0.0:1"}
	tls := slices.Concat(port, []string{"--tls-cert-file", "c", "--tls-key-file", "k"})
	for expected, arguments := range map[string][]string{
		"--servers is missing":                          {},
		"in clear from beyond this machine":             port,
		"anybody could use the agent's rights":          slices.Concat(tls, []string{"--anonymous", "validate"}),
		"--anonymous-names are read in client":          slices.Concat(tls, []string{"--anonymous-names", "a"}),
		"allowed are validate, watch and none":          {"--anonymous", "validate,mint"},
		"only one of them can show":                     {"--key-file", "a", "--token-file", "b"},
		"--cert-file and --cert-key-file":               {"--cert-file", "a"},
		"--tls-cert-file and --tls-key-file":            {"--tls-cert-file", "a"},
		"is for callers by TLS":                         {"--tls-client-ca-file", "a"},
		"allowed is an octal mode":                      {"--socket-mode", "9"},
		"there are flags alone":                         {"serve"},
		"--cache-entries and --cache-bytes: allowed is": {"--cache-entries", "0"},
	} {
		if len(arguments) > 0 {
			arguments = append([]string{"--servers", "localhost:1"}, arguments...)
		}
		_, err := settings.Parse(arguments, nothing, io.Discard)
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%v: found %v", arguments, err)
		}
	}
}

func TestEveryFlagMayComeFromTheEnvironment(t *testing.T) {
	environment := func(name string) (string, bool) {
		value, ok := map[string]string{
			"SESSIOND_AGENT_SERVERS": "unix:/s", "SESSIOND_AGENT_LISTEN": "unix:/a",
			"SESSIOND_AGENT_CACHE_ENTRIES": "7",
		}[name]
		return value, ok
	}
	given, err := settings.Parse([]string{"--listen", "unix:/b"}, environment, io.Discard)
	if err != nil || given.Servers != "unix:/s" || given.CacheEntries != 7 || given.Listen != "unix:/b" {
		t.Errorf("found %+v, %v", given, err)
	}
	bad := func(name string) (string, bool) { return "x", name == "SESSIOND_AGENT_CACHE_ENTRIES" }
	if _, err := settings.Parse(nil, bad, io.Discard); err == nil ||
		!strings.Contains(err.Error(), "SESSIOND_AGENT_CACHE_ENTRIES") {
		t.Errorf("found %v", err)
	}
}
