package sessiondtest

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const mostInABatch = 1_000

// service carries the methods out.
type service struct {
	sessiondv1.UnimplementedSessionServiceServer
	*state
	watchers watchers
}

// ValidateToken gives the verdict on a token.
func (s *service) ValidateToken(
	_ context.Context, request *sessiondv1.ValidateTokenRequest,
) (*sessiondv1.ValidateTokenResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkConsistency(request.GetConsistency()); err != nil {
		return nil, err
	}
	return s.judge(request.GetToken(), request.GetRequirements(), request.GetProof()), nil
}

// ValidateTokens gives the verdict on each token.
func (s *service) ValidateTokens(
	_ context.Context, request *sessiondv1.ValidateTokensRequest,
) (*sessiondv1.ValidateTokensResponse, error) {
	if count := len(request.GetTokens()); count < 1 || count > mostInABatch {
		return nil, fieldInvalid("tokens", "another number of tokens", "1 to 1000 tokens")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkConsistency(request.GetConsistency()); err != nil {
		return nil, err
	}
	response := &sessiondv1.ValidateTokensResponse{}
	for _, token := range request.GetTokens() {
		response.Results = append(response.Results, s.judge(token, request.GetRequirements(), nil))
	}
	return response, nil
}

// checkConsistency refuses what is no revision: whatever has happened is known here.
func (s *state) checkConsistency(wanted *sessiondv1.Consistency) error {
	exact := wanted.GetAtLeastAsFresh()
	if exact == nil {
		return nil
	}
	if events := fromRevision(exact.GetRevision()); events < 0 || events > len(s.log.events) {
		return fieldInvalid(
			"consistency.at_least_as_fresh.revision", "what is no revision", "a revision that sessiond returned")
	}
	return nil
}

// CreateSession opens a session for a login that the caller vouches for.
func (s *service) CreateSession(
	_ context.Context, request *sessiondv1.CreateSessionRequest,
) (*sessiondv1.CreateSessionResponse, error) {
	switch {
	case request.GetProviderTokens() != nil:
		return nil, unsupported("provider_tokens")
	case request.GetAuthorizationCode() != nil:
		return nil, unsupported("authorization_code")
	case request.GetProof().GetDpop() != nil:
		return nil, unsupported("proof.dpop")
	}
	login, further, err := complete(request.GetLocalLogin())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	opened := s.open(request, login)
	opened.further = further
	return &sessiondv1.CreateSessionResponse{Tokens: s.issue(opened)}, nil
}

// RefreshSession spends a refresh token.
func (s *service) RefreshSession(
	ctx context.Context, request *sessiondv1.RefreshSessionRequest,
) (*sessiondv1.RefreshSessionResponse, error) {
	if request.GetIssuer() != "" {
		return nil, unsupported("issuer")
	}
	by := bearer{authorizationOf(ctx), request.GetDevice().GetLabel(), request.GetDevice().GetUserAgent()}
	s.mu.Lock()
	defer s.mu.Unlock()
	of, isReplayed, refusal := s.spend(request, by)
	if refusal != "" {
		return nil, refreshRefused(refusal)
	}
	return &sessiondv1.RefreshSessionResponse{Tokens: s.issue(of), Replayed: isReplayed}, nil
}

// RevokeSession ends sessions.
func (s *service) RevokeSession(
	_ context.Context, request *sessiondv1.RevokeSessionRequest,
) (*sessiondv1.RevokeSessionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoke(request)
}

// GetSession is what is known of a live session.
func (s *service) GetSession(
	_ context.Context, request *sessiondv1.GetSessionRequest,
) (*sessiondv1.GetSessionResponse, error) {
	if !sessionID.MatchString(request.GetSessionId()) {
		return nil, notASessionID("session_id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.sessions[request.GetSessionId()]
	if !ok || !s.isLive(of) {
		return nil, sessionNotFound()
	}
	return &sessiondv1.GetSessionResponse{Session: of.record()}, nil
}

// ListSessions is the live sessions of a subject, newest first.
func (s *service) ListSessions(
	_ context.Context, request *sessiondv1.ListSessionsRequest,
) (*sessiondv1.ListSessionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var live []*session
	for _, of := range s.sessions {
		if of.login.GetSubject() == request.GetSubject().GetSubject() && s.isLive(of) {
			live = append(live, of)
		}
	}
	slices.SortFunc(live, func(a, b *session) int { return cmp.Compare(b.start, a.start) })
	size := int(request.GetPageSize())
	if size <= 0 || size > 100 {
		size = 100
	}
	from := 0
	if token := request.GetPageToken(); token != "" {
		from = 1 + slices.IndexFunc(live, func(of *session) bool { return of.id == token })
	}
	response := &sessiondv1.ListSessionsResponse{}
	page := live[from:min(len(live), from+size)]
	for _, of := range page {
		response.Sessions = append(response.Sessions, of.record())
	}
	if from+size < len(live) {
		response.NextPageToken = page[len(page)-1].id
	}
	return response, nil
}

// GetRevocationStatus says that everything is known.
func (s *service) GetRevocationStatus(
	context.Context, *sessiondv1.GetRevocationStatusRequest,
) (*sessiondv1.GetRevocationStatusResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	read := int64(len(s.log.events))
	return &sessiondv1.GetRevocationStatusResponse{
		Server:       configuration,
		Revision:     s.log.revision(),
		Revocations:  read,
		Watchers:     s.watchers.count.Load(),
		MaxStaleness: durationpb.New(maxStaleness),
		Partitions: []*sessiondv1.PartitionStatus{{
			Incarnation: make([]byte, 16), Read: read, Age: durationpb.New(0),
		}},
	}, nil
}
