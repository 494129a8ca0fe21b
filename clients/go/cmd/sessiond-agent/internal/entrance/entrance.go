// Package entrance lets calls in. Who opens one has to bring its message in time and to take its answer, and what
// all of them hold is bounded: gRPC itself bounds what comes on one connection, but neither how long a call may be
// silent nor what many connections hold.
package entrance

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

// The figures are the server's.
const (
	mostOthers    = 100
	watchesOfEach = 2
)

// What a call holds beside its message. The answer to a batch may be many times as long as the request.
const (
	ofACall  int64 = 16 << 10
	ofABatch       = 8 * ofACall
	batch          = "ValidateTokens"
)

// Entrance is that of one server. It is safe for many goroutines.
type Entrance struct {
	silent silent
	held   budget
	ending chan struct{}
	others atomic.Int64
	late   atomic.Uint64
	shed   atomic.Uint64
	deaf   atomic.Uint64
}

// New is one that lets calls in.
func New() *Entrance { return &Entrance{ending: make(chan struct{})} }

// Stop ends the watches of health, which would go on for as long as their watchers like.
func (e *Entrance) Stop() { close(e.ending) }

// registrar puts services behind the entrance. Their methods become streams, which are entered when there are
// headers: until there is a message too, nobody can end a unary method but its caller.
type registrar struct {
	*grpc.Server
	entrance *Entrance
	ofACall  int64
	ofHealth bool
	enter    func(*listening.Connection) (leave func(), err error)
}

// Calls registers services of which each call counts; their streams are bounded by themselves.
func (e *Entrance) Calls(server *grpc.Server) grpc.ServiceRegistrar {
	return registrar{server, e, ofACall, false, func(*listening.Connection) (func(), error) { return func() {}, nil }}
}

// Health registers the health service, which answers whatever else is going on.
func (e *Entrance) Health(server *grpc.Server) grpc.ServiceRegistrar {
	return registrar{server, e, 0, true, func(c *listening.Connection) (func(), error) {
		return few(&c.Watches, watchesOfEach, failures.TooManyHealthWatches)
	}}
}

// Others registers a service that is there for people.
func (e *Entrance) Others(server *grpc.Server) interface {
	grpc.ServiceRegistrar
	GetServiceInfo() map[string]grpc.ServiceInfo
} {
	return registrar{server, e, 0, false, func(*listening.Connection) (func(), error) {
		return few(&e.others, mostOthers, failures.Overloaded())
	}}
}

func few(count *atomic.Int64, most int64, refusal error) (leave func(), err error) {
	if count.Add(1) > most {
		count.Add(-1)
		return nil, refusal
	}
	return func() { count.Add(-1) }, nil
}

// RegisterService registers one.
func (r registrar) RegisterService(desc *grpc.ServiceDesc, service any) {
	behind := *desc
	behind.Methods, behind.Streams = nil, nil
	for _, method := range desc.Methods {
		behind.Streams = append(behind.Streams, grpc.StreamDesc{
			StreamName: method.MethodName, Handler: r.unary(method), ServerStreams: true,
		})
	}
	for _, stream := range desc.Streams {
		stream.Handler = r.stream(stream.Handler)
		behind.Streams = append(behind.Streams, stream)
	}
	r.Server.RegisterService(&behind, service)
}

func (r registrar) unary(method grpc.MethodDesc) grpc.StreamHandler {
	beside := r.ofACall
	if method.MethodName == batch {
		beside = ofABatch
	}
	return func(service any, stream grpc.ServerStream) error {
		v := r.entrance.visit(stream, beside)
		defer v.leave()
		answer, err := method.Handler(service, stream.Context(), v.bring, nil)
		if err != nil {
			return err
		}
		return v.SendMsg(answer)
	}
}

