package sessiondtest

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Call is a call that reached the fake.
type Call struct {
	Method string          // such as ValidateToken
	Tokens []string        // the tokens that it is about
	Policy sessiond.Policy // of a validation
	Key    string          // of who called; empty without one
}

// Calls are those that have come so far, in their order, but for streams of revocations: those of clients,
// which have asked again what was not answered, and none of the fake's own functions.
func (f *Fake) Calls() []Call {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	return slices.Clone(f.service.calls)
}

// arrive takes note of a call, and says whether somebody is there.
func (f *Fake) arrive(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	key := strings.TrimPrefix(authorizationOf(ctx), "Bearer ")
	if key == f.own {
		return handle(ctx, request)
	}
	called := Call{Method: info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:], Key: key}
	called.read(request)
	if !f.service.note(called) {
		return nil, nobodyThere()
	}
	return handle(ctx, request)
}

func (s *state) note(called Call) (isThere bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, called)
	return !s.isAway
}

func (f *Fake) arriveAtStream(
	service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	f.service.mu.Lock()
	isAway := f.service.isAway
	f.service.mu.Unlock()
	if isAway {
		return nobodyThere()
	}
	return handle(service, stream)
}

func (c *Call) read(request any) {
	switch asked := request.(type) {
	case *sessiondv1.ValidateTokenRequest:
		c.Tokens, c.Policy = []string{asked.GetToken()}, toPolicy(asked.GetRequirements())
	case *sessiondv1.ValidateTokensRequest:
		c.Tokens, c.Policy = asked.GetTokens(), toPolicy(asked.GetRequirements())
	case *sessiondv1.RefreshSessionRequest:
		c.Tokens = []string{asked.GetRefreshToken()}
	case *sessiondv1.RevokeSessionRequest:
		if token := asked.GetAccessToken() + asked.GetRefreshToken(); token != "" {
			c.Tokens = []string{token}
		}
	}
}

func toPolicy(message *sessiondv1.Requirements) sessiond.Policy {
	policy := sessiond.Policy{
		Issuers:     message.GetIssuers(),
		Audiences:   message.GetAudiences(),
		Scopes:      message.GetScopes(),
		Permissions: message.GetPermissions(),
		MaxAuthAge:  message.GetMaxAuthAge().AsDuration(),
		ACRValues:   message.GetAcrValues(),
	}
	for name, values := range message.GetClaims() {
		if policy.Claims == nil {
			policy.Claims = map[string][]string{}
		}
		policy.Claims[name] = values.GetValues()
	}
	return policy
}

func authorizationOf(ctx context.Context) string {
	incoming, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(incoming.Get("authorization"), ",")
}
