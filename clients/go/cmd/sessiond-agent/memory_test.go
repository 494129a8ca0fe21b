package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestAnAcceptanceIsRepeatedWithItsBytesAndSpansCountedAnew(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	newer := []byte("\xc2\x3e\x03new") // a field of a newer server
	u.answers(func(c call, _ grpc.ServerStream) ([]byte, error) {
		response := accepted(tokenOf(t, c))
		response.GetSession().ProtoReflect().SetUnknown(newer)
		response.CacheFor = durationpb.New(time.Second)
		return encoded(t, response), nil
	})
	first := f.ask("a")
	u.tell(fresh("r1", time.Minute)) // older than what is known: it changes nothing
	again := f.ask("a")
	if u.count() != 1 {
		t.Fatalf("the server was asked %d times", u.count())
	}
	if !proto.Equal(first.GetSession(), again.GetSession()) ||
		!bytes.Equal(again.GetSession().ProtoReflect().GetUnknown(), newer) {
		t.Errorf("found %v", again)
	}
	if again.GetRevision() != first.GetRevision() || again.GetConfiguration() != configuration {
		t.Errorf("found %v", again)
	}
	age, watched := again.GetRevisionAge().AsDuration(), again.GetWatchedCacheFor().AsDuration()
	if age <= 0 || age > patience || watched >= time.Minute || watched < time.Minute-patience {
		t.Errorf("found an age of %v, and %v to keep it", age, watched)
	}
	if again.GetCacheFor().AsDuration() > watched {
		t.Errorf("without a watch it may be kept for %v", again.GetCacheFor().AsDuration())
	}
}

func TestCallersNeverGetWhatWasAnsweredToOthers(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	request := &sessiondv1.ValidateTokenRequest{Token: "a"}
	doubled := metadata.AppendToOutgoingContext(f.as("one"), "authorization", "Bearer one")
	for i, ctx := range []func(){
		func() { f.validate(f.as("one"), request) },
		func() { f.validate(f.as("two"), request) },
		func() { f.ask("a") },
		func() { f.validate(doubled, request) },
		func() { f.validate(doubled, request) },
		func() { f.validate(f.as("one "), request) },
	} {
		ctx()
		if u.count() != i+1 {
			t.Errorf("%d: the server was asked %d times", i, u.count())
		}
	}
	f.validate(f.as("two"), request)
	if u.count() != 6 {
		t.Error("what was answered to a caller is not repeated to it")
	}
}

func TestOnlyAcceptancesThatMayBeKeptAre(t *testing.T) {
	consistent := func(c *sessiondv1.Consistency) *sessiondv1.ValidateTokenRequest {
		return &sessiondv1.ValidateTokenRequest{Token: "a", Consistency: c}
	}
	unknown := &sessiondv1.ValidateTokenRequest{Token: "a", Requirements: &sessiondv1.Requirements{}}
	unknown.Requirements.ProtoReflect().SetUnknown([]byte("\xc2\x3e\x03new"))
	newer := accepted("a")
	newer.ProtoReflect().SetUnknown([]byte("\xc2\x3e\x03new"))
	other := accepted("a")
	other.Configuration = "c2"
	stale := accepted("a")
	stale.Stale = true
	spent := accepted("a")
	spent.WatchedCacheFor = nil
	plain := &sessiondv1.ValidateTokenRequest{Token: "a"}
	for name, one := range map[string]struct {
		request  *sessiondv1.ValidateTokenRequest
		response *sessiondv1.ValidateTokenResponse
	}{
		"with a proof": {
			&sessiondv1.ValidateTokenRequest{Token: "a", Proof: &sessiondv1.PossessionProof{}}, accepted("a"),
		},
		"fully consistent": {consistent(&sessiondv1.Consistency{
			Requirement: &sessiondv1.Consistency_FullyConsistent{FullyConsistent: &sessiondv1.FullyConsistent{}},
		}), accepted("a")},
		"at least as fresh": {consistent(&sessiondv1.Consistency{
			Requirement: &sessiondv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: &sessiondv1.AtLeastAsFresh{}},
		}), accepted("a")},
		"with an unknown requirement":  {unknown, accepted("a")},
		"with an answer that is newer": {plain, newer},
		"of another configuration":     {plain, other},
		"stale":                        {plain, stale},
		"not to be kept":               {plain, spent},
		"rejected":                     {plain, rejected(sessiondv1.Rejection_REASON_EXPIRED)},
		"unset":                        {plain, &sessiondv1.ValidateTokenResponse{}},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			f := inFront(t, u)
			u.answers(func(call, grpc.ServerStream) ([]byte, error) { return encoded(t, one.response), nil })
			f.validate(background(t), one.request)
			f.validate(background(t), one.request)
			if u.count() != 2 {
				t.Errorf("the server was asked %d times", u.count())
			}
		})
	}
}

