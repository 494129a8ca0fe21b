package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
)

// Files are PEM files for TLS; empty names are left out.
type Files struct {
	Authorities, Certificate, PrivateKey, ServerName string
}

// fileCredentials reads its files for every handshake: a certificate may be replaced while a client lives.
type fileCredentials struct{ files Files }

func newFileCredentials(files Files) (credentials.TransportCredentials, error) {
	if _, err := files.config(); err != nil {
		return nil, err
	}
	return fileCredentials{files}, nil
}

func (f Files) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.Authorities != "" {
		text, err := os.ReadFile(f.Authorities)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: found no certificate in PEM", f.Authorities)
		}
	}
	if f.Certificate != "" || f.PrivateKey != "" {
		own, err := tls.LoadX509KeyPair(f.Certificate, f.PrivateKey)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

func (c fileCredentials) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	config, err := c.files.config()
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
}

func (c fileCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these credentials are for clients")
}

func (c fileCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (c fileCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName is required, and nothing calls it: the name to expect is the connection's authority.
func (c fileCredentials) OverrideServerName(string) error {
	return errors.New("the name to expect is the authority of the connection")
}
