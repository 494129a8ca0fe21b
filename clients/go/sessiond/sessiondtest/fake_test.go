package sessiondtest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// warm asks until an answer comes from memory: from then on the client watches.
func warm(t *testing.T, client *sessiond.Client, token string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); client.Numbers().Hits == 0; {
		if _, err := client.Validate(t.Context(), token, nil); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is kept")
		}
	}
}

func reasonOf(err error) sessiond.Reason {
	var rejected *sessiond.Rejected
	if errors.As(err, &rejected) {
		return rejected.Reason
	}
	return ""
}

func TestWhatIsKeptIsRefusedByTheNextCallAfterAChange(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*sessiondtest.Fake, *sessiond.Tokens)
		reason sessiond.Reason
	}{
		"revoked by its access token": {
			func(f *sessiondtest.Fake, tokens *sessiond.Tokens) { f.Revoke(tokens.AccessToken) }, "REVOKED",
		},
		"revoked by its refresh token": {
			func(f *sessiondtest.Fake, tokens *sessiond.Tokens) { f.Revoke(tokens.RefreshToken) }, "REVOKED",
		},
		"revoked by its session": {
			func(f *sessiondtest.Fake, tokens *sessiond.Tokens) { f.Revoke(tokens.Session.SessionID) }, "REVOKED",
		},
		"revoked with its subject": {
			func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.RevokeSubject("alice") }, "REVOKED",
		},
		"expired": {
			func(f *sessiondtest.Fake, tokens *sessiond.Tokens) { f.Expire(tokens.AccessToken) }, "EXPIRED",
		},
		"too old": {
			func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.Advance(5 * time.Minute) }, "EXPIRED",
		},
		"at another time": {
			func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.SetTime(f.Now().Add(-time.Hour)) }, "NOT_YET_VALID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := sessiondtest.New(t)
			clients := []*sessiond.Client{fake.Client(), fake.Client(), fake.Client(sessiond.WithoutCache())}
			tokens := fake.Login("alice", "orders:read")
			for _, client := range clients[:2] {
				warm(t, client, tokens.AccessToken)
			}
			row.change(fake, tokens)
			for _, client := range clients {
				if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); reasonOf(err) != row.reason {
					t.Errorf("found %v", err)
				}
			}
		})
	}
}

func TestOthersAreNotHitByAChange(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client()
	first, second, other := fake.Login("alice"), fake.Login("alice"), fake.Login("bob")
	fake.Revoke(first.AccessToken)
	fake.Expire(second.AccessToken)
	for _, token := range []string{other.AccessToken, fake.Login("alice").AccessToken} {
		if _, err := client.Validate(t.Context(), token, nil); err != nil {
			t.Error(err)
		}
	}
	fake.SetTime(time.Now())
	fake.RevokeSubject("alice")
	if _, err := client.Validate(t.Context(), fake.Login("alice").AccessToken, nil); err != nil {
		t.Errorf("a login behind a revocation, while the clock stands still: %v", err)
	}
}

func TestAClientOfAnotherMakeKnowsWhenAChangeReturns(t *testing.T) {
	fake := sessiondtest.New(t)
	client, err := sessiond.New(fake.Target(), sessiond.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	tokens := fake.Login("alice")
	warm(t, client, tokens.AccessToken)
	fake.Revoke(tokens.AccessToken)
	if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); reasonOf(err) != "REVOKED" {
		t.Errorf("found %v", err)
	}
}

func TestNobodyAnswersWhileTheFakeIsAway(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client()
	tokens := fake.Login("alice")
	warm(t, client, tokens.AccessToken)
	fake.Away()
	var unavailable *sessiond.Unavailable
	if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); !errors.As(err, &unavailable) {
		t.Errorf("found %v", err)
	}
	if unavailable != nil && (unavailable.Code != codes.Unavailable || unavailable.Reason != "") {
		t.Errorf("found %v", unavailable)
	}
	fake.Login("bob")
	fake.Back()
	if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); err != nil {
		t.Error(err)
	}
	warm(t, fake.Client(), tokens.AccessToken)
}

func TestCallsAreThoseOfClientsAlone(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client(sessiond.WithKey("of-a-backend"))
	tokens := fake.Login("alice", "orders:read")
	orders := sessiond.Require(sessiond.Policy{
		Scopes: []string{"orders:read"}, MaxAuthAge: time.Minute, Claims: map[string][]string{"plan": {"pro"}},
	})
	_, _ = client.Validate(t.Context(), tokens.AccessToken, orders)
	_, _ = client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
	_, _ = client.RevokeAccessToken(t.Context(), tokens.AccessToken)
	fake.Revoke(tokens.AccessToken)
	calls := fake.Calls()
	if len(calls) != 3 {
		t.Fatalf("found %d calls", len(calls))
	}
	for i, expected := range []struct{ method, token string }{
		{"ValidateToken", tokens.AccessToken}, {"RefreshSession", tokens.RefreshToken},
		{"RevokeSession", tokens.AccessToken},
	} {
		found := calls[i]
		if found.Method != expected.method || !slices.Equal(found.Tokens, []string{expected.token}) {
			t.Errorf("found %s about %q", found.Method, found.Tokens)
		}
		if found.Key != "of-a-backend" {
			t.Errorf("found the key %q", found.Key)
		}
	}
	policy := calls[0].Policy
	if !slices.Equal(policy.Scopes, orders.Scopes) || policy.MaxAuthAge != time.Minute ||
		!slices.Equal(policy.Claims["plan"], []string{"pro"}) {
		t.Errorf("found %+v", policy)
	}
}

