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
