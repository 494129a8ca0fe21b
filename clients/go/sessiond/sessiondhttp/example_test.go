package sessiondhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// client stands for a sessiond.Client: alice's token is good, and any other has expired.
var client = sessiondtest.ValidatorFunc(func(
	_ context.Context, token string, _ *sessiond.Policy, _ ...sessiond.Option,
) (*sessiond.Session, error) {
	if token == "of.alice" {
		return sessiondtest.NewSession("alice", "orders:read"), nil
	}
	return nil, &sessiond.Rejected{
		Reason: sessiond.ReasonExpired, NextAction: sessiond.NextActionRefresh,
		WWWAuthenticate: `Bearer error="invalid_token"`,
	}
})

// show sends a request, and prints what comes back.
func show(handler http.Handler, path, token string) {
	request := httptest.NewRequest("GET", path, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	fmt.Print(answer.Code, " ", answer.Body)
}

func Example() {
	orders := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})
	protect := sessiondhttp.New(client)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", protect.Require(orders)(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			session, _ := sessiond.FromContext(r.Context())
			fmt.Fprintln(w, "orders of", session.Subject)
		},
	)))
	show(mux, "/orders", "of.alice")
	show(mux, "/orders", "of.bob")
	show(mux, "/orders", "")
	// Output:
	// 200 orders of alice
	// 401 {"error":"EXPIRED","next_action":"REFRESH"}
	// 401 {"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}
}

func ExampleMiddleware_Optional() {
	greet := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session, ok := sessiond.FromContext(r.Context()); ok {
			fmt.Fprintln(w, "hello,", session.Subject)
			return
		}
		fmt.Fprintln(w, "hello, whoever you are")
	})
	handler := sessiondhttp.New(client).Optional(nil)(greet)
	show(handler, "/", "of.alice")
	show(handler, "/", "")
	// Output:
	// 200 hello, alice
	// 200 hello, whoever you are
}

func ExampleMiddleware_Protect() {
	mux := http.NewServeMux()
	say := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, text) })
	}
	mux.Handle("GET /healthz", say("well"))
	mux.Handle("GET /admin", say("whatever you want"))
	handler := sessiondhttp.New(client).Protect(nil, "GET /healthz")(mux)
	show(handler, "/healthz", "")
	show(handler, "/admin", "")
	// Output:
	// 200 well
	// 401 {"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}
}

func ExampleWithRenderer() {
	render := func(w http.ResponseWriter, _ *http.Request, denied sessiondhttp.Denial) {
		http.Error(w, "please "+string(denied.NextAction), denied.Status)
	}
	show(sessiondhttp.New(client, sessiondhttp.WithRenderer(render)).Require(nil)(nil), "/", "of.bob")
	// Output:
	// 401 please REFRESH
}
