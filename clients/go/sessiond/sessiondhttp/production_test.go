package sessiondhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// These run over HTTP, with a client that keeps and watches, and a server that speaks the real protocol.

func TestARouteBehavesAsInProduction(t *testing.T) {
	fake := sessiondtest.New(t)
	protect := sessiondhttp.New(fake.Client())
	mux := http.NewServeMux()
	mux.Handle("/orders", protect.Require(orders)(handler))
	mux.Handle("/pay", protect.Require(sessiond.Require(sessiond.Policy{MaxAuthAge: time.Minute}))(handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ask := func(path, token string) *http.Response {
		request, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	tokens := fake.Login("alice", "orders:read", "orders:write")
	lacking := fake.Login("bob", "orders:read")
	expect := func(path, token string, status int, challenge string) {
		t.Helper()
		response := ask(path, token)
		found := response.Header.Get("WWW-Authenticate")
		if response.StatusCode != status || !strings.Contains(found, challenge) {
			t.Errorf("%s: found %d %s", path, response.StatusCode, found)
		}
		if isBusy := response.Header.Get("Retry-After") == "1"; isBusy != (status == 503) {
			t.Errorf("%s: found Retry-After %q", path, response.Header.Get("Retry-After"))
		}
	}
	for range 3 {
		expect("/orders", tokens.AccessToken, 200, "")
	}
	expect("/pay", tokens.AccessToken, 200, "")
	expect("/orders", lacking.AccessToken, 403, `scope="orders:read orders:write"`)
	expect("/orders", "no.real.token", 401, `error="invalid_token"`)
	fake.Advance(2 * time.Minute)
	expect("/pay", tokens.AccessToken, 401, `error="insufficient_user_authentication"`)
	expect("/orders", tokens.AccessToken, 200, "")
	fake.Away()
	expect("/orders", tokens.AccessToken, 503, "")
	fake.Back()
	expect("/orders", tokens.AccessToken, 200, "")
	fake.Revoke(tokens.RefreshToken)
	expect("/orders", tokens.AccessToken, 401, `error="invalid_token"`)
}