func TestARefreshTokenIsSpentAsTheTableOfRotationSays(t *testing.T) {
	for name, row := range map[string]struct {
		before   func(*sessiondtest.Fake, *sessiond.Tokens)
		bearer   sessiond.Bearer
		reason   string
		replayed bool
	}{
		"again": {replayed: true},
		"by another device": {
			bearer: sessiond.Bearer{Device: sessiond.Device{Label: "another"}}, reason: "REFRESH_TOKEN_SUPERSEDED",
		},
		"within the grace": {
			before:   func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.Advance(10*time.Second - time.Millisecond) },
			replayed: true,
		},
		"after the grace": {
			before: func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.Advance(10 * time.Second) },
			reason: "REFRESH_TOKEN_REUSED",
		},
		"after a logout": {
			before: func(f *sessiondtest.Fake, tokens *sessiond.Tokens) { f.Revoke(tokens.RefreshToken) },
			reason: "SESSION_REVOKED",
		},
		"after a week": {
			before: func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.Advance(7 * 24 * time.Hour) },
			reason: "SESSION_IDLE_TIMEOUT",
		},
		"after a month": {
			before: func(f *sessiondtest.Fake, _ *sessiond.Tokens) { f.Advance(30 * 24 * time.Hour) },
			reason: "SESSION_LIFETIME_EXCEEDED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := sessiondtest.New(t)
			fake.SetTime(time.Now())
			client, tokens := fake.Client(), fake.Login("alice")
			next, err := client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
			if err != nil || next.Replayed || next.RefreshToken == tokens.RefreshToken {
				t.Fatalf("found %v, %v", next, err)
			}
			if row.before != nil {
				row.before(fake, tokens)
			}
			again, err := client.Refresh(t.Context(), tokens.RefreshToken, row.bearer)
			var refused *sessiond.RefreshRefused
			if row.reason != "" {
				if !errors.As(err, &refused) || refused.Reason != row.reason {
					t.Errorf("found %v", err)
				}
				return
			}
			if err != nil || again.Replayed != row.replayed || again.RefreshToken != next.RefreshToken {
				t.Errorf("found %v, %v", again, err)
			}
		})
	}
}

func TestAReusedRefreshTokenEndsItsSession(t *testing.T) {
	fake := sessiondtest.New(t)
	client, tokens := fake.Client(), fake.Login("alice")
	next, err := client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
	if err != nil {
		t.Fatal(err)
	}
	fake.Advance(time.Minute)
	_, _ = client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
	_, err = client.Validate(t.Context(), next.AccessToken, nil, sessiond.Strict)
	if reasonOf(err) != "REVOKED" {
		t.Errorf("found %v", err)
	}
}

func TestABoundSessionNeedsItsCertificate(t *testing.T) {
	fake := sessiondtest.New(t)
	client, own, another := fake.Client(), sessiond.Certificate{1}, sessiond.Certificate{2}
	tokens := fake.LoginWith("alice", sessiond.LocalLogin{Login: sessiond.Login{Proof: own}})
	if _, err := client.Validate(t.Context(), tokens.AccessToken, nil, own); err != nil {
		t.Error(err)
	}
	dpop := sessiond.DPoP{Proof: "a", Method: "GET", URL: "/"}
	for _, options := range [][]sessiond.Option{nil, {another}, {dpop}} {
		_, err := client.Validate(t.Context(), tokens.AccessToken, nil, options...)
		if reasonOf(err) != "BINDING_MISMATCH" {
			t.Errorf("found %v", err)
		}
	}
	var refused *sessiond.RefreshRefused
	_, err := client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{Proof: another})
	if !errors.As(err, &refused) || refused.Reason != "BINDING_MISMATCH" || !refused.SessionLives() {
		t.Errorf("found %v", err)
	}
	if _, err := client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{Proof: own}); err != nil {
		t.Error(err)
	}
}

