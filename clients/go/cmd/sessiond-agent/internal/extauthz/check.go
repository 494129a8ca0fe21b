package extauthz

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// spare is how long before Envoy's own deadline an answer is given: without one Envoy's client is told
// nothing of when to come again.
const spare = 20 * time.Millisecond

// mostBeside is by how much what is kept beside a verdict may be larger than that: room is reckoned for twice
// its size.
const mostBeside = 512

// Ask gives the verdict on a ValidateTokenRequest, as a server does; an error is that of the call. The
// context is that of the Check, with the metadata of who made it.
type Ask func(ctx context.Context, request []byte) (memory.Verdict, error)

// Server answers Check.
type Server struct {
	settings Settings
	routes   *routes
	ask      Ask
	logger   *slog.Logger
	observe  func(outcome string)
	nobody   *identity
	now      func() time.Time
	reports  reports
}

// New makes a server. It tells observe the outcome of each Check: "ACCEPTED", "ANONYMOUS", or why a request
// was denied. An error says which setting cannot be.
func New(settings Settings, ask Ask, logger *slog.Logger, observe func(outcome string)) (*Server, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	routes, err := newRoutes(&settings)
	if err != nil {
		return nil, err
	}
	return &Server{
		settings: settings, routes: routes, ask: ask, logger: logger, observe: observe,
		nobody: settings.nobody(), now: time.Now,
	}, nil
}

// Check says whether a request may go on, and as whose, by a CheckRequest and a CheckResponse of
// envoy.service.auth.v3 as they are on the wire.
func (s *Server) Check(ctx context.Context, message []byte) (answer []byte, err error) {
	defer func() {
		if recover() != nil {
			s.observe("FAILED")
			answer, err = nil, status.Error(codes.Internal, "the agent has failed")
		}
	}()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
		defer cancel()
	}
	r, err := toRequest(message)
	if err != nil {
		s.observe("FAILED")
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	route, err := s.routes.of(r.extensions)
	if err != nil {
		return s.fail(r, err)
	}
	found, err := s.settings.find(r, route.credentials)
	switch {
	case err != nil:
		return s.fail(r, err)
	case found == nil && route.anonymous:
		return s.pass(r, route, s.nobody, "ANONYMOUS")
	case found == nil:
		return s.deny(r, noCredential(route)), nil
	}
	bearer, err := s.judge(ctx, r, route, found)
	if err != nil {
		return s.fail(r, err)
	}
	return s.pass(r, route, bearer, "ACCEPTED")
}

// judge is whose a credential is; an error says why it is nobody's.
func (s *Server) judge(ctx context.Context, r *request, route *route, found *credential) (*identity, error) {
	verdict, err := s.ask(ctx, route.question(found.token, found.proof()))
	if err != nil {
		return nil, refusedByServer(err)
	}
	if verdict.Beside != nil {
		if known, ok := verdict.Beside.Load().(*identity); ok {
			return known, nil
		}
	}
	answer, err := s.decide(ctx, r, route, found, verdict)
	switch {
	case err != nil:
		return nil, err
	case answer.GetSession() == nil:
		return nil, rejection(answer.GetRejection())
	case found.dpop != nil && !isBound(answer.GetSession()):
		return nil, errUnbound
	}
	told := s.settings.identityOf(answer.GetSession())
	if verdict.Beside != nil && len(told.ok)+len(told.metadata) <= len(verdict.Answer)+mostBeside {
		verdict.Beside.Store(told)
	}
	return told, nil
}

// decide reads an answer. A client certificate is shown only where the token wants one: most do not, and a
// verdict by a proof is never kept.
func (s *Server) decide(
	ctx context.Context, r *request, route *route, found *credential, verdict memory.Verdict,
) (*sessiondv1.ValidateTokenResponse, error) {
	answer := &sessiondv1.ValidateTokenResponse{}
	if err := proto.Unmarshal(verdict.Answer, answer); err != nil {
		return nil, err
	}
	wants := answer.GetRejection().GetReason() == sessiondv1.Rejection_REASON_BINDING_MISMATCH
	certificate, ok := s.settings.certificateOf(r)
	if found.dpop != nil || !wants || !ok {
		return answer, nil
	}
	proof := &sessiondv1.PossessionProof{
		Proof: &sessiondv1.PossessionProof_CertificateSha256{CertificateSha256: certificate},
	}
	verdict, err := s.ask(ctx, route.question(found.token, proof))
	if err != nil {
		return nil, refusedByServer(err)
	}
	return answer, proto.Unmarshal(verdict.Answer, answer)
}

// isBound says whether a token is bound to the key of a DPoP proof (RFC 9449 section 6.1).
func isBound(session *sessiondv1.Session) bool {
	var claims struct {
		Confirmation struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	err := json.Unmarshal([]byte(session.GetClaimsJson()), &claims)
	return err == nil && claims.Confirmation.Thumbprint != ""
}

// pass lets a request go on with the headers of an identity, and without whatever could be taken for one of
// them.
func (s *Server) pass(r *request, route *route, told *identity, outcome string) ([]byte, error) {
	s.observe(outcome)
	ok := append(make([]byte, 0, 2*len(told.ok)), told.ok...)
	ok = s.settings.appendClaimed(ok, r)
	if !route.keepToken {
		ok = appendWithoutCredential(ok, r, route)
	}
	return allowed(ok, told.metadata), nil
}

// appendWithoutCredential keeps what a request was judged by from the upstream, which needs it no more.
func appendWithoutCredential(ok []byte, r *request, route *route) []byte {
	ok = appendText(ok, removedHeadersField, "authorization")
	ok = appendText(ok, removedHeadersField, "dpop")
	cookies := r.values("cookie")
	if route.credentials.cookie == "" || len(cookiesNamed(route.credentials.cookie, cookies)) == 0 {
		return ok
	}
	if rest := withoutCookie(route.credentials.cookie, cookies); rest != "" {
		return appendHeader(ok, header{"cookie", rest}, overwrite)
	}
	return appendText(ok, removedHeadersField, "cookie")
}

func (s *Server) deny(r *request, why denial) []byte {
	s.observe(why.reason)
	return denied(r, why)
}

// fail answers a request that could not be judged. What is wrong with a route is told once in a while: a
// client could fill the log.
func (s *Server) fail(r *request, err error) ([]byte, error) {
	var wrong *misconfigured
	if errors.As(err, &wrong) && s.reports.isDue(*wrong, s.now()) {
		s.logger.Error("a route is misconfigured", "key", wrong.key, "found", wrong.found, "allowed", wrong.allowed)
	}
	why, failure := denialOf(err)
	if failure != nil {
		s.observe("FAILED")
		return nil, failure
	}
	return s.deny(r, why), nil
}
