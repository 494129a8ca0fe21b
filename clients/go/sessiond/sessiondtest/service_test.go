package sessiondtest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

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
	_, err = client.Adopt(t.Context(), sessiondtest.Issuer, "provider-refresh", sessiond.Bearer{})
	if !errors.As(err, &unsupported) || unsupported.Metadata["field"] != "issuer" {
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