func TestWhatManySessionsShareIsRevoked(t *testing.T) {
	type revocation = func(context.Context, *sessiond.Client) (*sessiond.RevocationResult, error)
	for name, revoke := range map[string]revocation{
		"the tenant": func(ctx context.Context, c *sessiond.Client) (*sessiond.RevocationResult, error) {
			return c.RevokeTenant(ctx, sessiondtest.Issuer, "org_1")
		},
		"the application": func(ctx context.Context, c *sessiond.Client) (*sessiond.RevocationResult, error) {
			return c.RevokeClient(ctx, sessiondtest.Issuer, sessiondtest.Audience)
		},
		"the issuer": func(ctx context.Context, c *sessiond.Client) (*sessiond.RevocationResult, error) {
			return c.RevokeIssuer(ctx, sessiondtest.Issuer)
		},
		"the key": func(ctx context.Context, c *sessiond.Client) (*sessiond.RevocationResult, error) {
			return c.RevokeKey(ctx, sessiondtest.Issuer, "sessiondtest")
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := sessiondtest.New(t)
			client, tokens := fake.Client(), fake.LoginWith("alice", sessiond.LocalLogin{TenantID: "org_1"})
			result, err := revoke(t.Context(), client)
			if err != nil || result.SessionsEnded != -1 {
				t.Fatalf("found %+v, %v", result, err)
			}
			_, err = client.Validate(t.Context(), tokens.AccessToken, nil, sessiond.AtLeast(result.Revision))
			if reasonOf(err) != "REVOKED" {
				t.Errorf("found %v", err)
			}
			_, err = client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
			if isRefused := err != nil; isRefused == (name == "the key") {
				t.Errorf("a refresh: found %v", err)
			}
		})
	}
}

func TestWhatTheFakeDoesNotCarryOutIsUnsupported(t *testing.T) {
	client := sessiondtest.New(t).Client()
	var unsupported *sessiond.Unsupported
	_, err := client.CreateSession(t.Context(), sessiondtest.Issuer, sessiond.ProviderTokens{}, sessiond.Login{})
	if !errors.As(err, &unsupported) || unsupported.Metadata["field"] != "provider_tokens" {
		t.Errorf("found %v", err)
	}
	code := sessiond.AuthorizationCode{}
	_, err = client.CreateSessionFromCode(t.Context(), sessiondtest.Issuer, code, sessiond.Login{})
	if !errors.As(err, &unsupported) || unsupported.Metadata["field"] != "authorization_code" {
		t.Errorf("found %v", err)
	}
}

func TestALoginSaysWhatARealServerLetsItSay(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client()
	tokens := fake.LoginWith("alice", sessiond.LocalLogin{
		Audiences: []string{"orders"}, AMR: []string{"otp"}, ACR: "phr", TenantID: "org_1",
		Claims: map[string]any{"plan": "pro", "roles": []string{"admin"}, "permissions": []string{"refund"}},
	})
	session, err := client.Validate(t.Context(), tokens.AccessToken, sessiond.Require(sessiond.Policy{
		Audiences: []string{"orders"}, Permissions: []string{"refund"}, ACRValues: []string{"phr"},
		Claims: map[string][]string{"plan": {"pro", "free"}},
	}))
	if err != nil || session.TenantID != "org_1" || !slices.Equal(session.Roles, []string{"admin"}) {
		t.Errorf("found %+v, %v", session, err)
	}
	if session != nil && (session.SessionID != tokens.Session.SessionID || session.Principal == "") {
		t.Errorf("found %+v", session)
	}
	if _, err := client.Validate(t.Context(), tokens.AccessToken, nil); reasonOf(err) != "AUDIENCE_MISMATCH" {
		t.Errorf("found %v", err)
	}
	var invalid *sessiond.InvalidArgument
	presuming := sessiond.LocalLogin{Claims: map[string]any{"scope": "all"}}
	_, err = client.CreateLocalSession(t.Context(), "alice", presuming)
	if !errors.As(err, &invalid) || invalid.Field != "local_login.claims_json" {
		t.Errorf("found %v", err)
	}
}

func TestTheStateOfRevocationsIsTold(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client()
	before, err := client.RevocationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fake.Revoke(fake.Login("alice").AccessToken)
	after, err := client.RevocationStatus(t.Context())
	if err != nil || after.Revocations != before.Revocations+1 || after.Revision == before.Revision {
		t.Errorf("found %+v, %v", after, err)
	}
	for told, err := range client.WatchRevocations(t.Context(), before.Revision) {
		if err != nil {
			t.Fatal(err)
		}
		if one, ok := told.(sessiond.Revocation); ok {
			if one.Type != "SESSION" || one.Revision != after.Revision {
				t.Errorf("found %+v", one)
			}
			break
		}
	}
	var invalid *sessiond.InvalidArgument
	_, err = client.Validate(t.Context(), "a", nil, sessiond.AtLeast("of another store"))
	if !errors.As(err, &invalid) || invalid.Field != "consistency.at_least_as_fresh.revision" {
		t.Errorf("found %v", err)
	}
}

func TestUnitTestsNeedNoFake(t *testing.T) {
	accept := sessiondtest.ValidatorFunc(func(
		context.Context, string, *sessiond.Policy, ...sessiond.Option,
	) (*sessiond.Session, error) {
		return sessiondtest.NewSession("alice", "orders:read"), nil
	})
	session, err := accept.Validate(t.Context(), "any", nil)
	if err != nil || session.Subject != "alice" || !session.ExpireTime.After(time.Now()) {
		t.Errorf("found %+v, %v", session, err)
	}
}
