// Package forwarding serves sessiond's service: from memory what is kept, and by the servers everything else.
package forwarding

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/relay"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/telemetry"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Upstream are the servers to which calls go on.
type Upstream interface {
	Call(ctx context.Context, method string, request *frames.Message) (*servers.Answer, error)
}

// Service is sessiond's service as the agent serves it.
type Service struct {
	Upstream  Upstream
	Callers   *callers.Callers
	Memory    *memory.Memory
	Relay     *relay.Relay
	Permits   *relay.Permits
	Watchers  *Watchers
	Telemetry *telemetry.Telemetry
}

// Name is that of the service.
var Name = sessiondv1.SessionService_ServiceDesc.ServiceName

// Register puts the service onto a server, which has to use [frames.Codec].
func (s *Service) Register(server grpc.ServiceRegistrar) {
	own := map[string]unary{
		"ValidateToken":  s.validate,
		"ValidateTokens": s.validateAll,
		"RevokeSession":  s.revoke,
	}
	desc := grpc.ServiceDesc{
		ServiceName: Name,
		HandlerType: (*any)(nil),
		Metadata:    sessiondv1.SessionService_ServiceDesc.Metadata,
	}
	for _, method := range sessiondv1.SessionService_ServiceDesc.Methods {
		handle := own[method.MethodName]
		if handle == nil {
			handle = s.forward(method.MethodName)
		}
		desc.Methods = append(desc.Methods, s.toMethod(method.MethodName, handle))
	}
	desc.Streams = []grpc.StreamDesc{{
		StreamName: "WatchRevocations", Handler: s.toStream("WatchRevocations", s.watch), ServerStreams: true,
	}}
	server.RegisterService(&desc, s)
}

type unary func(ctx context.Context, request *frames.Message) (*frames.Message, error)

func (s *Service) toMethod(name string, handle unary) grpc.MethodDesc {
	calls := s.Telemetry.Method(Name, name, "unary")
	return grpc.MethodDesc{MethodName: name, Handler: func(
		_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
	) (response any, err error) {
		request := &frames.Message{}
		err = decode(request)
		began := calls.Begin()
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "the agent has failed")
			}
			calls.End(began, status.Code(err))
		}()
		if err != nil {
			return nil, err
		}
		message, err := handle(ctx, request)
		if err != nil {
			return nil, err
		}
		return message, nil
	}}
}

func (s *Service) toStream(name string, handle grpc.StreamHandler) grpc.StreamHandler {
	calls := s.Telemetry.Method(Name, name, "server_stream")
	return func(service any, stream grpc.ServerStream) (err error) {
		began := calls.Begin()
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "the agent has failed")
			}
			calls.End(began, status.Code(err))
		}()
		return handle(service, stream)
	}
}

// Path is that below which the service's methods are.
var Path = method("")

func method(name string) string { return "/" + Name + "/" + name }

// forward has a server answer, in its caller's name alone.
func (s *Service) forward(name string) unary {
	path := method(name)
	return func(ctx context.Context, request *frames.Message) (*frames.Message, error) {
		authorization, err := s.Callers.Authorization(ctx, "")
		if err != nil {
			return nil, err
		}
		return s.ask(ctx, path, authorization, request)
	}
}

// Unknown forwards the methods of this service that servers have and this agent does not know, of one request and
// one answer.
func (s *Service) Unknown(ctx context.Context, path string, request *frames.Message) (*frames.Message, error) {
	authorization, err := s.Callers.Authorization(ctx, "")
	if err != nil {
		return nil, err
	}
	return s.ask(ctx, path, authorization, request)
}

// ask makes one call for one caller.
func (s *Service) ask(
	ctx context.Context, path string, authorization []string, request *frames.Message,
) (*frames.Message, error) {
	answer, err := s.Upstream.Call(onward(ctx, authorization), path, request)
	passBack(ctx, answer)
	if err != nil {
		return nil, failures.PassedOn(err)
	}
	return &answer.Message, nil
}

func (s *Service) revoke(ctx context.Context, request *frames.Message) (*frames.Message, error) {
	authorization, err := s.Callers.Authorization(ctx, "")
	if err != nil {
		return nil, err
	}
	answer, err := s.ask(ctx, method("RevokeSession"), authorization, request)
	if err == nil {
		s.Memory.Revoke(request.Bytes(), answer.Bytes())
	}
	return answer, err
}
