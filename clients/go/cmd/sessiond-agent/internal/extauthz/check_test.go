package extauthz

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const token = "e30.e30.c2ln"

var alice = &sessiondv1.Session{
	Principal: "p1", Issuer: "https://idp.example", Subject: "alice", SessionId: "sds_1", TenantId: "acme",
	ClientId: "web app", Acr: "mfa", Scopes: []string{"orders:read", "a b"}, Roles: []string{"ädmin"},
	AuthTime: &timestamppb.Timestamp{Seconds: 1_700_000_000}, ExpireTime: &timestamppb.Timestamp{Seconds: 1_700_000_300},
	Actor: &sessiondv1.Actor{Subject: "support"}, ClaimsJson: `{"cnf":{"jkt":"thumbprint"}}`,
}

type (
	question = sessiondv1.ValidateTokenRequest
	verdict  = sessiondv1.ValidateTokenResponse
)

// judge answers as a test says, and remembers what it was asked.
type judge struct {
	answer func(*question) (*verdict, error)
	asked  []*question
	beside *atomic.Value // where a verdict is kept
}

func (j *judge) ask(_ context.Context, raw []byte) (memory.Verdict, error) {
	request := &question{}
	if err := proto.Unmarshal(raw, request); err != nil {
		return memory.Verdict{}, err
	}
	j.asked = append(j.asked, request)
	answer, err := j.answer(request)
	if err != nil {
		return memory.Verdict{}, err
	}
	encoded, err := proto.Marshal(answer)
	return memory.Verdict{Answer: encoded, Beside: j.beside}, err
}

func accepted(session *sessiondv1.Session) *verdict {
	return &verdict{Verdict: &sessiondv1.ValidateTokenResponse_Session{Session: session}}
}

func refusedFor(reason sessiondv1.Rejection_Reason, challenge string) *verdict {
	return &verdict{Verdict: &sessiondv1.ValidateTokenResponse_Rejection{Rejection: &sessiondv1.Rejection{
		Reason: reason, Message: "said", NextAction: sessiondv1.Rejection_NEXT_ACTION_DENY, WwwAuthenticate: challenge,
	}}}
}

func answering(answer *verdict) *judge {
	return &judge{answer: func(*question) (*verdict, error) { return answer, nil }}
}

func accepting(session *sessiondv1.Session) *judge { return answering(accepted(session)) }

func failing(err error) *judge {
	return &judge{answer: func(*question) (*verdict, error) { return nil, err }}
}

func clone(session *sessiondv1.Session, change func(*sessiondv1.Session)) *sessiondv1.Session {
	own := proto.Clone(session).(*sessiondv1.Session)
	change(own)
	return own
}

type trial struct {
	server   *Server
	outcomes []string
	log      bytes.Buffer
}

func newTrial(t *testing.T, judge *judge, change func(*Settings)) *trial {
	t.Helper()
	settings, tried := DefaultSettings(), &trial{}
	if change != nil {
		change(&settings)
	}
	server, err := New(settings, judge.ask, slog.New(slog.NewTextHandler(&tried.log, nil)), func(outcome string) {
		tried.outcomes = append(tried.outcomes, outcome)
	})
	if err != nil {
		t.Fatal(err)
	}
	tried.server = server
	return tried
}

// asked is a request with these headers ("name: value") and context extensions ("key=value").
func asked(method string, headers []string, extensions ...string) *authv3.CheckRequest {
	list := &corev3.HeaderMap{}
	for _, one := range headers {
		name, value, _ := strings.Cut(one, ": ")
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	context := map[string]string{}
	for _, one := range extensions {
		key, value, _ := strings.Cut(one, "=")
		context[key] = value
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: method, Scheme: "https", Host: "app.example", Path: "/orders?token=no", HeaderMap: list,
		}},
		ContextExtensions: context,
	}}
}

// call goes through the messages as Envoy has them.
func call(ctx context.Context, server *Server, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	raw, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	told, err := server.Check(ctx, raw)
	if err != nil {
		return nil, err
	}
	answer := &authv3.CheckResponse{}
	return answer, proto.Unmarshal(told, answer)
}

