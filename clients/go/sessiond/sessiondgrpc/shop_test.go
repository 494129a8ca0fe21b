package sessiondgrpc_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

const (
	list   = "/shop.v1.Orders/List"
	follow = "/shop.v1.Orders/Follow"
)

// validator gives what a test says, and remembers what it was asked.
type validator struct {
	session *sessiond.Session
	err     error

	mu      sync.Mutex
	tokens  []string
	policy  *sessiond.Policy
	options []sessiond.Option
}

func (v *validator) Validate(
	_ context.Context, token string, policy *sessiond.Policy, options ...sessiond.Option,
) (*sessiond.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens, v.policy, v.options = append(v.tokens, token), policy, options
	return v.session, v.err
}

func accepting() *validator { return &validator{session: &sessiond.Session{Subject: "alice"}} }

// shop is a server with a unary method and a stream, which say for whom they were called.
type shop struct {
	connection *grpc.ClientConn
	mu         sync.Mutex
	called     []string
	context    context.Context
}

func (s *shop) enter(ctx context.Context, method string) *wrapperspb.StringValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.called, s.context = append(s.called, method), ctx
	if session, ok := sessiond.FromContext(ctx); ok {
		return wrapperspb.String(session.Subject)
	}
	return wrapperspb.String("nobody")
}

func newShop(t *testing.T, protect *sessiondgrpc.Interceptors, options ...grpc.DialOption) *shop {
	t.Helper()
	s := &shop{}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(protect.Unary()), grpc.StreamInterceptor(protect.Stream()),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return nil }),
	)
	server.RegisterService(s.description(), s)
	healthv1.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:///shop", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return listener.DialContext(ctx)
		}),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	s.connection = connection
	return s
}

func (s *shop) description() *grpc.ServiceDesc {
	unary := func(
		_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor,
	) (any, error) {
		request := &emptypb.Empty{}
		if err := decode(request); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, _ any) (any, error) { return s.enter(ctx, list), nil }
		return intercept(ctx, request, &grpc.UnaryServerInfo{Server: s, FullMethod: list}, handle)
	}
	stream := func(_ any, stream grpc.ServerStream) error {
		return stream.SendMsg(s.enter(stream.Context(), follow))
	}
	return &grpc.ServiceDesc{
		ServiceName: "shop.v1.Orders",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "List", Handler: unary}},
		Streams:     []grpc.StreamDesc{{StreamName: "Follow", Handler: stream, ServerStreams: true}},
	}
}

// call is what a method of the shop answers, with its trailer.
func (s *shop) call(ctx context.Context, method string) (string, metadata.MD, error) {
	if method == follow {
		return s.follow(ctx)
	}
	var trailer metadata.MD
	answer := &wrapperspb.StringValue{}
	err := s.connection.Invoke(ctx, method, &emptypb.Empty{}, answer, grpc.Trailer(&trailer))
	return answer.GetValue(), trailer, err
}

func (s *shop) follow(ctx context.Context) (string, metadata.MD, error) {
	answer := &wrapperspb.StringValue{}
	stream, err := s.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, follow)
	if err != nil {
		return "", nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return "", nil, err
	}
	err = stream.RecvMsg(answer)
	return answer.GetValue(), stream.Trailer(), err
}

// bearing is a context for a call with such values of authorization.
func bearing(t *testing.T, values ...string) context.Context {
	t.Helper()
	pairs := metadata.MD{}
	if len(values) > 0 {
		pairs["authorization"] = values
	}
	return metadata.NewOutgoingContext(t.Context(), pairs)
}
