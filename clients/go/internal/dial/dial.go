// Package dial makes connections to a sessiond that come back soon after an outage, and that are in clear
// only where nobody can listen.
package dial

import (
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	firstPause = 100 * time.Millisecond
	// longestPause is two minutes by gRPC's default: as long as an outage, once more.
	longestPause = time.Second
	// connectTimeout gives an attempt up whose packets are lost, in favour of the next.
	connectTimeout = 2 * time.Second
	// A server throws out who pings more often than every ten seconds.
	keepaliveTime    = 40 * time.Second
	keepaliveTimeout = 5 * time.Second
	roundRobin       = `{"loadBalancingConfig": [{"round_robin": {}}]}`
)

// ErrInClear says that a connection would be in clear beyond this machine.
var ErrInClear = errors.New("the connection would be in clear beyond this machine, with the caller's key " +
	"and the users' tokens on it: give TLS, or WithInsecure where something else keeps the network secret")

// Security is how a connection is kept secret; at most one of TLS and Files is set.
type Security struct {
	TLS      *tls.Config
	Files    *Files
	Insecure bool // in clear, wherever it leads
}

// Connect makes a connection to a target, which begins to connect at once. The further options come last.
func Connect(target string, security Security, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	secret, err := security.credentials(target)
	if err != nil {
		return nil, err
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(secret),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: firstPause, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestPause,
			},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: keepaliveTime, Timeout: keepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithIdleTimeout(0), // whoever calls after a pause does not wait for a handshake
		// A proxy of the environment would get what is in clear because it stays on this machine.
		grpc.WithNoProxy(),
		// Attempts are counted, and deadlines set, where a call is made: no name server has a say in it.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	}, more...)
	if strings.HasPrefix(target, "dns:") {
		options = append([]grpc.DialOption{grpc.WithDefaultServiceConfig(roundRobin)}, options...)
	}
	if security.Files != nil && security.Files.ServerName != "" {
		options = append([]grpc.DialOption{grpc.WithAuthority(security.Files.ServerName)}, options...)
	}
	connection, err := grpc.NewClient(target, options...)
	if err != nil {
		return nil, err
	}
	connection.Connect()
	return connection, nil
}

func (s Security) credentials(target string) (credentials.TransportCredentials, error) {
	switch {
	case s.TLS != nil:
		return credentials.NewTLS(s.TLS), nil
	case s.Files != nil:
		return newFileCredentials(*s.Files)
	case s.Insecure || IsLocal(target):
		return insecure.NewCredentials(), nil
	default:
		return nil, ErrInClear
	}
}