func (c *trial) check(t *testing.T, request *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	answer, err := call(t.Context(), c.server, request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.GetOkResponse() == nil && answer.GetStatus().GetCode() == int32(codes.OK) {
		t.Fatal("Envoy would let this pass")
	}
	return answer
}

func headersOf(options []*corev3.HeaderValueOption) map[string][]string {
	found := map[string][]string{}
	for _, one := range options {
		found[one.GetHeader().GetKey()] = append(found[one.GetHeader().GetKey()], one.GetHeader().GetValue())
	}
	return found
}

func expectDenied(t *testing.T, answer *authv3.CheckResponse, httpStatus int32, code codes.Code, body string) {
	t.Helper()
	denied := answer.GetDeniedResponse()
	if int32(denied.GetStatus().GetCode()) != httpStatus || answer.GetStatus().GetCode() != int32(code) ||
		!strings.Contains(denied.GetBody(), body) {
		t.Fatalf("found %v, expected %d %v with %s", answer, httpStatus, code, body)
	}
	if got := headersOf(denied.GetHeaders())["cache-control"]; !slices.Equal(got, []string{"no-store"}) {
		t.Fatalf("cache-control: %v", got)
	}
	if answer.GetDynamicMetadata().GetFields()["verdict"].GetStringValue() != "REJECTED" {
		t.Fatal("the access log is not told")
	}
}

func TestWhoIsAcceptedIsTold(t *testing.T) {
	tried := newTrial(t, accepting(alice), nil)
	answer := tried.check(t, asked("GET", []string{
		"Authorization: Bearer " + token, "X-Auth-Subject: root", "x_auth_admin: 1", "x-auth-tenant: other",
		"x-author: kept",
	}, "scopes=orders:read"))
	want := map[string][]string{
		"x-auth-principal": {"p1"}, "x-auth-issuer": {"https://idp.example"}, "x-auth-subject": {"alice"},
		"x-auth-session": {"sds_1"}, "x-auth-tenant": {"acme"}, "x-auth-client": {"web%20app"},
		"x-auth-acr": {"mfa"}, "x-auth-scopes": {"orders:read a%20b"}, "x-auth-roles": {"%C3%A4dmin"},
		"x-auth-auth-time": {"1700000000"}, "x-auth-expires": {"1700000300"}, "x-auth-actor": {"support"},
	}
	got := headersOf(answer.GetOkResponse().GetHeaders())
	for name, values := range want {
		if !slices.Equal(got[name], values) {
			t.Errorf("%s: found %v, expected %v", name, got[name], values)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %v, expected %v", got, want)
	}
	for _, one := range answer.GetOkResponse().GetHeaders() {
		if one.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s is appended to what a client has sent", one.GetHeader().GetKey())
		}
	}
	removed := answer.GetOkResponse().GetHeadersToRemove()
	for _, name := range []string{"x_auth_admin", "x-auth-permissions", "x-auth-claims", "authorization", "dpop"} {
		if !slices.Contains(removed, name) {
			t.Errorf("%s goes on upstream", name)
		}
	}
	for name := range want {
		if slices.Contains(removed, name) {
			t.Errorf("%s is set and removed", name)
		}
	}
	if slices.Contains(removed, "x-author") {
		t.Error("x-author is nobody's business")
	}
	metadata := answer.GetDynamicMetadata().GetFields()
	if metadata["verdict"].GetStringValue() != "ACCEPTED" || metadata["subject"].GetStringValue() != "alice" ||
		len(metadata["scopes"].GetListValue().GetValues()) != 2 {
		t.Errorf("metadata: %v", metadata)
	}
	if !slices.Equal(tried.outcomes, []string{"ACCEPTED"}) {
		t.Errorf("outcomes: %v", tried.outcomes)
	}
}

func TestNobodyIsToldWhereNobodyHadToBeKnown(t *testing.T) {
	answer := newTrial(t, failing(nil), nil).check(t, asked("GET", []string{"x-auth-subject: mallory"}, "anonymous=true"))
	if answer.GetOkResponse() == nil || len(answer.GetOkResponse().GetHeaders()) != 0 {
		t.Fatalf("found %v", answer)
	}
	removed := answer.GetOkResponse().GetHeadersToRemove()
	for _, name := range identityNames {
		if !slices.Contains(removed, "x-auth-"+name) {
			t.Errorf("x-auth-%s goes on upstream", name)
		}
	}
	if answer.GetDynamicMetadata().GetFields()["verdict"].GetStringValue() != "ANONYMOUS" {
		t.Error("the access log is not told")
	}
}

func TestABadTokenIsNeverAnonymous(t *testing.T) {
	validator := answering(refusedFor(sessiondv1.Rejection_REASON_EXPIRED, `Bearer error="invalid_token"`))
	answer := newTrial(t, validator, nil).check(t, asked("GET", []string{"authorization: Bearer " + token}, "anonymous=true"))
	expectDenied(t, answer, 401, codes.Unauthenticated, `"error":"invalid_token"`)
}

func TestWhoBringsNothingIsAskedForACredential(t *testing.T) {
	for _, headers := range [][]string{nil, {"authorization: Basic YTpi"}, {"cookie: session=" + token}} {
		tried := newTrial(t, accepting(alice), func(s *Settings) { s.Hosts = []string{"app.example"} })
		answer := tried.check(t, asked("GET", headers, "scopes=orders:read"))
		expectDenied(t, answer, 401, codes.Unauthenticated, `"next_action":"REAUTHENTICATE"`)
		got := headersOf(answer.GetDeniedResponse().GetHeaders())["www-authenticate"]
		if !slices.Equal(got, []string{`Bearer scope="orders:read"`, dpopAlgorithms}) {
			t.Errorf("challenges: %v", got)
		}
	}
}

func TestAMalformedCredentialIsRefusedUnjudged(t *testing.T) {
	for _, headers := range [][]string{
		{"authorization: Bearer " + token + ",Bearer " + token},
		{"authorization: Bearer " + token, "authorization: Bearer " + token},
		{"authorization: Basic YTpi,Bearer " + token},
		{"authorization: Bearer"},
		{"authorization: Bearer  " + token},
		{"authorization: Bearer " + token + " "},
		{"authorization: Bearer tök"},
		{"authorization: DPoP " + token},
		{"authorization: DPoP " + token, "dpop: a", "dpop: b"},
		{"authorization: DPoP " + token, "dpop: a,b"},
		{"cookie: session=" + token + "; session=" + token},
		{"cookie: session=" + token, "cookie: session=" + token},
		{"cookie: session=" + token + ",other=1"},
		{"cookie: session="},
		{"authorization: Bearer " + token, "cookie: session=" + token},
	} {
		validator := accepting(alice)
		tried := newTrial(t, validator, func(s *Settings) {
			s.Hosts, s.Credentials = []string{"app.example"}, []string{"bearer", "dpop", "cookie:session"}
		})
		expectDenied(t, tried.check(t, asked("GET", headers)), 400, codes.InvalidArgument, `"error":"invalid_request"`)
		if len(validator.asked) != 0 {
			t.Errorf("%v was judged", headers)
		}
	}
}

func TestASchemeMayBeWrittenInAnyCase(t *testing.T) {
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		validator := accepting(alice)
		answer := newTrial(t, validator, nil).check(t, asked("GET", []string{"authorization: " + scheme + " " + token}))
		if answer.GetOkResponse() == nil || len(validator.asked) != 1 || validator.asked[0].GetToken() != token {
			t.Errorf("%s: %v", scheme, answer)
		}
	}
}

