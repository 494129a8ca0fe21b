package main

import (
	"cmp"
	"context"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	configuration = "c1"
	issuer        = "https://id.example"
	patience      = 10 * time.Second
)

// The kinds of what can be revoked.
const (
	session         = sessiondv1.RevocationType_REVOCATION_TYPE_SESSION
	providerSession = sessiondv1.RevocationType_REVOCATION_TYPE_PROVIDER_SESSION
	token           = sessiondv1.RevocationType_REVOCATION_TYPE_TOKEN
	subject         = sessiondv1.RevocationType_REVOCATION_TYPE_SUBJECT
	tenant          = sessiondv1.RevocationType_REVOCATION_TYPE_TENANT
	application     = sessiondv1.RevocationType_REVOCATION_TYPE_CLIENT
	anIssuer        = sessiondv1.RevocationType_REVOCATION_TYPE_ISSUER
	key             = sessiondv1.RevocationType_REVOCATION_TYPE_KEY
)

// told is an event of a stream.
type told = sessiondv1.WatchRevocationsResponse

// call is one that has come to the scripted server.
type call struct {
	method   string
	request  []byte
	metadata metadata.MD
	hasTime  bool
	timeLeft time.Duration
}

// upstream is a server of raw messages on a real gRPC server; it streams what it is told to.
type upstream struct {
	address string
	server  *grpc.Server
	gate    sync.RWMutex // locked to hold calls back

	mu      sync.Mutex
	answer  func(call, grpc.ServerStream) ([]byte, error)
	calls   []call
	streams []chan *told
	began   string // the configuration that streams begin with
	ending  codes.Code
	ended   []int    // the numbers of streams that have ended, in this order
	missed  []*told  // what streams are told that go on from a revision
	froms   []string // the revisions from which streams have begun
	changed chan struct{}
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.sock")
	return upstreamAt(t, "unix", path, "unix:"+path)
}

// upstreamAt is one at the address that it is to be called by; empty stands for where it listens.
func upstreamAt(t testing.TB, network, at, address string) *upstream {
	t.Helper()
	listener, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{
		address: cmp.Or(address, listener.Addr().String()),
		changed: make(chan struct{}),
		began:   configuration,
		ending:  codes.Unavailable,
	}
	u.answer = func(c call, _ grpc.ServerStream) ([]byte, error) { return encoded(t, accepted(tokenOf(t, c))), nil }
	u.server = grpc.NewServer(grpc.ForceServerCodecV2(frames.Codec{}), grpc.UnknownServiceHandler(u.handle))
	tells := health.NewServer()
	tells.SetServingStatus(sessiondv1.SessionService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(u.server, tells)
	go func() { _ = u.server.Serve(listener) }()
	t.Cleanup(u.server.Stop)
	return u
}

func (u *upstream) handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	request := &frames.Message{}
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	deadline, hasTime := stream.Context().Deadline()
	c := call{method, slices.Clone(request.Bytes()), md, hasTime, time.Until(deadline)}
	if filepath.Base(method) == "WatchRevocations" {
		return u.stream(stream, fromOf(c))
	}
	u.note(func() { u.calls = append(u.calls, c) })
	u.gate.RLock()
	defer u.gate.RUnlock()
	u.mu.Lock()
	answer := u.answer
	u.mu.Unlock()
	bytes, err := answer(c, stream)
	if err != nil {
		return err
	}
	return stream.SendMsg(frames.Of(bytes))
}

func fromOf(c call) string {
	request := &sessiondv1.WatchRevocationsRequest{}
	_ = proto.Unmarshal(c.request, request) // the client's own
	return request.GetFromRevision()
}

