package sessiondhttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

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

func expired() *validator {
	return &validator{err: rejected(sessiond.ReasonExpired, sessiond.NextActionRefresh, "Bearer x")}
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

func quiet() sessiondhttp.Option { return sessiondhttp.WithLogger(slog.New(slog.DiscardHandler)) }

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

func rejected(reason sessiond.Reason, action sessiond.NextAction, challenge string) error {
	found := &sessiond.Rejected{Reason: reason, NextAction: action, WWWAuthenticate: challenge}
	return fmt.Errorf("wrapped: %w", found)
}

func TestEachDenialHasItsRow(t *testing.T) {
	failed := func(code codes.Code, reason string) sessiond.CallError {
		return sessiond.CallError{Code: code, Reason: reason}
	}
	const (
		scope       = `Bearer error="insufficient_scope"`
		dpop        = `DPoP error="invalid_token"`
		invalid     = `Bearer error="invalid_token"`
		unavailably = `{"error":"UNAVAILABLE"}`
		internally  = `{"error":"INTERNAL"}`
	)
	unavailable := func(after time.Duration) error {
		e := &sessiond.Unavailable{CallError: failed(codes.Unavailable, "STORE_UNAVAILABLE")}
		e.RetryAfter = after
		return e
	}
	const stepUp = `Bearer error="insufficient_user_authentication", acr_values="phr", max_age="60"`
	for _, row := range []struct {
		name      string
		header    http.Header
		err       error
		status    int
		challenge []string
		retry     string
		body      string
	}{
		{
			name: "no token", status: 401, challenge: []string{`Bearer scope="orders:read orders:write"`},
			body: `{"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}`,
		},
		{
			name: "another scheme", header: http.Header{"Authorization": {"Basic dTpw"}}, status: 401,
			challenge: []string{`Bearer scope="orders:read orders:write"`},
			body:      `{"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}`,
		},
		{
			name: "two headers", header: http.Header{"Authorization": {"Bearer a", "Bearer b"}}, status: 400,
			challenge: []string{`Bearer error="invalid_request"`}, body: `{"error":"INVALID_REQUEST"}`,
		},
		{
			name: "SCOPE_INSUFFICIENT", header: bearing("a"), status: 403,
			err:       rejected(sessiond.ReasonScopeInsufficient, sessiond.NextActionDeny, scope),
			challenge: []string{scope},
			body:      `{"error":"SCOPE_INSUFFICIENT","next_action":"DENY"}`,
		},
		{
			name: "STEP_UP_REQUIRED", header: bearing("a"), status: 401,
			err:       rejected(sessiond.ReasonStepUpRequired, sessiond.NextActionStepUp, stepUp),
			challenge: []string{stepUp}, body: `{"error":"STEP_UP_REQUIRED","next_action":"STEP_UP"}`,
		},
		{
			name: "BINDING_MISMATCH", header: bearing("a"), status: 401,
			err:       rejected(sessiond.ReasonBindingMismatch, sessiond.NextActionDeny, dpop),
			challenge: []string{dpop},
			body:      `{"error":"BINDING_MISMATCH","next_action":"DENY"}`,
		},
		{
			name: "EXPIRED", header: bearing("a"), status: 401,
			err:       rejected(sessiond.ReasonExpired, sessiond.NextActionRefresh, invalid),
			challenge: []string{invalid}, body: `{"error":"EXPIRED","next_action":"REFRESH"}`,
		},
		{
			name: "a rejection without a challenge", header: bearing("a"), status: 401,
			err:       rejected(sessiond.ReasonUnspecified, sessiond.NextActionUnspecified, ""),
			challenge: []string{invalid},
			body:      `{"error":"UNSPECIFIED","next_action":"UNSPECIFIED"}`,
		},
		{
			name: "unavailable", header: bearing("a"), err: unavailable(2500 * time.Millisecond),
			status: 503, retry: "3", body: unavailably,
		},
		{
			name: "unavailable for half a second", header: bearing("a"), err: unavailable(time.Second / 2),
			status: 503, retry: "1", body: unavailably,
		},
		{
			name: "unavailable, nobody says for how long", header: bearing("a"), err: unavailable(0),
			status: 503, retry: "1", body: unavailably,
		},
		{
			name: "the time is over", header: bearing("a"), status: 503, retry: "1", body: unavailably,
			err: &sessiond.Unavailable{CallError: failed(codes.DeadlineExceeded, "")},
		},
		{
			name: "overload", header: bearing("a"), status: 503, retry: "1", body: unavailably,
			err: &sessiond.Unavailable{CallError: failed(codes.ResourceExhausted, "RATE_LIMITED")},
		},
		{
			name: "undecided", header: bearing("a"), status: 503, retry: "7", body: unavailably,
			err: &sessiond.Undecided{Reason: "KEYS_UNAVAILABLE", RetryAfter: 7 * time.Second},
		},
		{
			name: "the caller has left", header: bearing("a"), err: context.Canceled, status: 503,
			retry: "1", body: unavailably,
		},
		{
			name: "PERMISSION_DENIED", header: bearing("a"),
			err:    &sessiond.PermissionDenied{CallError: failed(codes.PermissionDenied, "CALLER_UNKNOWN")},
			status: 500, body: internally,
		},
		{
			name: "INVALID_ARGUMENT", header: bearing("a"),
			err:    &sessiond.InvalidArgument{CallError: failed(codes.InvalidArgument, "FIELD_INVALID")},
			status: 500, body: internally,
		},
		{
			name: "UNIMPLEMENTED", header: bearing("a"),
			err:    &sessiond.Unsupported{CallError: failed(codes.Unimplemented, "")},
			status: 500, body: internally,
		},
		{
			name: "INTERNAL", header: bearing("a"),
			err:    &sessiond.Internal{CallError: failed(codes.Internal, "INTERNAL")},
			status: 500, body: internally,
		},
		{
			name: "UNAUTHENTICATED of a proxy", header: bearing("a"),
			err:    &sessiond.CallError{Code: codes.Unauthenticated},
			status: 500, body: internally,
		},
		{
			name: "an error of nobody's", header: bearing("a"), err: errors.New("?"), status: 500, body: internally,
		},
		{
			name: "neither a session nor an error", header: bearing("a"), status: 500, body: internally,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			protected := sessiondhttp.New(&validator{err: row.err}, quiet()).Require(orders)(handler)
			answer := get(t, protected, "GET", row.header)
			if answer.Code != row.status || strings.TrimSpace(answer.Body.String()) != row.body {
				t.Errorf("found %d %s", answer.Code, answer.Body)
			}
			header := answer.Header()
			if !slices.Equal(header["Www-Authenticate"], row.challenge) {
				t.Errorf("found %v", header)
			}
			if header.Get("Retry-After") != row.retry {
				t.Errorf("found %v", header)
			}
			if header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
				t.Errorf("found %v", header)
			}
		})
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

func TestACookieIsTakenOnlyWhereThereIsNoTokenInTheHeader(t *testing.T) {
	cookie := []string{"theme=dark; __Host-session=from.a.cookie"}
	fromCookie := sessiondhttp.FromCookie("__Host-session")
	bad := expired()
	for _, row := range []struct {
		name   string
		asked  *validator
		header http.Header
		status int
		tokens []string
	}{
		{"a cookie", accepting(), http.Header{"Cookie": cookie}, 200, []string{"from.a.cookie"}},
		{
			"beside another scheme", accepting(),
			http.Header{"Cookie": cookie, "Authorization": {"Basic dTpw"}}, 200, []string{"from.a.cookie"},
		},
		{
			"beside a token", accepting(), http.Header{"Cookie": cookie, "Authorization": {"Bearer a"}}, 200, []string{"a"},
		},
		{
			"beside a bad token", bad, http.Header{"Cookie": cookie, "Authorization": {"Bearer a"}}, 401, []string{"a"},
		},
		{
			"beside what is no token", accepting(), http.Header{"Cookie": cookie, "Authorization": {"Bearer"}}, 400, nil,
		},
		{"two cookies", accepting(), http.Header{"Cookie": {cookie[0] + "; __Host-session=b"}}, 400, nil},
		{"another cookie", accepting(), http.Header{"Cookie": {"theme=dark"}}, 401, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := get(t, sessiondhttp.New(row.asked, fromCookie).Require(nil)(handler), "GET", row.header)
			if answer.Code != row.status || !slices.Equal(row.asked.tokens, row.tokens) {
				t.Errorf("found %d, asked about %q", answer.Code, row.asked.tokens)
			}
		})
	}
	without := sessiondhttp.New(accepting()).Require(nil)(handler)
	if answer := get(t, without, "GET", http.Header{"Cookie": cookie}); answer.Code != 401 {
		t.Errorf("without the option: found %d", answer.Code)
	}
}