func TestWhatIsHeardDropsWhatItHits(t *testing.T) {
	of := accepted("a").GetSession()
	for kind, id := range map[sessiondv1.RevocationType]hashedid.ID{
		session:         hashedid.Of(hashedid.Session, "", of.GetSessionId()),
		providerSession: hashedid.Of(hashedid.ProviderSession, issuer, of.GetProviderSessionId()),
		token:           hashedid.Of(hashedid.Token, issuer, of.GetTokenId()),
		subject:         hashedid.Of(hashedid.Subject, issuer, of.GetSubject()),
		tenant:          hashedid.Of(hashedid.Tenant, issuer, of.GetTenantId()),
		application:     hashedid.Of(hashedid.Client, issuer, of.GetClientId()),
		anIssuer:        hashedid.Of(hashedid.Issuer, issuer, ""),
		key:             hashedid.OfKey(of),
	} {
		t.Run(kind.String(), func(t *testing.T) {
			u := newUpstream(t)
			f := inFront(t, u)
			f.ask("a")
			f.settled(u, revoked(kind, id, "r2"))
			f.ask("a")
			if u.count() != 2 {
				t.Fatalf("the server was asked %d times", u.count())
			}
			f.ask("a")
			// Another server may not have noticed that a key has gone.
			if isKey := kind == key; (u.count() == 3) != isKey {
				t.Errorf("then the server was asked %d times", u.count())
			}
		})
	}
}

func TestResetsAndOtherConfigurationsDropEverything(t *testing.T) {
	for name, event := range map[string]*told{
		"reset":                       reset(configuration),
		"another configuration":       reset("c2"),
		"an event of a newer server":  {},
		"a hashed id of another size": revocation(&sessiondv1.Revocation{Type: session, HashedId: []byte("x")}),
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			f := inFront(t, u)
			f.ask("a")
			watcher := f.watch("")
			if _, err := watcher.Recv(); err != nil {
				t.Fatal(err)
			}
			f.settled(u, event)
			f.ask("a")
			if u.count() != 2 {
				t.Errorf("the server was asked %d times", u.count())
			}
			for {
				event, err := watcher.Recv()
				if err != nil {
					t.Fatal(err)
				}
				if event.GetReset_() != nil {
					break
				}
			}
		})
	}
}

func TestWhatWasRevokedWhileItWasAskedIsNotKept(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	u.gate.Lock()
	var asking sync.WaitGroup
	asking.Go(func() { f.ask("a") })
	u.until(t, func() bool { return len(u.calls) == 1 })
	id := hashedid.Of(hashedid.Session, "", "sds a")
	f.settled(u, revoked(session, id, "r2"))
	u.gate.Unlock()
	asking.Wait()
	f.ask("a")
	if u.count() != 2 {
		t.Errorf("the server was asked %d times", u.count())
	}
}

func TestWhatACallerRevokesIsNotRepeatedOnceItIsTold(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	f.ask("a")
	f.ask("b")
	id := hashedid.Of(hashedid.Session, "", "sds a")
	u.answers(func(c call, _ grpc.ServerStream) ([]byte, error) {
		if c.method == "/sessiond.v1.SessionService/RevokeSession" {
			return encoded(t, &sessiondv1.RevokeSessionResponse{
				SessionsEnded: proto.Int32(1), Revocations: []*sessiondv1.Revocation{{HashedId: id[:]}},
			}), nil
		}
		return encoded(t, rejected(sessiondv1.Rejection_REASON_REVOKED)), nil
	})
	if _, err := f.stub.RevokeSession(f.as("key"), &sessiondv1.RevokeSessionRequest{}); err != nil {
		t.Fatal(err)
	}
	if f.ask("a").GetSession() != nil || f.ask("b").GetSession() == nil {
		t.Error("not what was revoked was dropped, and that alone")
	}
}

func TestOneCallIsMadeForAllWhoAskTheSame(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	u.gate.Lock()
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			if f.ask("a").GetSession() == nil {
				t.Error("not accepted")
			}
		})
	}
	asking.Go(func() { f.validate(f.as("other"), &sessiondv1.ValidateTokenRequest{Token: "a"}) })
	u.until(t, func() bool { return len(u.calls) == 2 })
	u.gate.Unlock()
	asking.Wait()
	if u.count() != 2 {
		t.Errorf("the server was asked %d times", u.count())
	}
}

