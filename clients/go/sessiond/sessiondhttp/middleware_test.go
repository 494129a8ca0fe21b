package sessiondhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

// validator gives what a test says, and remembers what it was asked.
type validator struct {
	session *sessiond.Session
	err     error

	tokens  []string
	policy  *sessiond.Policy
	options []sessiond.Option
}

func (v *validator) Validate(
	_ context.Context, token string, policy *sessiond.Policy, options ...sessiond.Option,
) (*sessiond.Session, error) {
	v.tokens, v.policy, v.options = append(v.tokens, token), policy, options
	return v.session, v.err
}

func accepting() *validator {
	return &validator{session: &sessiond.Session{Subject: "alice"}}
}

var orders = sessiond.Require(sessiond.Policy{Scopes: []string{"orders:write", "orders:read"}})

// handler says who it was called for.
var handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	subject := "nobody"
	if session, ok := sessiond.FromContext(r.Context()); ok {
		subject = session.Subject
	}
	fmt.Fprintf(w, "for %s", subject)
})

// get serves one request to a protected handler.
func get(t *testing.T, protected http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, "https://api.example/orders?access_token=in.a.query", nil)
	request.Header = header
	recorder := httptest.NewRecorder()
	protected.ServeHTTP(recorder, request)
	return recorder
}

func bearing(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestARequestWithAGoodTokenGetsThroughWithItsSession(t *testing.T) {
	asked := accepting()
	answer := get(t, sessiondhttp.New(asked).Require(orders, sessiond.Strict)(handler), "GET", bearing("a.b.c"))
	if answer.Code != 200 || answer.Body.String() != "for alice" {
		t.Errorf("found %d %s", answer.Code, answer.Body)
	}
	if !slices.Equal(asked.tokens, []string{"a.b.c"}) || len(asked.policy.Scopes) != 2 {
		t.Errorf("asked about %q under %+v", asked.tokens, asked.policy)
	}
	if len(asked.options) != 1 || asked.options[0] != sessiond.Strict {
		t.Errorf("asked with %v", asked.options)
	}
}

func TestATokenIsTakenFromNoQueryAndNoBody(t *testing.T) {
	asked := accepting()
	request := httptest.NewRequest("POST", "/?access_token=a.b.c", strings.NewReader("access_token=a.b.c"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	sessiondhttp.New(asked).Require(nil)(handler).ServeHTTP(answer, request)
	if answer.Code != 401 || answer.Header().Get("WWW-Authenticate") != "Bearer" || len(asked.tokens) > 0 {
		t.Errorf("found %d, asked about %q", answer.Code, asked.tokens)
	}
}

func TestAnOptionalRouteLetsNobodyThroughWithABadToken(t *testing.T) {
	good, bad := accepting(), expired()
	for _, row := range []struct {
		name   string
		asked  *validator
		header http.Header
		status int
		body   string
	}{
		{"none", good, nil, 200, "for nobody"},
		{"another scheme", good, http.Header{"Authorization": {"Basic dTpw"}}, 200, "for nobody"},
		{"a good one", good, bearing("a"), 200, "for alice"},
		{"a bad one", bad, bearing("a"), 401, ""},
		{"two", good, http.Header{"Authorization": {"Bearer a", "Bearer b"}}, 400, ""},
		{"what is no token", good, http.Header{"Authorization": {"Bearer"}}, 400, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := get(t, sessiondhttp.New(row.asked).Optional(nil)(handler), "GET", row.header)
			if answer.Code != row.status || row.body != "" && answer.Body.String() != row.body {
				t.Errorf("found %d %s", answer.Code, answer.Body)
			}
		})
	}
}