func TestEveryRejectionHasItsStatus(t *testing.T) {
	for _, one := range []struct {
		reason    sessiondv1.Rejection_Reason
		challenge string
		status    int32
		code      codes.Code
		body      string
	}{
		{
			sessiondv1.Rejection_REASON_SCOPE_INSUFFICIENT, `Bearer error="insufficient_scope"`, 403, codes.PermissionDenied,
			`"error":"insufficient_scope","error_description":"said","next_action":"DENY"`,
		},
		{
			sessiondv1.Rejection_REASON_STEP_UP_REQUIRED,
			`Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="300"`,
			401, codes.Unauthenticated, `"error":"insufficient_user_authentication"`,
		},
		{
			sessiondv1.Rejection_REASON_REVOKED, `Bearer error="invalid_token"`, 401, codes.Unauthenticated,
			`"error":"invalid_token"`,
		},
		{sessiondv1.Rejection_Reason(99), "", 401, codes.Unauthenticated, `"error":"invalid_token"`},
	} {
		tried := newTrial(t, answering(refusedFor(one.reason, one.challenge)), nil)
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		expectDenied(t, answer, one.status, one.code, one.body)
		got := headersOf(answer.GetDeniedResponse().GetHeaders())
		if strings.Join(got["www-authenticate"], "|") != one.challenge || got["retry-after"] != nil {
			t.Errorf("%v: headers %v", one.reason, got)
		}
	}
	for name, answer := range map[string]*verdict{"unset": {}, "none": nil} {
		tried := newTrial(t, answering(answer), nil)
		said := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		expectDenied(t, said, 401, codes.Unauthenticated, `"error":"invalid_token"`)
		if said.GetOkResponse() != nil {
			t.Errorf("a verdict that is %s lets a request pass", name)
		}
	}
}