func TestARequestThatAnotherSiteCausedIsDenied(t *testing.T) {
	const trusted = "https://app.example"
	for _, row := range []struct {
		method, site, origin, upgrade string
		status                        int
	}{
		{method: "GET", site: "cross-site", status: 200},
		{method: "HEAD", site: "cross-site", status: 200},
		{method: "OPTIONS", site: "cross-site", status: 200},
		{method: "TRACE", site: "cross-site", status: 403},
		{method: "GET", site: "cross-site", upgrade: "WebSocket", status: 403},
		{method: "GET", site: "same-origin", upgrade: "websocket", status: 200},
		{method: "GET", origin: "https://evil.example", upgrade: "websocket", status: 403},
		{method: "GET", upgrade: "h2c, websocket", status: 403},
		{method: "POST", site: "same-origin", status: 200},
		{method: "POST", site: "none", status: 200},
		{method: "POST", site: "same-site", status: 403},
		{method: "POST", site: "cross-site", status: 403},
		{method: "POST", site: "anything", status: 403},
		{method: "POST", site: "same-site", origin: "https://api.example", status: 403},
		{method: "POST", site: "cross-site", origin: trusted, status: 200},
		{method: "POST", site: "same-origin", origin: "https://evil.example", status: 200},
		{method: "POST", origin: "https://api.example", status: 200},
		{method: "POST", origin: "https://api.example:8443", status: 403},
		{method: "POST", origin: "https://evil.example", status: 403},
		{method: "POST", origin: trusted, status: 200},
		{method: "POST", origin: "http://app.example", status: 403},
		{method: "POST", origin: "null", status: 403},
		{method: "POST", status: 403},
		{method: "PUT", status: 403},
		{method: "DELETE", site: "cross-site", status: 403},
		{method: "PATCH", site: "same-origin", status: 200},
		{method: "post", site: "cross-site", status: 403},
	} {
		t.Run(fmt.Sprintf("%s %s %s %s", row.method, row.site, row.origin, row.upgrade), func(t *testing.T) {
			header := http.Header{"Cookie": {"session=a"}}
			for name, value := range map[string]string{
				"Sec-Fetch-Site": row.site, "Origin": row.origin, "Upgrade": row.upgrade,
			} {
				if value != "" {
					header.Set(name, value)
				}
			}
			asked := accepting()
			trust := sessiondhttp.TrustOrigins(trusted)
			m := sessiondhttp.New(asked, sessiondhttp.FromCookie("session"), trust)
			answer := get(t, m.Require(nil)(handler), row.method, header)
			if answer.Code != row.status {
				t.Errorf("found %d", answer.Code)
			}
			isDenied := len(asked.tokens) == 0 && strings.Contains(answer.Body.String(), "CROSS_SITE")
			if isDenied != (row.status == 403) {
				t.Errorf("found %s, asked about %q", answer.Body, asked.tokens)
			}
		})
	}
}