func (u *upstream) stream(stream grpc.ServerStream, from string) error {
	events := make(chan *told, 100)
	u.mu.Lock()
	began, missed := u.began, u.missed
	u.mu.Unlock()
	events <- &told{Event: &sessiondv1.WatchRevocationsResponse_Started{
		Started: &sessiondv1.Started{
			Revision: "r1", MaxStaleness: durationpb.New(time.Hour), Configuration: began, Server: u.address,
		},
	}}
	if from != "" {
		for _, event := range missed {
			events <- event
		}
	}
	events <- fresh("r1", 0)
	var number int
	u.note(func() {
		number = len(u.streams)
		u.streams = append(u.streams, events)
		u.froms = append(u.froms, from)
	})
	defer u.note(func() { u.ended = append(u.ended, number) })
	for {
		select {
		case event := <-events:
			if event == nil {
				return status.Error(u.ending, "told to")
			}
			if err := stream.SendMsg(event); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// note changes what others wait for.
func (u *upstream) note(change func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change()
	close(u.changed)
	u.changed = make(chan struct{})
}

// until waits for what has come to be as wanted.
func (u *upstream) until(t testing.TB, wanted func() bool) {
	t.Helper()
	give := time.After(patience)
	for {
		u.mu.Lock()
		is, changed := wanted(), u.changed
		u.mu.Unlock()
		if is {
			return
		}
		select {
		case <-changed:
		case <-give:
			t.Fatal("it has not come about in time")
		}
	}
}

// tell has the first stream, which is the first watch's, say something.
func (u *upstream) tell(events ...*told) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, event := range events {
		u.streams[0] <- event
	}
}

func (u *upstream) answers(answer func(call, grpc.ServerStream) ([]byte, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.calls)
}

func (u *upstream) last() call {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[len(u.calls)-1]
}

func fresh(revision string, age time.Duration) *told {
	return &told{Event: &sessiondv1.WatchRevocationsResponse_Freshness{
		Freshness: &sessiondv1.Freshness{Revision: revision, Age: durationpb.New(age), SinceStart: durationpb.New(0)},
	}}
}

func revoked(kind sessiondv1.RevocationType, id [16]byte, revision string) *told {
	return revocation(&sessiondv1.Revocation{Type: kind, HashedId: id[:], Revision: revision})
}

func revocation(of *sessiondv1.Revocation) *told {
	return &told{Event: &sessiondv1.WatchRevocationsResponse_Revocation{Revocation: of}}
}

func reset(configuration string) *told {
	return &told{Event: &sessiondv1.WatchRevocationsResponse_Reset_{
		Reset_: &sessiondv1.Reset{Revision: "r9", Configuration: configuration},
	}}
}

// accepted is as a server accepts: kept with a watch for a minute, and without one for half of that.
func accepted(token string) *sessiondv1.ValidateTokenResponse {
	return &sessiondv1.ValidateTokenResponse{
		Verdict: &sessiondv1.ValidateTokenResponse_Session{Session: &sessiondv1.Session{
			Issuer: issuer, Subject: "sub " + token, SessionId: "sds " + token, ProviderSessionId: "sid " + token,
			TokenId: "jti " + token, TenantId: "org " + token, ClientId: "app " + token, KeyId: "kid " + token,
		}},
		Revision:        "r1",
		RevisionAge:     durationpb.New(0),
		WatchedCacheFor: durationpb.New(time.Minute),
		Configuration:   configuration,
	}
}

func rejected(reason sessiondv1.Rejection_Reason) *sessiondv1.ValidateTokenResponse {
	return &sessiondv1.ValidateTokenResponse{Verdict: &sessiondv1.ValidateTokenResponse_Rejection{
		Rejection: &sessiondv1.Rejection{Reason: reason},
	}}
}

func tokenOf(t testing.TB, c call) string {
	t.Helper()
	var request sessiondv1.ValidateTokenRequest
	if err := proto.Unmarshal(c.request, &request); err != nil {
		t.Error(err)
	}
	return request.GetToken()
}

func encoded(t testing.TB, message proto.Message) []byte {
	t.Helper()
	bytes, err := proto.Marshal(message)
	if err != nil {
		t.Error(err)
	}
	return bytes
}

// background is a context that gives up by itself.
func background(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
