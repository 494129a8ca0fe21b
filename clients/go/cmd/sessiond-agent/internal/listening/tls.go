package listening

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// Files are PEM files for TLS; with authorities, callers have to show a certificate of theirs.
type Files struct{ Certificate, PrivateKey, ClientAuthorities string }

// lookEvery is how long what was read is used without another look.
const lookEvery = time.Second

// certificates are read anew when they are replaced; as long as what is there cannot be used, the last stay.
type certificates struct {
	files Files
	told  func(error)

	mu     sync.Mutex
	looked time.Time
	last   *tls.Config
}

// Credentials are those of the files, which each handshake finds up to date. A failure to read them is told, and
// is an error only at first. The answer to expires is when the certificate does that is shown now.
func Credentials(files Files, told func(error)) (
	secret credentials.TransportCredentials, expires func() time.Time, err error,
) {
	c := &certificates{files: files, told: told}
	config, err := files.read()
	if err != nil {
		return nil, nil, err
	}
	c.last, c.looked = config, time.Now()
	expires = func() time.Time { return c.current(time.Now()).Certificates[0].Leaf.NotAfter }
	return credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(time.Now()), nil },
	}), expires, nil
}

func (c *certificates) current(now time.Time) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < lookEvery {
		return c.last
	}
	c.looked = now
	if config, err := c.files.read(); err != nil {
		c.told(err)
	} else {
		c.last = config
	}
	return c.last
}

func (f Files) read() (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(f.Certificate, f.PrivateKey)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{own},
	}
	if f.ClientAuthorities == "" {
		return config, nil
	}
	text, err := os.ReadFile(f.ClientAuthorities)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: found no certificate in PEM", f.ClientAuthorities)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
