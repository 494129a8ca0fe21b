package servers

import (
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/sessiond/sessiond/clients/go/internal/dial"
)

const listed = "sessiond-servers"

// target is where the servers are, as gRPC takes it.
type target struct {
	name    string
	options []grpc.DialOption
	isLocal bool
}

// parse reads addresses as they are given: one of gRPC's targets, or HOST:PORT with commas between.
func parse(given string) target {
	addresses := strings.Split(given, ",")
	if len(addresses) == 1 && strings.Contains(given, ":/") || strings.HasPrefix(given, "unix:") {
		return target{name: given, isLocal: dial.IsLocal(given)}
	}
	if len(addresses) == 1 {
		return target{name: "dns:///" + given, isLocal: dial.IsLocal(given)}
	}
	// Each connection has a resolver of its own, which has nothing to resolve.
	fixed, isLocal := manual.NewBuilderWithScheme(listed), true
	var state resolver.State
	for _, address := range addresses {
		address = strings.TrimSpace(address)
		host, _, _ := net.SplitHostPort(address)
		one := resolver.Address{Addr: address, ServerName: host}
		state.Addresses = append(state.Addresses, one)
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{one}})
		isLocal = isLocal && dial.IsLocal(address)
	}
	fixed.InitialState(state)
	return target{
		name:    listed + ":///",
		options: []grpc.DialOption{grpc.WithResolvers(fixed)},
		isLocal: isLocal,
	}
}
