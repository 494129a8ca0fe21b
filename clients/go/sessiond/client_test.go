package sessiond_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

func validate(t *testing.T, client *sessiond.Client, options ...sessiond.Option) *sessiond.Session {
	t.Helper()
	session, err := client.Validate(context.Background(), "alice", nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestEachCallerHasASessionOfItsOwn(t *testing.T) {
	client := serve(t).client(t)
	for range 3 {
		session := validate(t, client)
		if session.Subject != "alice" || len(session.Permissions) != 0 {
			t.Fatalf("another caller has changed it: %+v", session)
		}
		session.Subject = "mallory"
		session.Permissions = append(session.Permissions, "admin")
	}
	if numbers := client.Numbers(); numbers.Hits != 2 || numbers.Misses != 1 || numbers.Entries != 1 {
		t.Fatalf("found %+v", numbers)
	}
}

func TestClaimsKeepTheirDigits(t *testing.T) {
	session := validate(t, serve(t).client(t))
	claims, err := session.Claims()
	if err != nil || claims["big"] != json.Number("9007199254740993") {
		t.Fatalf("found %v, %v", claims, err)
	}
	var own struct{ Big int64 }
	if err := session.DecodeClaims(&own); err != nil || own.Big != 9007199254740993 {
		t.Fatalf("found %v, %v", own, err)
	}
}

func TestWhatAContextSaysToOthersIsNotSaidHere(t *testing.T) {
	s := serve(t)
	client := s.client(t, sessiond.WithKey("sdk_ours"))
	said := metadata.Pairs("authorization", "Bearer of-the-user", "x-own", "1")
	ctx := metadata.NewOutgoingContext(context.Background(), said)
	if _, err := client.Validate(ctx, "alice", nil, sessiond.Server); err != nil {
		t.Fatal(err)
	}
	header := s.seen()[0].header
	got := header.Get("authorization")
	if len(got) != 1 || got[0] != "Bearer sdk_ours" || len(header.Get("x-own")) > 0 {
		t.Fatalf("the server gets %v", header)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	s := serve(t)
	s.gate = make(chan struct{})
	client := s.client(t)
	for _, options := range [][]sessiond.Option{nil, {sessiond.Server}} {
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := client.Validate(cancelled, "alice", nil, options...); !errors.Is(err, context.Canceled) {
			t.Errorf("found %v", err)
		}
		late, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := client.Validate(late, "alice", nil, options...)
		var unavailable *sessiond.Unavailable
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &unavailable) {
			t.Errorf("found %v", err)
		}
	}
}

func TestACallMayHaveATimeOfItsOwn(t *testing.T) {
	s := serve(t)
	s.gate = make(chan struct{})
	_, err := s.client(t).Validate(context.Background(), "alice", nil, sessiond.Timeout(time.Millisecond))
	var call *sessiond.CallError
	if !errors.As(err, &call) || call.Code != codes.DeadlineExceeded {
		t.Fatalf("found %v", err)
	}
	_, err = s.client(t).GetSession(context.Background(), "sds_1", sessiond.Timeout(0))
	var invalid *sessiond.InvalidArgument
	if !errors.As(err, &invalid) {
		t.Fatalf("no time at all: found %v", err)
	}
}

func TestCloseWakesWhoWaits(t *testing.T) {
	s := serve(t)
	s.gate = make(chan struct{})
	client := s.client(t)
	var group sync.WaitGroup
	for _, options := range [][]sessiond.Option{nil, nil, nil, {sessiond.Server}, {sessiond.Strict}} {
		group.Go(func() {
			_, err := client.Validate(context.Background(), "alice", nil, options...)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("found %v", err)
			}
		})
	}
	for range 3 { // the first of those who share one, and each of those who do not
		<-s.asked
	}
	_ = client.Close()
	group.Wait()
	if _, err := client.Validate(context.Background(), "bob", nil); err == nil {
		t.Error("a closed client answers")
	}
	if err := client.Ready(context.Background()); err == nil {
		t.Error("a closed client is ready")
	}
}

func TestCloseWaitsForTheCallsThatItEnds(t *testing.T) {
	s := serve(t)
	s.gate = make(chan struct{})
	var ended atomic.Int32
	client := s.client(t, sessiond.WithObserver(sessiond.Observer{Called: func(sessiond.Call) { ended.Add(1) }}))
	var group sync.WaitGroup
	for _, token := range []string{"alice", "bob"} {
		group.Go(func() { _, _ = client.Validate(context.Background(), token, nil) })
		<-s.asked
	}
	_ = client.Close()
	if ended.Load() != 2 {
		t.Errorf("%d of 2 calls had ended", ended.Load())
	}
	group.Wait()
}

func TestAClosedClientLeavesNothingBehind(t *testing.T) {
	s := serve(t)
	validate(t, s.client(t)) // what gRPC starts once is there
	before := runtime.NumGoroutine()
	for range 50 {
		client := s.client(t)
		validate(t, client)
		if err := errors.Join(client.Close(), client.Close()); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before { // the server's take a moment
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, and %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

func TestReadyIsReady(t *testing.T) {
	if err := serve(t).client(t).Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	client, err := sessiond.New("unix:/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := client.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("found %v", err)
	}
}

func TestTheObserverIsTold(t *testing.T) {
	var mu sync.Mutex
	var outcomes []sessiond.Outcome
	var methods []string
	client := serve(t).client(t, sessiond.WithObserver(sessiond.Observer{
		Validated: func(v sessiond.Validation) {
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, v.Outcome)
		},
		Called: func(c sessiond.Call) {
			mu.Lock()
			defer mu.Unlock()
			methods = append(methods, c.Method+" "+c.Code.String())
		},
	}))
	validate(t, client)
	validate(t, client)
	validate(t, client, sessiond.Strict)
	_, _ = client.GetSession(context.Background(), "sds_1")
	mu.Lock()
	defer mu.Unlock()
	wanted := []sessiond.Outcome{sessiond.OutcomeMiss, sessiond.OutcomeHit, sessiond.OutcomeBypassed}
	if len(outcomes) != 3 || outcomes[0] != wanted[0] || outcomes[1] != wanted[1] || outcomes[2] != wanted[2] {
		t.Errorf("found %v", outcomes)
	}
	if len(methods) != 3 || methods[0] != "ValidateToken OK" || methods[2] != "GetSession Unimplemented" {
		t.Errorf("found %v", methods)
	}
}

func TestALoopOverSessionsMayEndEarly(t *testing.T) {
	s := serve(t)
	var found []string
	for record, err := range s.client(t).ListSessions(context.Background(), "https://id.example", "alice") {
		if err != nil {
			t.Fatal(err)
		}
		if found = append(found, record.Session.SessionID); len(found) == 5 {
			break
		}
	}
	if found[0] != "sds_" || found[4] != "sds_xx" || len(s.seen()) != 3 {
		t.Fatalf("found %v by %d calls", found, len(s.seen()))
	}
}

func TestWhatAServerTellsIsHandedOnUntilItsEnd(t *testing.T) {
	var events []sessiond.WatchEvent
	s := serve(t)
	s.keepsStreams = true
	for event, err := range s.client(t, sessiond.WithKey("sdk_ours")).WatchRevocations(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	if len(events) != 1 || events[0] != (sessiond.WatchStarted{Revision: "r0", MaxStaleness: time.Second}) {
		t.Fatalf("found %v", events)
	}
	if got := s.seen()[0].header.Get("authorization"); len(got) != 1 || got[0] != "Bearer sdk_ours" {
		t.Fatalf("it is asked by %v", got)
	}
}

func TestABatchTakesNoProof(t *testing.T) {
	s := serve(t)
	_, err := s.client(t).ValidateAll(context.Background(), []string{"alice"}, nil, sessiond.Certificate{})
	var invalid *sessiond.InvalidArgument
	if !errors.As(err, &invalid) || len(s.seen()) > 0 {
		t.Fatalf("found %v", err)
	}
}

func TestNothingIsAdoptedFromNobody(t *testing.T) {
	s := serve(t)
	_, err := s.client(t).Adopt(context.Background(), "", "provider-refresh", sessiond.Bearer{})
	var invalid *sessiond.InvalidArgument
	if !errors.As(err, &invalid) || invalid.Field != "issuer" || len(s.seen()) > 0 {
		t.Fatalf("found %v", err)
	}
}
