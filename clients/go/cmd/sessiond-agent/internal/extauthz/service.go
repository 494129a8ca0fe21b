package extauthz

import (
	"context"

	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
)

// Register puts Check onto a server, which has to use [frames.Codec].
func (s *Server) Register(server grpc.ServiceRegistrar) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "envoy.service.auth.v3.Authorization",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Check", Handler: s.handle}},
		Metadata:    "envoy/service/auth/v3/external_auth.proto",
	}, s)
}

func (s *Server) handle(
	_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
) (any, error) {
	message := &frames.Message{}
	if err := decode(message); err != nil {
		return nil, failures.MessageMalformed
	}
	defer message.Free()
	answer, err := s.Check(ctx, message.Bytes())
	if err != nil {
		return nil, err
	}
	return frames.Of(answer), nil
}
