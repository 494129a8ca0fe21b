package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/settings"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// front is an agent that runs, and a connection to it.
type front struct {
	t          testing.TB
	address    string
	connection *grpc.ClientConn
	stub       sessiondv1.SessionServiceClient
}

// inFront runs an agent before a scripted server, and waits until it follows that.
func inFront(t testing.TB, u *upstream, arguments ...string) *front {
	t.Helper()
	f := started(t, u, arguments...)
	u.until(t, func() bool { return len(u.streams) > 0 })
	// Nothing is covered before what the stream began with is known: the first heartbeat of the agent shows it.
	stream := f.watch("")
	for {
		event, err := stream.Recv()
		if err != nil {
			stream = f.watch("")
		} else if fresh := event.GetFreshness(); fresh != nil && fresh.GetAge().AsDuration() < patience {
			return f
		}
	}
}

func started(t testing.TB, u *upstream, arguments ...string) *front {
	t.Helper()
	address := "unix:" + filepath.Join(t.TempDir(), "agent.sock")
	arguments = append([]string{"--servers", u.address, "--listen", address}, arguments...)
	given, err := settings.Parse(arguments, func(string) (string, bool) { return "", false }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, given, slog.New(slog.DiscardHandler)) }()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = connection.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &front{t, address, connection, sessiondv1.NewSessionServiceClient(connection)}
}

func (f *front) as(key string) context.Context {
	return metadata.AppendToOutgoingContext(background(f.t), "authorization", "Bearer "+key)
}

// validate asks as the caller whose key the context has, or as nobody.
func (f *front) validate(
	ctx context.Context, request *sessiondv1.ValidateTokenRequest,
) *sessiondv1.ValidateTokenResponse {
	f.t.Helper()
	response, err := f.stub.ValidateToken(ctx, request)
	if err != nil {
		f.t.Fatal(err)
	}
	return response
}

func (f *front) ask(token string) *sessiondv1.ValidateTokenResponse {
	f.t.Helper()
	return f.validate(background(f.t), &sessiondv1.ValidateTokenRequest{Token: token})
}

// raw makes a call of bytes.
func (f *front) raw(ctx context.Context, method string, request []byte, options ...grpc.CallOption) ([]byte, error) {
	answer := &frames.Message{}
	options = append(options, grpc.ForceCodecV2(frames.Codec{}))
	err := f.connection.Invoke(ctx, "/sessiond.v1.SessionService/"+method, frames.Of(request), answer, options...)
	return answer.Bytes(), err
}

func (f *front) watch(revision string) grpc.ServerStreamingClient[told] {
	f.t.Helper()
	request := &sessiondv1.WatchRevocationsRequest{FromRevision: revision}
	stream, err := f.stub.WatchRevocations(background(f.t), request)
	if err != nil {
		f.t.Fatal(err)
	}
	return stream
}

// settled waits until the agent's watchers have been told something, and so does the agent know it.
func (f *front) settled(u *upstream, events ...*told) {
	f.t.Helper()
	stream := f.watch("")
	if _, err := stream.Recv(); err != nil {
		f.t.Fatal(err)
	}
	marker := [16]byte{1}
	u.tell(events...)
	u.tell(revoked(session, marker, "marker"), fresh("r", 0))
	for {
		event, err := stream.Recv()
		if err != nil {
			f.t.Fatal(err)
		}
		if string(event.GetRevocation().GetHashedId()) == string(marker[:]) {
			break
		}
	}
	for range 2 { // the second heartbeat from here on comes behind what the agent has learnt
		if _, err := stream.Recv(); err != nil {
			f.t.Fatal(err)
		}
	}
}

func written(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