func TestWhoCannotBeJudgedNeedNotLogInAgain(t *testing.T) {
	later, err := status.New(codes.Unavailable, "").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(1200 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		err   error
		retry string
	}{
		{later.Err(), "2"},
		{status.Error(codes.Unavailable, ""), "1"},
		{status.Error(codes.DeadlineExceeded, ""), "1"},
		{status.Error(codes.ResourceExhausted, ""), "1"},
		{status.Error(codes.Canceled, ""), "1"},
	} {
		tried := newTrial(t, failing(one.err), nil)
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		expectDenied(t, answer, 503, codes.Unavailable, `"error":"unavailable"`)
		got := headersOf(answer.GetDeniedResponse().GetHeaders())
		if got["www-authenticate"] != nil || !slices.Equal(got["retry-after"], []string{one.retry}) {
			t.Errorf("%v: headers %v", one.err, got)
		}
	}
}

func TestWhatAServerRefusesOfARouteIsItsConfiguration(t *testing.T) {
	told, err := status.New(codes.InvalidArgument, "").WithDetails(&errdetails.ErrorInfo{
		Domain: "sessiond", Metadata: map[string]string{"field": "requirements.issuers[0]", "found": "x", "allowed": "y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{told.Err(), status.Error(codes.InvalidArgument, "")} {
		tried := newTrial(t, failing(err), nil)
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		expectDenied(t, answer, 500, codes.Internal, `"error":"misconfigured"`)
		if !strings.Contains(tried.log.String(), "a route is misconfigured") {
			t.Errorf("log: %s", tried.log.String())
		}
	}
}

func TestWhatIsWrongWithTheAgentIsToldToEnvoyAlone(t *testing.T) {
	for said, told := range map[codes.Code]codes.Code{
		codes.PermissionDenied: codes.PermissionDenied, codes.Unauthenticated: codes.PermissionDenied,
		codes.Internal: codes.Internal, codes.Unimplemented: codes.Internal, codes.Unknown: codes.Internal,
	} {
		tried := newTrial(t, failing(status.Error(said, "secret")), nil)
		answer, failure := call(t.Context(), tried.server, asked("GET", []string{"authorization: Bearer " + token}))
		if answer != nil || status.Code(failure) != told || strings.Contains(failure.Error(), "secret") {
			t.Errorf("%v: found %v, %v", said, answer, failure)
		}
	}
}

func TestADefectLetsNothingPassAndEndsNothing(t *testing.T) {
	tried := newTrial(t, &judge{answer: func(*question) (*verdict, error) { panic("secret") }}, nil)
	answer, failure := call(t.Context(), tried.server, asked("GET", []string{"authorization: Bearer " + token}))
	if answer != nil || status.Code(failure) != codes.Internal || !slices.Equal(tried.outcomes, []string{"FAILED"}) {
		t.Errorf("found %v, %v", answer, failure)
	}
}

func TestAMisconfiguredRouteIsOpenToNobody(t *testing.T) {
	for _, extension := range []string{
		"scope=orders:read", "scopes=", "scopes=  ", `scopes=a"b`, "anonymous=yes", "keep_token=1", "claims=[]", "claims={}",
		`claims={"a":null}`, `claims={"a":1}`, `claims={"a":[]}`, "max_auth_age=0", "max_auth_age=-5m", "max_auth_age=soon",
		"credentials=", "credentials=query", "credentials=cookie:", "credentials=cookie:a cookie:b", "credentials=dpop cookie:a b",
		"credentials=bearer dpop",
		"issuers=" + strings.Repeat("x", 256),
	} {
		validator := accepting(alice)
		tried := newTrial(t, validator, nil)
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}, extension))
		expectDenied(t, answer, 500, codes.Internal, `"error":"misconfigured"`)
		key, _, _ := strings.Cut(extension, "=")
		if !strings.Contains(tried.log.String(), "key="+key) || len(validator.asked) != 0 {
			t.Errorf("%s: log %s", extension, tried.log.String())
		}
		if strings.Contains(answer.GetDeniedResponse().GetBody(), key) {
			t.Errorf("%s: the client is told of our configuration", extension)
		}
	}
}

