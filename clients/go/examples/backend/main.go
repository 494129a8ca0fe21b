// Backend is a service whose callers have access tokens: over HTTP, and over gRPC.
//
//	go run ./examples/backend -sessiond unix:/run/sessiond/agent.sock
//	curl -H "Authorization: Bearer $ACCESS_TOKEN" http://127.0.0.1:8000/orders
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

var orders = sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})

func main() {
	target := flag.String("sessiond", "127.0.0.1:50051", "where sessiond, or its agent, listens: host:port or unix:PATH")
	overHTTP := flag.String("http", "127.0.0.1:8000", "where to serve HTTP")
	overGRPC := flag.String("grpc", "127.0.0.1:9000", "where to serve gRPC")
	flag.Parse()

	client, err := sessiond.New(*target)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, client, *overHTTP, *overGRPC); err != nil {
		log.Fatal(err)
	}
}

// serve ends with the context.
func serve(ctx context.Context, client sessiond.Validator, overHTTP, overGRPC string) error {
	listener, err := net.Listen("tcp", overGRPC)
	if err != nil {
		return err
	}
	web := &http.Server{Addr: overHTTP, Handler: routes(client), ReadHeaderTimeout: 5 * time.Second}
	calls := methods(client)
	ended := make(chan error, 2)
	go func() { ended <- web.ListenAndServe() }()
	go func() { ended <- calls.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	calls.GracefulStop()
	return errors.Join(err, web.Shutdown(context.WithoutCancel(ctx)))
}

func routes(client sessiond.Validator) http.Handler {
	protect := sessiondhttp.New(client)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", protect.Require(orders)(http.HandlerFunc(listOrders)))
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	session, _ := sessiond.FromContext(r.Context())
	fmt.Fprintln(w, "orders of", session.Subject)
}

func methods(client sessiond.Validator) *grpc.Server {
	protect := sessiondgrpc.New(client, sessiondgrpc.Methods{"/shop.v1.Orders/*": orders})
	server := grpc.NewServer(grpc.UnaryInterceptor(protect.Unary()), grpc.StreamInterceptor(protect.Stream()))
	server.RegisterService(&shop, nil)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server
}

// shop stands for a service that protoc-gen-go-grpc has made: List takes nothing, and gives a text.
var shop = grpc.ServiceDesc{
	ServiceName: "shop.v1.Orders",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "List", Handler: func(
		server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor,
	) (any, error) {
		request := &emptypb.Empty{}
		if err := decode(request); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{Server: server, FullMethod: "/shop.v1.Orders/List"}
		return intercept(ctx, request, info, func(ctx context.Context, _ any) (any, error) {
			session, _ := sessiond.FromContext(ctx)
			return wrapperspb.String("orders of " + session.Subject), nil
		})
	}}},
}
