package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestOrdersAreForWhomTheyAre(t *testing.T) {
	fake := sessiondtest.New(t)
	good := fake.Login("alice", "orders:read").AccessToken
	other := fake.Login("bob").AccessToken
	client := fake.Client()
	web := httptest.NewServer(routes(client))
	defer web.Close()
	orders := call(t, methods(client))
	for _, one := range []struct {
		token  string
		status int
		code   codes.Code
	}{
		{good, http.StatusOK, codes.OK},
		{other, http.StatusForbidden, codes.PermissionDenied},
		{"", http.StatusUnauthorized, codes.Unauthenticated},
	} {
		request, err := http.NewRequest("GET", web.URL+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if one.token != "" {
			request.Header.Set("Authorization", "Bearer "+one.token)
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+one.token)
		}
		answer, err := web.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != one.status {
			t.Errorf("over HTTP: %d, expected %d", answer.StatusCode, one.status)
		}
		if code := status.Code(orders(ctx)); code != one.code {
			t.Errorf("over gRPC: %v, expected %v", code, one.code)
		}
	}
}

// call asks a server for orders.
func call(t *testing.T, server *grpc.Server) func(context.Context) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	insecure := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection, err := grpc.NewClient(listener.Addr().String(), insecure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return func(ctx context.Context) error {
		return connection.Invoke(ctx, "/shop.v1.Orders/List", &emptypb.Empty{}, &wrapperspb.StringValue{})
	}
}
