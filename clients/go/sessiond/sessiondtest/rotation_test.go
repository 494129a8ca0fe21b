package sessiondtest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

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
