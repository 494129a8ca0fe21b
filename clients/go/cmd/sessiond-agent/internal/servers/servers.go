// Package servers are those that decide: connections to them, and who the agent is there.
package servers

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/internal/dial"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	// crowded is how many calls a connection has before another one is made: a server takes 100 of each.
	crowded = 80
	lanes   = 4
	// mostBytes of an answer are more than a server sends.
	mostBytes = 16 << 20
)

// Servers are those at one target.
type Servers struct {
	given    string
	files    dial.Files
	insecure bool
	lanes    [lanes]lane
}

// lane is one connection to each server.
type lane struct {
	once       sync.Once
	connection atomic.Pointer[grpc.ClientConn]
	calls      atomic.Int64
}

// Connect begins to connect; what cannot work at all is an error. Beyond this machine it is by TLS, with the
// system's authorities unless the files name others, or in clear where that is insisted on.
func Connect(given string, files dial.Files, insecure bool) (*Servers, error) {
	s := &Servers{given: given, files: files, insecure: insecure}
	first, err := s.connect()
	if err != nil {
		return nil, err
	}
	s.lanes[0].once.Do(func() { s.lanes[0].connection.Store(first) })
	return s, nil
}

func (s *Servers) connect() (*grpc.ClientConn, error) {
	target := parse(s.given)
	security := dial.Security{Files: &s.files}
	if (target.isLocal || s.insecure) && s.files == (dial.Files{}) {
		security = dial.Security{Insecure: true}
	}
	options := append(target.options,
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostBytes)), grpc.WithDefaultServiceConfig(configInTurn))
	return dial.Connect(target.name, security, options...)
}

// Close ends every connection.
func (s *Servers) Close() {
	for i := range s.lanes {
		s.lanes[i].once.Do(func() {})
		if connection := s.lanes[i].connection.Load(); connection != nil {
			_ = connection.Close()
		}
	}
}

// Answer is what a call has brought beside its error.
type Answer struct {
	Message         frames.Message
	Header, Trailer metadata.MD
}

// Call makes a call, with the metadata that its context has for it. Where a server is about to stop, and has begun
// nothing, another one gets it.
func (s *Servers) Call(ctx context.Context, method string, request *frames.Message) (*Answer, error) {
	ctx, own := withTries(ctx)
	answer, err := s.call(ctx, method, request)
	for failures.Reason(err) == failures.Stopping {
		own.leave()
		next, nextErr := s.call(ctx, method, request)
		if own.hasNoOther {
			break
		}
		answer, err = next, nextErr
	}
	return answer, err
}

func (s *Servers) call(ctx context.Context, method string, request *frames.Message) (*Answer, error) {
	lane := s.free()
	lane.calls.Add(1)
	defer lane.calls.Add(-1)
	answer := &Answer{}
	err := lane.connection.Load().Invoke(ctx, method, request, &answer.Message,
		grpc.ForceCodecV2(frames.Codec{}), grpc.Header(&answer.Header), grpc.Trailer(&answer.Trailer))
	return answer, err
}

// Watch opens a stream of revocations, with the authorization of whom it is for.
func (s *Servers) Watch(
	ctx context.Context, authorization []string, fromRevision string,
) (grpc.ServerStreamingClient[sessiondv1.WatchRevocationsResponse], error) {
	md := metadata.MD{}
	if len(authorization) > 0 {
		md["authorization"] = authorization
	}
	stub := sessiondv1.NewSessionServiceClient(s.lanes[0].connection.Load())
	request := &sessiondv1.WatchRevocationsRequest{FromRevision: fromRevision}
	return stub.WatchRevocations(metadata.NewOutgoingContext(ctx, md), request)
}

// free is the first lane that is not crowded, or that with the fewest calls.
func (s *Servers) free() *lane {
	best := &s.lanes[0]
	for i := range s.lanes {
		lane := &s.lanes[i]
		if lane.calls.Load() < crowded {
			lane.once.Do(func() {
				if connection, err := s.connect(); err == nil {
					lane.connection.Store(connection)
				}
			})
			if lane.connection.Load() != nil {
				return lane
			}
		} else if lane.calls.Load() < best.calls.Load() {
			best = lane
		}
	}
	return best
}

// Follow tells whether a server can be reached, at first and whenever that changes, until the context ends.
func (s *Servers) Follow(ctx context.Context, tell func(isReachable bool)) {
	connection := s.lanes[0].connection.Load()
	for {
		state := connection.GetState()
		switch state {
		case connectivity.Ready:
			tell(true)
		case connectivity.TransientFailure, connectivity.Shutdown:
			tell(false)
		case connectivity.Idle:
			connection.Connect()
		}
		if !connection.WaitForStateChange(ctx, state) {
			return
		}
	}
}
