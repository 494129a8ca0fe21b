// Package callers says whose rights a call has at the servers: its caller's own, or the agent's.
package callers

import (
	"context"
	"crypto/x509"
	"slices"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
)

// Header is that by which callers show who they are.
const Header = "authorization"

// Group is what a call needs of its caller; the empty one is of whatever the agent does for nobody.
type Group string

// The groups of which the agent may take calls without a key.
const (
	Validate Group = "validate"
	Watch    Group = "watch"
)

// Identity gives the header of the agent itself; empty where something else shows who it is.
type Identity interface{ Authorization() string }

// Callers are those of one listener.
type Callers struct {
	// Identity is the agent's own.
	Identity Identity
	// Anonymous is what a caller without a key may do as the agent.
	Anonymous []Group
	// Names are those of which one has to be in the client certificate of such a caller; nil where everybody
	// who reaches the listener is one.
	Names []string
}

// Authorization are the headers with which a call goes on: those that it came with, whatever they are. Only a
// call that has none may get the agent's, which is never added to others.
func (c *Callers) Authorization(ctx context.Context, group Group) ([]string, error) {
	if own := metadata.ValueFromIncomingContext(ctx, Header); len(own) > 0 {
		return own, nil
	}
	if !slices.Contains(c.Anonymous, group) || !c.isNamed(ctx) {
		return nil, failures.CallerUnknown
	}
	return OfAgent(c.Identity), nil
}

// IsKnown says whether a call came with headers of its own that are to show who calls.
func IsKnown(ctx context.Context) bool {
	return len(metadata.ValueFromIncomingContext(ctx, Header)) > 0
}

// OfAgent are the headers of the agent itself.
func OfAgent(identity Identity) []string {
	if own := identity.Authorization(); own != "" {
		return []string{own}
	}
	return nil
}

func (c *Callers) isNamed(ctx context.Context) bool {
	if c.Names == nil {
		return true
	}
	from, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return false
	}
	return slices.ContainsFunc(namesOf(info.State.PeerCertificates[0]), func(name string) bool {
		return slices.Contains(c.Names, name)
	})
}

func namesOf(certificate *x509.Certificate) []string {
	names := slices.Clone(certificate.DNSNames)
	for _, uri := range certificate.URIs {
		names = append(names, uri.String())
	}
	return names
}
