package sessiondgrpc_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// client stands for a sessiond.Client.
var client = sessiondtest.ValidatorFunc(func(
	context.Context, string, *sessiond.Policy, ...sessiond.Option,
) (*sessiond.Session, error) {
	return sessiondtest.NewSession("alice", "orders:read"), nil
})

func Example() {
	protect := sessiondgrpc.New(client, sessiondgrpc.Methods{
		"/shop.v1.Orders/*":    sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}}),
		"/shop.v1.Catalogue/*": sessiondgrpc.Public,
	})
	_ = grpc.NewServer(grpc.UnaryInterceptor(protect.Unary()), grpc.StreamInterceptor(protect.Stream()))

	// What a server does with a call:
	handler := func(ctx context.Context, _ any) (any, error) {
		session, _ := sessiond.FromContext(ctx)
		return "orders of " + session.Subject, nil
	}
	info := &grpc.UnaryServerInfo{FullMethod: "/shop.v1.Orders/List"}
	with := metadata.NewIncomingContext(context.Background(), metadata.Pairs("authorization", "Bearer of.alice"))
	for _, ctx := range []context.Context{with, context.Background()} {
		answer, err := protect.Unary()(ctx, nil, info, handler)
		fmt.Println(answer, status.Code(err))
	}
	// Output:
	// orders of alice OK
	// <nil> Unauthenticated
}

func ExampleUnaryClient() {
	// Calls that a handler makes, with the context of its request, are made as its user.
	connection, err := grpc.NewClient("dns:///catalogue.internal:443",
		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
		grpc.WithUnaryInterceptor(sessiondgrpc.UnaryClient(sessiondgrpc.Forwarded)),
		grpc.WithStreamInterceptor(sessiondgrpc.StreamClient(sessiondgrpc.Forwarded)),
	)
	fmt.Println(connection.Target(), err)
	// Output: dns:///catalogue.internal:443 <nil>
}
