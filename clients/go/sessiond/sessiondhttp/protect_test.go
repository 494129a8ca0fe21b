package sessiondhttp_test

import (
	"net/http/httptest"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func TestWhatIsPublicIsPublicByNameAlone(t *testing.T) {
	protect := sessiondhttp.New(accepting()).Protect
	protected := protect(nil, "GET /healthz", "/assets/", "/any/{name}")(handler)
	for _, row := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/healthz", 200},
		{"POST", "/healthz", 401},
		{"GET", "/healthz/", 401},
		{"GET", "/HEALTHZ", 401},
		{"GET", "/", 401},
		{"GET", "/orders", 401},
		{"GET", "/assets/app.js", 200},
		{"GET", "/assets/", 200},
		{"GET", "/assets", 401},
		{"GET", "//assets/app.js", 401},
		{"GET", "/assets/../orders", 401},
		{"GET", "/assets/%2e%2e/orders", 401},
		{"GET", "/assets/..%2forders", 401},
		{"GET", "/assets//orders", 401},
		{"GET", "/any/a%2f..%2forders", 401},
		{"GET", "/any/one", 200},
		{"CONNECT", "/assets/app.js", 401},
	} {
		t.Run(row.method+" "+row.target, func(t *testing.T) {
			request := httptest.NewRequest("GET", "https://api.example"+row.target, nil)
			request.Method = row.method
			answer := httptest.NewRecorder()
			protected.ServeHTTP(answer, request)
			if answer.Code != row.status {
				t.Errorf("found %d", answer.Code)
			}
		})
	}
}

func TestMistakesOfTheProgramAreFoundBeforeARequestIs(t *testing.T) {
	m := sessiondhttp.New(accepting())
	for name, mistake := range map[string]func(){
		"a policy":       func() { m.Require(&sessiond.Policy{Scopes: []string{"a b"}}) },
		"an origin":      func() { sessiondhttp.TrustOrigins("app.example") },
		"with a path":    func() { sessiondhttp.WithDPoP("https://api.example/") },
		"a cookie":       func() { sessiondhttp.FromCookie("a b") },
		"a public route": func() { m.Protect(nil, "healthz") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nobody noticed")
				}
			}()
			mistake()
		})
	}
}
