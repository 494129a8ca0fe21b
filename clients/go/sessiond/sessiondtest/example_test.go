package sessiondtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// orders is what is tested: a handler as production has it.
func orders(client sessiond.Validator) http.Handler {
	read := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})
	return sessiondhttp.New(client).Require(read)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := sessiond.FromContext(r.Context())
		fmt.Fprintln(w, "orders of", session.Subject)
	}))
}

func Example() {
	var t *testing.T // that of the test

	fake := sessiondtest.New(t)
	api := orders(fake.Client())
	tokens := fake.Login("alice", "orders:read")
	expect := func(status int) {
		request := httptest.NewRequest("GET", "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		if answer.Code != status {
			t.Errorf("found %d", answer.Code)
		}
	}
	expect(200)
	fake.Away()
	expect(503)
	fake.Back()
	expect(200)
	fake.Revoke(tokens.AccessToken)
	expect(401)
}