func TestOnlyACookieCanBeSentByAnotherSite(t *testing.T) {
	header := bearing("a")
	header.Set("Sec-Fetch-Site", "cross-site")
	m := sessiondhttp.New(accepting(), sessiondhttp.FromCookie("session"))
	if answer := get(t, m.Require(nil)(handler), "POST", header); answer.Code != 200 {
		t.Errorf("found %d", answer.Code)
	}
	allow := sessiondhttp.AllowMissingOrigin()
	allowing := sessiondhttp.New(accepting(), sessiondhttp.FromCookie("session"), allow).Require(nil)(handler)
	if answer := get(t, allowing, "POST", http.Header{"Cookie": {"session=a"}}); answer.Code != 200 {
		t.Errorf("missing origin: found %d", answer.Code)
	}
	twice := http.Header{"Cookie": {"session=a"}, "Sec-Fetch-Site": {"same-origin", "cross-site"}}
	if answer := get(t, allowing, "POST", twice); answer.Code != 403 {
		t.Errorf("said twice: found %d", answer.Code)
	}
}

func TestADPoPProofGoesWithItsRequestAsClientsKnowIt(t *testing.T) {
	saying := func(claims string) *validator { return &validator{session: &sessiond.Session{ClaimsJSON: claims}} }
	bound := saying(`{"cnf": {"jkt": "thumbprint"}}`)
	unbound := saying(`{"CNF": {"JKT": "x"}, "cnf": {"x5t#S256": "y"}}`)
	on := []sessiondhttp.Option{sessiondhttp.WithDPoP("https://public.example")}
	proof := sessiond.DPoP{Proof: "p.r.f", Method: "POST", URL: "https://public.example/orders"}
	header := func(proofs ...string) http.Header {
		return http.Header{"Authorization": {"DPoP a.b.c"}, "Dpop": proofs}
	}
	for _, row := range []struct {
		name    string
		options []sessiondhttp.Option
		asked   *validator
		header  http.Header
		status  int
		proof   sessiond.Option
	}{
		{"a proof", on, bound, header("p.r.f"), 200, proof},
		{"a token that is bound to no key", on, unbound, header("p.r.f"), 401, proof},
		{"no proof", on, bound, header(), 200, nil}, // the server rejects it
		{"two proofs", on, bound, header("p", "q"), 400, nil},
		{"two proofs in one", on, bound, header("p,q"), 400, nil},
		{
			"a bearer token with a proof", on, unbound,
			http.Header{"Authorization": {"Bearer a"}, "Dpop": {"p"}}, 200, nil,
		},
		{"without the option", nil, bound, header("p.r.f"), 200, nil}, // the server rejects it
		{"without the option, a token that is bound to no key", nil, unbound, header("p.r.f"), 401, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.asked.options = nil
			protected := sessiondhttp.New(row.asked, row.options...).Require(nil)(handler)
			answer := get(t, protected, "POST", row.header)
			var given sessiond.Option
			if len(row.asked.options) > 0 {
				given = row.asked.options[0]
			}
			if answer.Code != row.status || given != row.proof {
				t.Errorf("found %d, asked with %v", answer.Code, row.asked.options)
			}
		})
	}
	answer := get(t, sessiondhttp.New(bound, on...).Require(orders)(handler), "GET", nil)
	challenges := []string{`Bearer scope="orders:read orders:write"`, `DPoP scope="orders:read orders:write"`}
	if got := answer.Header()["Www-Authenticate"]; !slices.Equal(got, challenges) {
		t.Errorf("found %q", got)
	}
}