func TestAMistakeIsToldOnceAMinuteHoweverOftenItIsMade(t *testing.T) {
	tried, now := newTrial(t, accepting(alice), nil), time.Unix(1_700_000_000, 0)
	tried.server.now = func() time.Time { return now }
	lines := func(extensions ...string) int {
		tried.log.Reset()
		for _, extension := range extensions {
			tried.check(t, asked("GET", nil, extension))
		}
		return strings.Count(tried.log.String(), "\n")
	}
	if found := lines("scope=a", "scope=a", "typo=a", "scope=a"); found != 2 {
		t.Errorf("two mistakes took %d lines", found)
	}
	now = now.Add(reportSpan - 1)
	if found := lines("scope=a", "typo=a"); found != 0 {
		t.Errorf("within the minute: %d lines", found)
	}
	now = now.Add(1)
	if found := lines("scope=a"); found != 1 {
		t.Errorf("after it: %d lines", found)
	}
	many := make([]string, 3*mostReports)
	for i := range many {
		many[i] = fmt.Sprintf("anonymous=%d", i)
	}
	if found := lines(many...); found != mostReports-1 {
		t.Errorf("%d mistakes took %d lines", len(many), found)
	}
	if found := len(tried.outcomes); found != 7+len(many) {
		t.Errorf("%d are counted", found)
	}
}

func TestWhatAClientSendsIsNoMistakeOfARoute(t *testing.T) {
	tried := newTrial(t, accepting(alice), nil) // and no proof can be judged here
	for range 3 {
		answer := tried.check(t, asked("GET", []string{"authorization: DPoP " + token, "dpop: proof"}))
		expectDenied(t, answer, 401, codes.Unauthenticated, `"error":"no_credential"`)
		challenges := headersOf(answer.GetDeniedResponse().GetHeaders())["www-authenticate"]
		if !slices.Equal(challenges, []string{"Bearer"}) {
			t.Errorf("found %q", challenges)
		}
	}
	detailed, err := status.New(codes.InvalidArgument, "said").WithDetails(&errdetails.ErrorInfo{
		Domain: "sessiond", Reason: "FIELD_INVALID",
		Metadata: map[string]string{"field": "proof.dpop.proof", "found": "9000 bytes", "allowed": "less"},
	})
	if err != nil {
		t.Fatal(err)
	}
	judging := newTrial(t, failing(detailed.Err()), func(s *Settings) { s.Hosts = []string{"app.example"} })
	answer := judging.check(t, asked("GET", []string{"authorization: DPoP " + token, "dpop: proof"}))
	expectDenied(t, answer, 400, codes.InvalidArgument, `"error":"invalid_request"`)
	if tried.log.Len()+judging.log.Len() > 0 {
		t.Errorf("log %s %s", tried.log.String(), judging.log.String())
	}
}

