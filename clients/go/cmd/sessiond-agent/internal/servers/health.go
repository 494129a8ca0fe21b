package servers

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// healthAgain is how long after a watch of a server's health has ended the next one begins.
const healthAgain = time.Second

// server is one that can be reached, for as long as its connection lasts. It is not asked once it has said that it is
// about to stop, or while it says that it does not serve, as long as there are others. Where no server serves they are
// asked all the same: each knows for itself what it can still answer, and says why it cannot answer the rest.
type server struct{ isLeaving, isNotServing atomic.Bool }

func (s *server) isFit() bool { return !s.isLeaving.Load() && !s.isNotServing.Load() }

// serverOf is what is known of the server at the other end of a connection.
func serverOf(connection balancer.SubConn) *server {
	known, _ := connection.GetOrBuildProducer(watchers{}) // it closes with the connection
	return known.(*server)
}

// watchers build the watches of servers' health.
type watchers struct{}

func (watchers) Build(connection any) (balancer.Producer, func()) {
	s := &server{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.watch(ctx, grpc_health_v1.NewHealthClient(connection.(grpc.ClientConnInterface)))
	}()
	return s, func() {
		cancel()
		<-done
	}
}

// watch follows a server's health until the context ends. One that does not tell it is taken to serve.
func (s *server) watch(ctx context.Context, at grpc_health_v1.HealthClient) {
	for {
		err := s.follow(ctx, at)
		s.isNotServing.Store(false)
		if status.Code(err) == codes.Unimplemented {
			return
		}
		again := time.NewTimer(healthAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return
		}
	}
}

func (s *server) follow(ctx context.Context, at grpc_health_v1.HealthClient) error {
	request := &grpc_health_v1.HealthCheckRequest{Service: sessiondv1.SessionService_ServiceDesc.ServiceName}
	stream, err := at.Watch(ctx, request)
	if err != nil {
		return err
	}
	for {
		said, err := stream.Recv()
		if err != nil {
			return err
		}
		s.isNotServing.Store(said.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING)
	}
}
