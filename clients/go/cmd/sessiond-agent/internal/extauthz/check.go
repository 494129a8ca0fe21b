package extauthz

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// spare is how long before Envoy's own deadline an answer is given: without one Envoy's client is told nothing
// of when to come again.
const spare = 20 * time.Millisecond

// Ask gives the verdict on a token, as a server does; an error is that of the call. The context is that of the
// Check, with the metadata of who made it.
type Ask func(context.Context, *sessiondv1.ValidateTokenRequest) (*sessiondv1.ValidateTokenResponse, error)

// Server answers Check.
type Server struct {
	authv3.UnimplementedAuthorizationServer

	settings Settings
	routes   *routes
	ask      Ask
	logger   *slog.Logger
	observe  func(outcome string)
	now      func() time.Time
	reports  reports
}

// New makes a server. It tells observe the outcome of each Check: "ACCEPTED", "ANONYMOUS", or why a request was
// denied. An error says which setting cannot be.
func New(settings Settings, ask Ask, logger *slog.Logger, observe func(outcome string)) (*Server, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	routes, err := newRoutes(&settings)
	if err != nil {
		return nil, err
	}
	return &Server{
		settings: settings, routes: routes, ask: ask, logger: logger, observe: observe, now: time.Now,
	}, nil
}

// Check says whether a request may go on, and as whose. See envoy.service.auth.v3.
func (s *Server) Check(
	ctx context.Context, message *authv3.CheckRequest,
) (answer *authv3.CheckResponse, err error) {
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
	r := toRequest(message)
	route, err := s.routes.of(r.extensions)
	if err != nil {
		return s.fail(r, err)
	}
	found, err := s.settings.find(r, route.credentials)
	if err != nil {
		return s.fail(r, err)
	}
	if found == nil {
		return s.withoutAny(r, route), nil
	}
	judged, err := s.judge(ctx, r, route, found)
	if err != nil {
		return s.fail(r, refusedByServer(err))
	}
	session := judged.GetSession()
	switch {
	case session == nil:
		return s.deny(r, rejection(judged.GetRejection())), nil
	case found.dpop != nil && !isBound(session):
		return s.deny(r, unbound()), nil
	}
	return s.accept(r, route, session), nil
}

// withoutAny is the answer to a request that has no credential.
func (s *Server) withoutAny(r *request, route *route) *authv3.CheckResponse {
	if !route.anonymous {
		return s.deny(r, noCredential(route))
	}
	s.observe("ANONYMOUS")
	return s.pass(r, route, nil, map[string]any{"verdict": "ANONYMOUS"})
}

// judge asks with the proof that a request has. A client certificate is shown only where the token wants one:
// most do not, and a verdict by a proof is never kept.
func (s *Server) judge(
	ctx context.Context, r *request, route *route, found *credential,
) (*sessiondv1.ValidateTokenResponse, error) {
	question := &sessiondv1.ValidateTokenRequest{Token: found.token, Requirements: route.requirements}
	if found.dpop != nil {
		question.Proof = &sessiondv1.PossessionProof{
			Proof: &sessiondv1.PossessionProof_Dpop{Dpop: found.dpop},
		}
		return s.ask(ctx, question)
	}
	answer, err := s.ask(ctx, question)
	if answer.GetRejection().GetReason() != sessiondv1.Rejection_REASON_BINDING_MISMATCH {
		return answer, err
	}
	certificate, ok := s.settings.certificateOf(r)
	if !ok {
		return answer, err
	}
	question.Proof = &sessiondv1.PossessionProof{
		Proof: &sessiondv1.PossessionProof_CertificateSha256{CertificateSha256: certificate},
	}
	return s.ask(ctx, question)
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

func (s *Server) accept(r *request, route *route, session *sessiondv1.Session) *authv3.CheckResponse {
	s.observe("ACCEPTED")
	return s.pass(r, route, s.settings.identityOf(session), map[string]any{
		"verdict": "ACCEPTED", "principal": session.GetPrincipal(), "issuer": session.GetIssuer(),
		"subject": session.GetSubject(), "tenant_id": session.GetTenantId(), "client_id": session.GetClientId(),
		"scopes": anyOf(session.GetScopes()),
	})
}

// pass lets a request go on with these headers, and without whatever could be taken for one of them.
func (s *Server) pass(
	r *request, route *route, told []header, metadata map[string]any,
) *authv3.CheckResponse {
	removed := s.settings.removedFrom(r, told)
	if !route.keepToken {
		told, removed = withoutCredential(r, route, told, removed)
	}
	return allowed(told, removed, metadata)
}

// withoutCredential keeps what a request was judged by from the upstream, which needs it no more.
func withoutCredential(r *request, route *route, told []header, removed []string) ([]header, []string) {
	removed = append(removed, "authorization", "dpop")
	cookies := r.values("cookie")
	if route.credentials.cookie == "" || len(cookiesNamed(route.credentials.cookie, cookies)) == 0 {
		return told, removed
	}
	if rest := withoutCookie(route.credentials.cookie, cookies); rest != "" {
		return append(told, header{"cookie", rest}), removed
	}
	return told, append(removed, "cookie")
}

func (s *Server) deny(r *request, why denial) *authv3.CheckResponse {
	s.observe(why.reason)
	return denied(r, why)
}

// fail answers a request that could not be judged. What is wrong with a route is told once in a while: a client could
// fill the log.
func (s *Server) fail(r *request, err error) (*authv3.CheckResponse, error) {
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

func anyOf(values []string) []any {
	items := make([]any, len(values))
	for i, value := range values {
		items[i] = value
	}
	return items
}