func TestRequirementsAreThoseOfTheRoute(t *testing.T) {
	route, err := parseRoute(map[string]string{
		"audiences": "a b", "issuers": "i", "scopes": "s2 s1", "permissions": "p", "acr_values": "mfa",
		"claims": `{"org": "acme", "plan": ["x", "y"]}`, "max_auth_age": "300", "credentials": "cookie:__Host-session",
	}, credentials{bearer: true})
	if err != nil {
		t.Fatal(err)
	}
	want := &sessiondv1.Requirements{
		Audiences: []string{"a", "b"}, Issuers: []string{"i"}, Scopes: []string{"s1", "s2"}, Permissions: []string{"p"},
		AcrValues: []string{"mfa"}, MaxAuthAge: durationpb.New(5 * time.Minute),
		Claims: map[string]*sessiondv1.ClaimValues{"org": {Values: []string{"acme"}}, "plan": {Values: []string{"x", "y"}}},
	}
	asking := &question{}
	if err := proto.Unmarshal(route.question("a", nil), asking); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(asking, &question{Token: "a", Requirements: want}) {
		t.Errorf("asks: %v", asking)
	}
	validator := accepting(alice)
	newTrial(t, validator, nil).check(t, asked("GET", []string{"authorization: Bearer " + token}, "scopes=s1"))
	if !slices.Equal(validator.asked[0].GetRequirements().GetScopes(), []string{"s1"}) {
		t.Errorf("asked: %v", validator.asked)
	}
	if route.credentials != (credentials{cookie: "__Host-session"}) {
		t.Errorf("credentials: %+v", route.credentials)
	}
}

func TestACookieIsTakenFromTheUpstreamAndFromOtherSites(t *testing.T) {
	route := "credentials=cookie:__Host-session"
	cookie := "cookie: theme=dark; __Host-session=" + token + "; lang=en"
	for _, one := range []struct {
		method  string
		headers []string
		passes  bool
	}{
		{"GET", nil, true},
		{"GET", []string{"sec-fetch-site: cross-site"}, true},
		{"GET", []string{"sec-fetch-site: cross-site", "upgrade: websocket"}, false},
		{"POST", []string{"sec-fetch-site: same-origin"}, true},
		{"POST", []string{"sec-fetch-site: none"}, true},
		{"POST", []string{"sec-fetch-site: same-site"}, false},
		{"POST", []string{"sec-fetch-site: cross-site", "origin: https://app.example"}, false},
		{"POST", []string{"sec-fetch-site: same-origin", "sec-fetch-site: cross-site"}, false},
		{"POST", []string{"origin: https://app.example"}, true},
		{"POST", []string{"origin: https://evil.example"}, false},
		{"POST", []string{"origin: null"}, false},
		{"DELETE", nil, false},
		{"POST", []string{"origin: https://APP.example"}, true},
		{"GET", []string{"upgrade: anything"}, false},
	} {
		tried := newTrial(t, accepting(alice), nil)
		answer := tried.check(t, asked(one.method, append([]string{cookie}, one.headers...), route))
		if !one.passes {
			expectDenied(t, answer, 403, codes.PermissionDenied, `"error":"cross_site"`)
			continue
		}
		got := headersOf(answer.GetOkResponse().GetHeaders())["cookie"]
		if !slices.Equal(got, []string{"theme=dark; lang=en"}) {
			t.Errorf("%s %v: cookie %v of %v", one.method, one.headers, got, answer)
		}
	}
	alone := newTrial(t, accepting(alice), nil).check(t, asked("GET", []string{"cookie: __Host-session=" + token}, route))
	if !slices.Contains(alone.GetOkResponse().GetHeadersToRemove(), "cookie") {
		t.Error("an empty cookie header goes on")
	}
	raw := newTrial(t, accepting(alice), nil).check(t, asked("GET", []string{cookie + "; raw=\xff"}, route))
	left := headersOf(raw.GetOkResponse().GetHeaders())["cookie"]
	if !slices.Equal(left, []string{"theme=dark; lang=en"}) {
		t.Errorf("beside what is no text: found %v", left)
	}
	kept := newTrial(t, accepting(alice), nil).check(t, asked("GET", []string{cookie}, route, "keep_token=true"))
	if _, isSet := headersOf(kept.GetOkResponse().GetHeaders())["cookie"]; isSet ||
		slices.Contains(kept.GetOkResponse().GetHeadersToRemove(), "authorization") {
		t.Error("keep_token keeps nothing")
	}
}

