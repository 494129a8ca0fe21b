package telemetry

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Counted registers services whose calls are counted, beside those that count for themselves.
func (t *Telemetry) Counted(registrar grpc.ServiceRegistrar) grpc.ServiceRegistrar {
	return counted{registrar, t}
}

type counted struct {
	grpc.ServiceRegistrar
	telemetry *Telemetry
}

// RegisterService registers one.
func (c counted) RegisterService(desc *grpc.ServiceDesc, service any) {
	counting := *desc
	counting.Methods, counting.Streams = nil, nil
	for _, method := range desc.Methods {
		calls := c.telemetry.Method(desc.ServiceName, method.MethodName, "unary")
		counting.Methods = append(counting.Methods, grpc.MethodDesc{
			MethodName: method.MethodName, Handler: calls.unary(method.Handler),
		})
	}
	for _, stream := range desc.Streams {
		stream.Handler = c.telemetry.Method(desc.ServiceName, stream.StreamName, "server_stream").stream(stream.Handler)
		counting.Streams = append(counting.Streams, stream)
	}
	c.ServiceRegistrar.RegisterService(&counting, service)
}

func (m *Method) unary(handle grpc.MethodHandler) grpc.MethodHandler {
	return func(
		service any, ctx context.Context, decode func(any) error, between grpc.UnaryServerInterceptor,
	) (response any, err error) {
		began := m.Begin()
		defer func() { m.End(began, status.Code(err)) }()
		return handle(service, ctx, decode, between)
	}
}

func (m *Method) stream(handle grpc.StreamHandler) grpc.StreamHandler {
	return func(service any, stream grpc.ServerStream) (err error) {
		began := m.Begin()
		defer func() { m.End(began, status.Code(err)) }()
		return handle(service, stream)
	}
}