func (r registrar) stream(handle grpc.StreamHandler) grpc.StreamHandler {
	return func(service any, stream grpc.ServerStream) error {
		v := r.entrance.visit(stream, 0)
		defer v.leave()
		leave, err := r.enter(v.connection)
		if err != nil {
			return err
		}
		defer leave()
		if r.ofHealth {
			return v.untilStopped(func() error { return handle(service, v) })
		}
		return handle(service, v)
	}
}

// Unknown is the handler of methods that nobody has registered: those below a path are of one request and one answer,
// and of others no message is awaited.
func (e *Entrance) Unknown(
	below string,
	handle func(ctx context.Context, path string, request *frames.Message) (*frames.Message, error),
) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		path, _ := grpc.MethodFromServerStream(stream)
		if !strings.HasPrefix(path, below) {
			return failures.MethodUnknown
		}
		v := e.visit(&alone{stream}, ofACall)
		defer v.leave()
		request := &frames.Message{}
		if err := v.bring(request); err != nil {
			return err
		}
		answer, err := handle(stream.Context(), path, request)
		if err != nil {
			return err
		}
		return v.SendMsg(answer)
	}
}

// visit is a call that has come in.
type visit struct {
	grpc.ServerStream
	entrance   *Entrance
	connection *listening.Connection
	ctx        context.Context
	isThere    bool
	beside     int64 // what it holds beside its message; nothing for what answers whatever else is going on
	held       hold
}

func (e *Entrance) visit(stream grpc.ServerStream, beside int64) *visit {
	ctx := stream.Context()
	connection := listening.From(ctx)
	connection.Use()
	return &visit{ServerStream: stream, ctx: ctx, entrance: e, connection: connection, beside: beside}
}

func (v *visit) leave() { v.entrance.held.end(v.connection, v.held) }

// Context is that of the call.
func (v *visit) Context() context.Context { return v.ctx }

// untilStopped ends a stream with the entrance, too.
func (v *visit) untilStopped(handle func() error) error {
	ctx, cancel := context.WithCancel(v.ctx)
	defer cancel()
	v.ctx = ctx
	go func() {
		select {
		case <-v.entrance.ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := handle()
	select {
	case <-v.entrance.ending:
		return failures.ShuttingDown
	default:
		return err
	}
}

// bring is the decoder of a method of one request.
func (v *visit) bring(into any) error {
	request, isRaw := into.(*frames.Message)
	if !isRaw {
		request = &frames.Message{}
	}
	if err := v.RecvMsg(request); err != nil {
		return err
	}
	if v.beside > 0 {
		held, hasRoom := v.entrance.held.take(v.connection, v.beside+int64(request.Data.Len()))
		if !hasRoom {
			v.entrance.shed.Add(1)
			return v.refused()
		}
		v.held = held
	}
	if isRaw {
		return nil
	}
	defer request.Free()
	if message, ok := into.(proto.Message); !ok || proto.Unmarshal(request.Bytes(), message) != nil {
		return failures.MessageMalformed
	}
	return nil
}

// RecvMsg is the next message; the first one has to come in time.
func (v *visit) RecvMsg(into any) error {
	if v.isThere {
		return v.ServerStream.RecvMsg(into)
	}
	v.isThere = true
	silent := &v.entrance.silent
	if silent.enterPatiently() {
		err := v.ServerStream.RecvMsg(into)
		silent.leavePatiently()
		return err
	}
	err := silent.hurry(v.connection, func() error { return v.ServerStream.RecvMsg(into) })
	if err == errLate {
		v.entrance.late.Add(1)
		return v.refused()
	}
	return err
}

// refused says when to come back, to those too who know gRPC alone.
func (v *visit) refused() error {
	refusal := failures.Overloaded()
	v.SetTrailer(failures.Pushback(refusal))
	return refusal
}

// alone is a stream of which the first message is the only one.
type alone struct{ grpc.ServerStream }

func (a *alone) RecvMsg(into any) error {
	if err := a.ServerStream.RecvMsg(into); err != nil {
		return err
	}
	if a.ServerStream.RecvMsg(&frames.Message{}) == nil {
		return failures.MessageMalformed
	}
	return nil
}
