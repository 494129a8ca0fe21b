package sessiond_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// server accepts every token for its subject, and tells nothing of revocations.
type server struct {
	sessiondv1.UnimplementedSessionServiceServer
	target string
	gate   chan struct{} // a question waits there, where it is set
	asked  chan struct{} // told of each question that waits
	// keepsStreams has streams among the calls.
	keepsStreams bool

	mu    sync.Mutex
	calls []call
	about []string // tokens
}

type call struct {
	method string
	header metadata.MD
}

func serve(t *testing.T) *server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{target: "unix:" + path, asked: make(chan struct{}, 100)}
	engine := grpc.NewServer(grpc.UnaryInterceptor(s.note), grpc.StreamInterceptor(s.noteStream))
	sessiondv1.RegisterSessionServiceServer(engine, s)
	go func() { _ = engine.Serve(listener) }()
	t.Cleanup(engine.Stop)
	return s
}

// client calls the server, and is closed with the test.
func (s *server) client(t *testing.T, options ...sessiond.ClientOption) *sessiond.Client {
	t.Helper()
	options = append([]sessiond.ClientOption{sessiond.WithTimeout(10 * time.Second)}, options...)
	client, err := sessiond.New(s.target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (s *server) note(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	s.keep(ctx, info.FullMethod)
	return handle(ctx, request)
}

func (s *server) noteStream(
	own any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	if s.keepsStreams {
		s.keep(stream.Context(), info.FullMethod)
	}
	return handle(own, stream)
}

func (s *server) keep(ctx context.Context, method string) {
	header, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call{filepath.Base(method), header})
}

func (s *server) seen() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call{}, s.calls...)
}

func (s *server) ValidateToken(
	ctx context.Context, request *sessiondv1.ValidateTokenRequest,
) (*sessiondv1.ValidateTokenResponse, error) {
	s.mu.Lock()
	s.about = append(s.about, request.GetToken())
	s.mu.Unlock()
	if s.gate != nil {
		s.asked <- struct{}{}
		select {
		case <-s.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &sessiondv1.ValidateTokenResponse{
		Verdict: &sessiondv1.ValidateTokenResponse_Session{Session: &sessiondv1.Session{
			Issuer: "https://id.example", Subject: request.GetToken(), Scopes: []string{"orders:read"},
			ClaimsJson: `{"sub": "alice", "big": 9007199254740993}`,
		}},
		CacheFor: durationpb.New(time.Minute),
	}, nil
}

func (s *server) ListSessions(
	_ context.Context, request *sessiondv1.ListSessionsRequest,
) (*sessiondv1.ListSessionsResponse, error) {
	record := &sessiondv1.SessionRecord{Session: &sessiondv1.Session{SessionId: "sds_" + request.GetPageToken()}}
	return &sessiondv1.ListSessionsResponse{
		Sessions: []*sessiondv1.SessionRecord{record, record}, NextPageToken: request.GetPageToken() + "x",
	}, nil
}

func (s *server) RevokeSession(
	context.Context, *sessiondv1.RevokeSessionRequest,
) (*sessiondv1.RevokeSessionResponse, error) {
	return &sessiondv1.RevokeSessionResponse{Revision: "r1"}, nil
}

func (s *server) WatchRevocations(
	request *sessiondv1.WatchRevocationsRequest,
	stream grpc.ServerStreamingServer[sessiondv1.WatchRevocationsResponse],
) error {
	if request.GetFromRevision() != "" {
		return nil
	}
	return stream.Send(&sessiondv1.WatchRevocationsResponse{
		Event: &sessiondv1.WatchRevocationsResponse_Started{Started: &sessiondv1.Started{
			Revision: "r0", MaxStaleness: durationpb.New(time.Second),
		}},
	})
}
