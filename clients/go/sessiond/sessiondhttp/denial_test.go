package sessiondhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func expired() *validator {
	return &validator{err: rejected(sessiond.ReasonExpired, sessiond.NextActionRefresh, "Bearer x")}
}

func quiet() sessiondhttp.Option { return sessiondhttp.WithLogger(slog.New(slog.DiscardHandler)) }

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
			name: "a proof that a server refuses to read", header: bearing("a"), status: 400,
			err: &sessiond.InvalidArgument{
				CallError: failed(codes.InvalidArgument, "FIELD_INVALID"), Field: "proof.dpop.proof",
			},
			challenge: []string{`Bearer error="invalid_request"`}, body: `{"error":"INVALID_REQUEST"}`,
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

func TestTheBodyIsJSON(t *testing.T) {
	answer := get(t, sessiondhttp.New(accepting()).Require(nil)(handler), "GET", nil)
	var body struct{ Error, NextAction string }
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Error(err)
	}
}
