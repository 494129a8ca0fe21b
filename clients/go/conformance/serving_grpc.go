package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondgrpc"
)

// serveGRPC serves a backend until ctx is over.
func serveGRPC(ctx context.Context, client *sessiond.Client, c *command) object {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failure(err, true)
	}
	protect := sessiondgrpc.New(client, c.methods(), c.interceptors()...)
	server := grpc.NewServer(grpc.UnaryInterceptor(protect.Unary()), grpc.StreamInterceptor(protect.Stream()))
	shop := &shop{}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "conformance.v1.Backend",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{shop.unary("/conformance.v1.Backend/", "Unary")},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", Handler: shop.twice, ServerStreams: true},
			{StreamName: "ClientStream", Handler: shop.received, ClientStreams: true},
			{StreamName: "Bidi", Handler: shop.each, ServerStreams: true, ClientStreams: true},
		},
	}, nil)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "grpc.health.v1.Health",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{shop.unary("/grpc.health.v1.Health/", "Check")},
	}, nil)
	context.AfterFunc(ctx, server.Stop)
	go func() {
		if err := server.Serve(listener); err != nil {
			panic(err)
		}
	}()
	return listening(listener)
}

func (c *command) methods() sessiondgrpc.Methods {
	methods := sessiondgrpc.Methods{}
	for name, rule := range c.Methods {
		methods[name] = sessiondgrpc.Public
		if rule.Access == "required" {
			methods[name] = rule.policy()
		}
	}
	return methods
}

func (c *command) interceptors() []sessiondgrpc.Option {
	options := []sessiondgrpc.Option{sessiondgrpc.WithLogger(slog.New(slog.DiscardHandler))}
	for name, rule := range c.Methods {
		if rule.Consistency != nil {
			options = append(options, sessiondgrpc.WithOptions(name, rule.options()...))
		}
	}
	if c.Others != nil {
		options = append(options, sessiondgrpc.WithDefault(c.Others.policy()))
	}
	if c.DPoPOrigin != "" {
		options = append(options, sessiondgrpc.WithDPoP(c.DPoPOrigin))
	}
	return options
}

// shop is a service with a method of each shape, whose messages are texts.
type shop struct{ handled atomic.Int64 }

func (s *shop) unary(service, name string) grpc.MethodDesc {
	handle := func(ctx context.Context, _ any) (any, error) { return encoded(answered(ctx, &s.handled)), nil }
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(
			_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor,
		) (any, error) {
			request := new(wrapperspb.StringValue)
			if err := decode(request); err != nil {
				return nil, err
			}
			return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: service + name}, handle)
		},
	}
}

// twice answers one message with two.
func (s *shop) twice(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	told := encoded(answered(stream.Context(), &s.handled))
	if err := stream.SendMsg(told); err != nil {
		return err
	}
	return stream.SendMsg(told)
}

// received answers all messages with one.
func (s *shop) received(_ any, stream grpc.ServerStream) error {
	told := answered(stream.Context(), &s.handled)
	count := 0
	for ; ; count++ {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	told["received"] = count
	return stream.SendMsg(encoded(told))
}

// each answers each message with one.
func (s *shop) each(_ any, stream grpc.ServerStream) error {
	told := encoded(answered(stream.Context(), &s.handled))
	for {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(told); err != nil {
			return err
		}
	}
}

func encoded(told object) *wrapperspb.StringValue {
	text, err := json.Marshal(told)
	if err != nil {
		panic(err)
	}
	return wrapperspb.String(string(text))
}