func TestWhoLeavesDoesNotEndTheCallOfOthers(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	u.gate.Lock()
	ctx := background(t)
	var left error
	leaving, leave := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		_, left = f.stub.ValidateToken(leaving, &sessiondv1.ValidateTokenRequest{Token: "a"})
	})
	u.until(t, func() bool { return len(u.calls) == 1 })
	leave()
	asking.Wait()
	if status.Code(left) != codes.Canceled {
		t.Errorf("found %v", left)
	}
	// It comes behind what tells the agent that the first one has left.
	if _, err := grpc_health_v1.NewHealthClient(f.connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	asking.Go(func() { f.ask("a") })
	u.gate.Unlock()
	asking.Wait()
	f.ask("a")
	if u.count() != 1 {
		t.Errorf("the server was asked %d times", u.count())
	}
}

func TestManyTokensAreAnsweredFromMemoryWhereAllAreThere(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	requirements := &sessiondv1.Requirements{Scopes: []string{"read"}}
	u.answers(func(c call, _ grpc.ServerStream) ([]byte, error) {
		var request sessiondv1.ValidateTokensRequest
		if c.method == "/sessiond.v1.SessionService/ValidateToken" {
			return encoded(t, accepted(tokenOf(t, c))), nil
		}
		if err := proto.Unmarshal(c.request, &request); err != nil {
			return nil, err
		}
		response := &sessiondv1.ValidateTokensResponse{}
		for _, token := range request.GetTokens() {
			result := accepted(token)
			if token == "undecided" {
				result = &sessiondv1.ValidateTokenResponse{
					Verdict: &sessiondv1.ValidateTokenResponse_Undecided{Undecided: &sessiondv1.Undecided{}},
				}
			}
			response.Results = append(response.Results, result)
		}
		return encoded(t, response), nil
	})
	askAll := func(tokens ...string) {
		t.Helper()
		request := &sessiondv1.ValidateTokensRequest{Tokens: tokens, Requirements: requirements}
		response, err := f.stub.ValidateTokens(background(t), request)
		if err != nil || len(response.GetResults()) != len(tokens) {
			t.Fatalf("found %v, %v", response, err)
		}
		for i, token := range tokens {
			if token != "undecided" && response.GetResults()[i].GetSession().GetSubject() != "sub "+token {
				t.Errorf("found %v for %s", response.GetResults()[i], token)
			}
		}
	}
	for i, step := range []struct {
		ask   func()
		calls int
	}{
		{func() { askAll("a", "b") }, 1},
		{func() { askAll("b", "a", "a") }, 1},
		{func() {
			f.validate(background(t), &sessiondv1.ValidateTokenRequest{Token: "a", Requirements: requirements})
		}, 1},
		{func() { f.ask("a") }, 2}, // without requirements it is another question
		{func() { askAll("a", "c", "undecided") }, 3},
		{func() { askAll("a", "c") }, 3},
		{func() { askAll("undecided") }, 4},
		{func() { askAll("undecided") }, 5},
	} {
		step.ask()
		if u.count() != step.calls {
			t.Errorf("%d: the server was asked %d times", i, u.count())
		}
	}
}

func TestNoMoreIsKeptThanWasAskedFor(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u, "--cache-entries", "3")
	for i := range 10 {
		f.ask(fmt.Sprint(i))
	}
	for i := range 10 {
		f.ask(fmt.Sprint(i))
	}
	if u.count() < 17 {
		t.Errorf("the server was asked %d times", u.count())
	}
}

func TestATokenThatIsToldToBeRevokedIsNotRepeatedUnderOtherRequirements(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	f.ask("a")
	f.ask("b")
	u.answers(func(call, grpc.ServerStream) ([]byte, error) {
		return encoded(t, rejected(sessiondv1.Rejection_REASON_REVOKED)), nil
	})
	requirements := &sessiondv1.Requirements{Scopes: []string{"read"}}
	f.validate(background(t), &sessiondv1.ValidateTokenRequest{Token: "a", Requirements: requirements})
	if f.ask("a").GetSession() != nil || f.ask("b").GetSession() == nil {
		t.Error("not what was revoked was dropped, and that alone")
	}
}

func TestARevocationOfWhichNothingIsToldDropsEverything(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	f.ask("a")
	u.answers(func(c call, _ grpc.ServerStream) ([]byte, error) {
		return encoded(t, &sessiondv1.RevokeSessionResponse{}), nil
	})
	if _, err := f.stub.RevokeSession(f.as("key"), &sessiondv1.RevokeSessionRequest{}); err != nil {
		t.Fatal(err)
	}
	f.ask("a")
	if u.count() != 3 {
		t.Errorf("the server was asked %d times", u.count())
	}
}
