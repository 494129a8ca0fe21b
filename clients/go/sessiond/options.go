package sessiond

import (
	"crypto/tls"
	"time"

	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/dial"
)

// ClientOption is how a client is to be made.
type ClientOption func(*settings)

type settings struct {
	key             keySource
	tls             *tls.Config
	files           *dial.Files
	insecure        bool
	timeout         time.Duration
	providerTimeout time.Duration
	cache           Cache
	hasCache        bool
	batching        bool
	observer        Observer
	dialOptions     []grpc.DialOption
	clock           *clock.Clock
}

// Cache is how much a client may keep: acceptances alone, and no token among them. Zero is the default of a
// field: 10,000 entries, and 64 MiB.
type Cache struct {
	MaxEntries int
	MaxBytes   int64
}

// TLSFiles are PEM files for TLS to the server, which are read anew for each connection. All are optional:
// the authorities that may have issued the server's certificate (the system's), the caller's own certificate
// and private key, and the name to expect where it is not that of the address.
type TLSFiles struct {
	Authorities string
	Certificate string
	PrivateKey  string
	ServerName  string
}

const (
	defaultTimeout = time.Second
	// defaultProviderTimeout is longer than a server's own time for an exchange at a provider, 10 s.
	defaultProviderTimeout = 12 * time.Second
	defaultMaxEntries      = 10_000
	defaultMaxBytes        = 64 << 20
)

// WithKey shows who calls by the text of a key.
func WithKey(key string) ClientOption {
	return func(s *settings) { s.key = fixedKey{identify(key)} }
}

// WithKeyFile shows who calls by the key in a file, which is read anew when it changes.
func WithKeyFile(path string) ClientOption {
	return func(s *settings) { s.key = &keyFile{path: path} }
}

// WithKeyFunc shows who calls by the key that a function gives. It is asked for every call, answers from
// memory included, and has to be quick and safe for many goroutines. Its error ends the call.
func WithKeyFunc(key func() (string, error)) ClientOption {
	return func(s *settings) { s.key = keyFunc(key) }
}

// WithTLS encrypts the connection, with what a configuration says of authorities, certificates and names;
// nil says nothing of them.
func WithTLS(config *tls.Config) ClientOption {
	own := &tls.Config{MinVersion: tls.VersionTLS12}
	if config != nil {
		own = config.Clone()
	}
	return func(s *settings) { s.tls, s.files = own, nil }
}

// WithTLSFiles encrypts the connection, with files that may be replaced while the client lives.
func WithTLSFiles(files TLSFiles) ClientOption {
	return func(s *settings) { s.tls, s.files = nil, (*dial.Files)(&files) }
}

// WithInsecure allows a connection in clear beyond this machine, where something else keeps the network
// secret: the caller's key and the users' tokens go over it.
func WithInsecure() ClientOption {
	return func(s *settings) { s.insecure = true }
}

// WithTimeout is the time that a call has with all its attempts, one second by default.
func WithTimeout(timeout time.Duration) ClientOption {
	return func(s *settings) { s.timeout = timeout }
}

// WithProviderTimeout is the time of calls for which a provider may have to be asked: those that open or
// refresh a session. It is 12 seconds by default.
func WithProviderTimeout(timeout time.Duration) ClientOption {
	return func(s *settings) { s.providerTimeout = timeout }
}

// WithCache bounds what is kept.
func WithCache(cache Cache) ClientOption {
	return func(s *settings) { s.cache, s.hasCache = cache, true }
}

// WithoutCache keeps nothing: a server is asked every time, and nothing is followed.
func WithoutCache() ClientOption {
	return func(s *settings) { s.hasCache = false }
}

// WithoutBatching asks about each token in a call of its own. Otherwise what comes while two calls are under
// way goes together in the next one.
func WithoutBatching() ClientOption {
	return func(s *settings) { s.batching = false }
}

// WithObserver tells an observer what is done.
func WithObserver(observer Observer) ClientOption {
	return func(s *settings) { s.observer = observer }
}

// WithDialOptions adds options of gRPC, such as interceptors or a dialer. They come last, and can undo what
// this client relies on.
func WithDialOptions(options ...grpc.DialOption) ClientOption {
	return func(s *settings) { s.dialOptions = append(s.dialOptions, options...) }
}

func newSettings(options []ClientOption) (*settings, error) {
	s := &settings{
		key:             fixedKey{identify("")},
		clock:           &clock.System,
		timeout:         defaultTimeout,
		providerTimeout: defaultProviderTimeout,
		hasCache:        true,
		batching:        true,
	}
	for _, option := range options {
		option(s)
	}
	if s.cache.MaxEntries == 0 {
		s.cache.MaxEntries = defaultMaxEntries
	}
	if s.cache.MaxBytes == 0 {
		s.cache.MaxBytes = defaultMaxBytes
	}
	return s, s.check()
}

func (s *settings) check() error {
	for _, one := range []struct {
		name  string
		found time.Duration
	}{{"timeout", s.timeout}, {"provider timeout", s.providerTimeout}} {
		if one.found <= 0 {
			return invalid(one.name, one.found.String(), "more than 0 s")
		}
	}
	if s.cache.MaxEntries < 0 || s.cache.MaxBytes < 0 {
		return invalid("cache", "a bound below 1", "a whole number from 1 on, or 0 for the default")
	}
	return nil
}