func TestAProofIsForTheAddressThatTheClientKnows(t *testing.T) {
	headers := []string{"authorization: DPoP " + token, "dpop: proof"}
	for _, one := range []struct {
		change func(*Settings)
		url    string
	}{
		{func(s *Settings) { s.Hosts = []string{"app.example"} }, "https://app.example/orders"},
		{func(s *Settings) { s.ExternalURL = "https://outside.example" }, "https://outside.example/orders"},
	} {
		validator := accepting(alice)
		answer := newTrial(t, validator, one.change).check(t, asked("POST", headers))
		want := &sessiondv1.DpopProof{Proof: "proof", Method: "POST", Url: one.url}
		if answer.GetOkResponse() == nil || len(validator.asked) != 1 ||
			!proto.Equal(validator.asked[0].GetProof().GetDpop(), want) {
			t.Errorf("found %v, asked %v", answer, validator.asked)
		}
	}
	other := newTrial(t, accepting(alice), func(s *Settings) { s.Hosts = []string{"other.example"} })
	expectDenied(t, other.check(t, asked("GET", headers)), 400, codes.InvalidArgument, "invalid_request")
}

func TestATokenThatIsBoundToNothingNeedsNoProof(t *testing.T) {
	bearer := clone(alice, func(s *sessiondv1.Session) { s.ClaimsJson = `{"sub":"alice"}` })
	tried := newTrial(t, accepting(bearer), func(s *Settings) { s.Hosts = []string{"app.example"} })
	answer := tried.check(t, asked("GET", []string{"authorization: DPoP " + token, "dpop: proof"}))
	expectDenied(t, answer, 401, codes.Unauthenticated, "bound to no key")
	challenge := headersOf(answer.GetDeniedResponse().GetHeaders())["www-authenticate"]
	if len(challenge) != 1 || !strings.HasPrefix(challenge[0], "DPoP ") {
		t.Errorf("challenge: %v", challenge)
	}
}

func TestACertificateIsShownWhereTheTokenWantsOne(t *testing.T) {
	der := []byte("a certificate")
	encoded := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	mine := sha256.Sum256(der)
	forwarded := func(hash string) string {
		return "x-forwarded-client-cert: By=spiffe://a;Hash=" + hash + `;Subject="CN=a,b;Hash=no"`
	}
	own := hex.EncodeToString(mine[:])
	bound := func() *judge {
		return &judge{answer: func(asked *question) (*verdict, error) {
			if bytes.Equal(asked.GetProof().GetCertificateSha256(), mine[:]) {
				return accepted(alice), nil
			}
			return refusedFor(sessiondv1.Rejection_REASON_BINDING_MISMATCH, ""), nil
		}}
	}
	for name, one := range map[string]struct {
		source  string
		headers []string
		hops    int
		passes  bool
	}{
		"of this connection":         {encoded, nil, 0, true},
		"a claim beside another":     {url.PathEscape("nothing"), []string{forwarded(own)}, 1, false},
		"of a trusted proxy":         {"", []string{forwarded(own)}, 1, true},
		"of nobody who is trusted":   {"", []string{forwarded(own)}, 0, false},
		"claimed before the proxy's": {"", []string{forwarded(own) + ",Hash=" + strings.Repeat("0", 64)}, 1, false},
		"of the second from the end": {"", []string{forwarded(own) + ",Hash=" + strings.Repeat("0", 64)}, 2, true},
		"of fewer than are trusted":  {"", []string{forwarded(own)}, 2, false},
		"two in one element":         {"", []string{forwarded(own) + ";Hash=" + own}, 1, false},
		"none":                       {"", nil, 0, false},
	} {
		request := asked("GET", append([]string{"authorization: Bearer " + token}, one.headers...))
		request.Attributes.Source.Certificate = one.source
		answer := newTrial(t, bound(), func(s *Settings) { s.XFCCHops = one.hops }).check(t, request)
		if passes := answer.GetOkResponse() != nil; passes != one.passes {
			t.Errorf("%s: found %v", name, answer)
		}
	}
	unbound := accepting(alice)
	request := asked("GET", []string{"authorization: Bearer " + token})
	request.Attributes.Source.Certificate = encoded
	newTrial(t, unbound, nil).check(t, request)
	expired := answering(refusedFor(sessiondv1.Rejection_REASON_EXPIRED, ""))
	newTrial(t, expired, nil).check(t, request)
	if len(expired.asked) != 1 {
		t.Errorf("a proof was tried on what no proof mends: %v", expired.asked)
	}
	if len(unbound.asked) != 1 || unbound.asked[0].GetProof() != nil {
		t.Errorf("a verdict that could be kept was asked for with a proof: %v", unbound.asked)
	}
}