func TestAClientCertificateIsAProof(t *testing.T) {
	certificate := &x509.Certificate{Raw: []byte("der")}
	asked := accepting()
	request := httptest.NewRequest("GET", "https://api.example/", nil)
	request.Header = bearing("a")
	m := sessiondhttp.New(asked, sessiondhttp.WithCertificates(sessiondhttp.PeerCertificate))
	with := m.Require(nil, sessiond.Strict)(handler)
	for range 2 {
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
		with.ServeHTTP(httptest.NewRecorder(), request)
		both := []sessiond.Option{sessiond.Strict, sessiond.CertificateOf(certificate)}
		if !slices.Equal(asked.options, both) {
			t.Errorf("asked with %v", asked.options)
		}
		request.TLS = &tls.ConnectionState{}
		with.ServeHTTP(httptest.NewRecorder(), request)
		if !slices.Equal(asked.options, []sessiond.Option{sessiond.Strict}) {
			t.Errorf("without one: asked with %v", asked.options)
		}
	}
}

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

func TestARendererWritesWhatItWantsUnderTheHeadersOfTheTable(t *testing.T) {
	var told sessiondhttp.Denial
	render := func(w http.ResponseWriter, _ *http.Request, denied sessiondhttp.Denial) {
		told = denied
		w.WriteHeader(denied.Status)
		fmt.Fprint(w, "<p>no</p>")
	}
	protected := sessiondhttp.New(expired(), sessiondhttp.WithRenderer(render)).Require(nil)(handler)
	answer := get(t, protected, "GET", bearing("a"))
	challenge := answer.Header().Get("WWW-Authenticate")
	if answer.Code != 401 || answer.Body.String() != "<p>no</p>" || challenge != "Bearer x" {
		t.Errorf("found %d %s %v", answer.Code, answer.Body, answer.Header())
	}
	var why *sessiond.Rejected
	if told.Reason != "EXPIRED" || told.NextAction != "REFRESH" || !errors.As(told.Err, &why) {
		t.Errorf("told %+v", told)
	}
}

func TestOnlyWhatAnOperatorCanMendIsLoggedAndNoTokenEver(t *testing.T) {
	var text strings.Builder
	logger := sessiondhttp.WithLogger(slog.New(slog.NewJSONHandler(&text, nil)))
	serve := func(err error) string {
		text.Reset()
		protected := sessiondhttp.New(&validator{err: err}, logger).Require(nil)(handler)
		get(t, protected, "GET", bearing("secret.token"))
		return text.String()
	}
	unknown := sessiond.CallError{Code: codes.PermissionDenied, Reason: "CALLER_UNKNOWN"}
	logged := serve(&sessiond.PermissionDenied{CallError: unknown})
	if !strings.Contains(logged, "CALLER_UNKNOWN") || !strings.Contains(logged, `"ERROR"`) {
		t.Errorf("logged %q", logged)
	}
	logged = serve(errors.New("of secret.token"))
	if strings.Contains(logged, "secret") || !strings.Contains(logged, "errors.errorString") {
		t.Errorf("logged %q", logged)
	}
	for _, err := range []error{expired().err, &sessiond.Unavailable{}, context.Canceled} {
		if logged := serve(err); logged != "" {
			t.Errorf("logged %q", logged)
		}
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

func TestTheBodyIsJSON(t *testing.T) {
	answer := get(t, sessiondhttp.New(accepting()).Require(nil)(handler), "GET", nil)
	var body struct{ Error, NextAction string }
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Error(err)
	}
}
