package sessiond

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/dial"
	"github.com/sessiond/sessiond/clients/go/internal/watch"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Client asks a sessiond. Use one for all of a process, from as many goroutines as there are: it has one
// connection, keeps acceptances, and joins what is asked at the same time.
//
// Every call ends within the client's timeout, or earlier with its context. Questions and revocations are
// made up to three times where a server is unavailable, refreshes too as long as the same token gets the
// same successor, and the opening of a session once.
type Client struct {
	settings   *settings
	connection *grpc.ClientConn
	caller     *caller
	closeOnce  func() error
	clock      *clock.Clock
	counters   counters
	calls      *calls
	memory     *memory          // nil where nothing is kept
	following  *watch.Following // nil likewise
}

// New makes a client for a target: host:port, dns:///name:port for all addresses of a name in turn, or
// unix:PATH. It connects in the background; what cannot work at all is an error.
//
// Without [WithTLS] or [WithTLSFiles] only a target on this machine is taken, unless [WithInsecure] is there.
func New(target string, options ...ClientOption) (*Client, error) {
	s, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	if _, err := s.key.identity(); err != nil {
		return nil, fmt.Errorf("sessiond: the caller's key: %w", err)
	}
	security := dial.Security{TLS: s.tls, Files: s.files, Insecure: s.insecure}
	connection, err := dial.Connect(target, security, s.dialOptions...)
	if err != nil {
		return nil, fmt.Errorf("sessiond: %w", err)
	}
	return newClient(connection, s), nil
}

func newClient(connection *grpc.ClientConn, s *settings) *Client {
	closed, closing := context.WithCancel(context.Background())
	c := &Client{
		settings:   s,
		connection: connection,
		clock:      s.clock,
		counters:   counters{observer: s.observer},
		caller: &caller{
			stub:     sessiondv1.NewSessionServiceClient(connection),
			observer: s.observer,
			closed:   closed.Done(),
		},
	}
	if s.hasCache {
		c.memory = newMemory(s.cache, c.clock)
		c.following = watch.Follow(c.source(), c.memory.known, c.clock)
	}
	c.calls = newCalls(c.caller, c.memory, c.clock, s)
	c.closeOnce = sync.OnceValue(func() error {
		closing()
		if c.following != nil {
			c.following.Close()
		}
		c.calls.close()
		return connection.Close()
	})
	return c
}

// Ready waits until there is a connection; its error is that of the context.
func (c *Client) Ready(ctx context.Context) error {
	for {
		state := c.connection.GetState()
		if state == connectivity.Ready {
			return nil
		}
		c.connection.Connect()
		if state == connectivity.Shutdown || !c.connection.WaitForStateChange(ctx, state) {
			return leftWaiting(ctx)
		}
	}
}

// Close ends the connection and every call under way, and waits for what this client does by itself.
func (c *Client) Close() error { return c.closeOnce() }

// plan is how a call is made, with the options that its caller gave.
func (c *Client) plan(method string, timeout time.Duration, options []CallOption) (plan, error) {
	wanted := callOptions{timeout: timeout}
	for _, option := range options {
		option.applyToCall(&wanted)
	}
	return c.planFor(method, wanted)
}

func (c *Client) planFor(method string, wanted callOptions) (plan, error) {
	who, err := c.identity()
	return plan{method, wanted.timeout, who.authorization, idempotent}, err
}

// withKey is a context for a call past the caller, with who calls.
func (c *Client) withKey(ctx context.Context) (context.Context, error) {
	who, err := c.identity()
	return metadata.NewOutgoingContext(ctx, header(who.authorization)), err
}

func (c *Client) identity() (identity, error) {
	who, err := c.settings.key.identity()
	if err != nil {
		return identity{}, fmt.Errorf("sessiond: the caller's key: %w", err)
	}
	return who, nil
}
