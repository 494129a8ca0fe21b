package servers

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/internal/dial"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	patience   = 10 * time.Second
)

// named is a real server that answers any call by its name, and tells its health unless that is nil.
func named(t *testing.T, name string, tells *health.Server) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(frames.Codec{}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			if err := stream.RecvMsg(&frames.Message{}); err != nil {
				return err
			}
			return stream.SendMsg(frames.Of([]byte(name)))
		}))
	if tells != nil {
		grpc_health_v1.RegisterHealthServer(server, tells)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func says(status grpc_health_v1.HealthCheckResponse_ServingStatus) *health.Server {
	server := health.NewServer()
	server.SetServingStatus(sessiondv1.SessionService_ServiceDesc.ServiceName, status)
	return server
}

// inARow are the names of the servers that answer so many calls.
func inARow(t *testing.T, from *Servers, calls int) (names string) {
	t.Helper()
	for range calls {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		answer, err := from.Call(ctx, "/any.Service/Method", frames.Of(nil))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		names += string(answer.Message.Bytes())
	}
	return names
}

// answered waits until calls in a row are answered by these servers, and by no others.
func answered(t *testing.T, from *Servers, by string) {
	t.Helper()
	const calls = 8
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		found := inARow(t, from, calls)
		if strings.Trim(found, by) == "" && strings.Contains(found, by[:1]) && strings.Contains(found, by[len(by)-1:]) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("calls were answered by %s and not by %s", found, by)
		}
	}
}

func TestAServerThatSaysThatItDoesNotServeIsNotAsked(t *testing.T) {
	a, b := says(serving), says(notServing)
	addresses := strings.Join([]string{named(t, "a", a), named(t, "b", b)}, ",")
	from, err := Connect(addresses, dial.Files{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(from.Close)
	answered(t, from, "a")
	b.SetServingStatus(sessiondv1.SessionService_ServiceDesc.ServiceName, serving)
	answered(t, from, "ab")
	a.SetServingStatus(sessiondv1.SessionService_ServiceDesc.ServiceName, notServing)
	answered(t, from, "b")
	b.SetServingStatus(sessiondv1.SessionService_ServiceDesc.ServiceName, notServing)
	answered(t, from, "ab") // each says for itself what it cannot answer
}

func TestAServerThatDoesNotTellItsHealthIsAsked(t *testing.T) {
	addresses := strings.Join([]string{named(t, "a", nil), named(t, "b", says(serving))}, ",")
	from, err := Connect(addresses, dial.Files{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(from.Close)
	answered(t, from, "ab")
}

func TestAServerThatDoesNotKnowTheServiceIsNotAsked(t *testing.T) {
	addresses := strings.Join([]string{named(t, "a", health.NewServer()), named(t, "b", says(serving))}, ",")
	from, err := Connect(addresses, dial.Files{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(from.Close)
	answered(t, from, "b")
}