func TestGRPCGetsASentence(t *testing.T) {
	answer := newTrial(t, accepting(alice), nil).check(t, asked("POST", []string{"content-type: application/grpc+proto"}))
	expectDenied(t, answer, 401, codes.Unauthenticated, "this needs a credential")
	if strings.Contains(answer.GetDeniedResponse().GetBody(), "{") {
		t.Errorf("body: %s", answer.GetDeniedResponse().GetBody())
	}
}

func TestAnAnswerComesBeforeEnvoyGivesUp(t *testing.T) {
	var left time.Time
	settings := DefaultSettings()
	server, err := New(settings, func(ctx context.Context, _ []byte) (memory.Verdict, error) {
		left, _ = ctx.Deadline()
		return memory.Verdict{}, status.Error(codes.Unavailable, "")
	}, slog.New(slog.DiscardHandler), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), ends)
	defer cancel()
	if _, err := call(ctx, server, asked("GET", []string{"authorization: Bearer " + token})); err != nil {
		t.Fatal(err)
	}
	if !left.Equal(ends.Add(-spare)) {
		t.Errorf("the answer may take until %v, and Envoy's time ends at %v", left, ends)
	}
}

func TestBothFormsOfHeadersAreRead(t *testing.T) {
	request := asked("GET", nil)
	request.Attributes.Request.Http.HeaderMap = nil
	request.Attributes.Request.Http.Headers = map[string]string{"authorization": "Bearer " + token}
	if newTrial(t, accepting(alice), nil).check(t, request).GetOkResponse() == nil {
		t.Error("headers as a map count for nothing")
	}
}

func TestClaimsAreToldWhereThatIsWanted(t *testing.T) {
	told := func(claims string) []string {
		session := clone(alice, func(s *sessiondv1.Session) { s.ClaimsJson = claims })
		tried := newTrial(t, accepting(session), func(s *Settings) { s.Claims = true })
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		return headersOf(answer.GetOkResponse().GetHeaders())["x-auth-claims"]
	}
	if got := told(`{"a":1}`); !slices.Equal(got, []string{"eyJhIjoxfQ"}) {
		t.Errorf("found %v", got)
	}
	if got := told(strings.Repeat(" ", longestClaims+1)); got != nil {
		t.Errorf("found %v", got)
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"header-prefix": func(s *Settings) { s.HeaderPrefix = "X-Auth" },
		"credentials":   func(s *Settings) { s.Credentials = []string{"query"} },
		"an external":   func(s *Settings) { s.Credentials = []string{"bearer", "dpop"} },
		"external-url":  func(s *Settings) { s.ExternalURL = "https://app.example/path" },
		"hosts":         func(s *Settings) { s.Hosts = []string{"*"} },
		"hops":          func(s *Settings) { s.XFCCHops = -1 },
	} {
		settings := DefaultSettings()
		change(&settings)
		if _, err := New(settings, accepting(alice).ask, slog.Default(), func(string) {}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

func TestRememberedRoutesAreBounded(t *testing.T) {
	remembered, err := newRoutes(&Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * mostRoutes {
		if _, err := remembered.of(map[string]string{"scopes": "s" + strings.Repeat("x", i%200) + string(rune('a'+i%26))}); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := remembered.of(map[string]string{"scopes": "a"})
	again, _ := remembered.of(map[string]string{"scopes": "a"})
	if first != again || len(remembered.known) > mostRoutes {
		t.Errorf("%d routes are remembered", len(remembered.known))
	}
}
