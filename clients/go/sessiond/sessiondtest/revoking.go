package sessiondtest

import (
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// revoke carries out what is asked for; s.mu is held.
func (s *state) revoke(request *sessiondv1.RevokeSessionRequest) (*sessiondv1.RevokeSessionResponse, error) {
	switch target := request.GetTarget().(type) {
	case *sessiondv1.RevokeSessionRequest_SessionId:
		if !sessionID.MatchString(target.SessionId) {
			return nil, notASessionID("session_id")
		}
		return s.revokeOne(target.SessionId), nil
	case *sessiondv1.RevokeSessionRequest_RefreshToken:
		if found, ok := s.refresh[target.RefreshToken]; ok {
			return s.revokeOne(found.session.id), nil
		}
		return s.ended(0), nil
	case *sessiondv1.RevokeSessionRequest_AccessToken:
		if c, rejection := s.verify(target.AccessToken, nil); rejection == nil {
			return s.revokeOne(c.session.GetSessionId()), nil
		}
		return s.ended(0), nil
	case *sessiondv1.RevokeSessionRequest_Subject:
		return s.revokeSubject(target.Subject, request.GetExceptSessionId())
	default:
		return s.revokeShared(request)
	}
}

// revokeOne ends a session, whether or not it was opened here: a token that was signed for a test has one
// too.
func (s *state) revokeOne(id string) *sessiondv1.RevokeSessionResponse {
	of, ok := s.sessions[id]
	if !ok {
		kind := sessiondv1.RevocationType_REVOCATION_TYPE_SESSION
		return s.ended(0, s.end(kind, hashedid.Of(hashedid.Session, "", id)))
	}
	count := 0
	if s.isLive(of) {
		count = 1
	}
	return s.ended(count, s.endSession(of))
}

func (s *state) revokeSubject(
	subject *sessiondv1.Subject, except string,
) (*sessiondv1.RevokeSessionResponse, error) {
	if subject.GetIssuer() != Issuer {
		return nil, fieldInvalid("subject.issuer", "another issuer", Issuer)
	}
	spared, ok := s.sessions[except]
	if except != "" && (!ok || spared.login.GetSubject() != subject.GetSubject()) {
		return nil, fieldInvalid("except_session_id", "no session of the subject", "one of its sessions")
	}
	count := 0
	var told []*sessiondv1.Revocation
	for _, of := range s.sessions {
		if of.login.GetSubject() == subject.GetSubject() && of.id != except && s.isLive(of) {
			count++
			told = append(told, s.endSession(of))
		}
	}
	if except == "" {
		kind := sessiondv1.RevocationType_REVOCATION_TYPE_SUBJECT
		told = append(told, s.cutOff(kind, hashedid.Of(hashedid.Subject, Issuer, subject.GetSubject())))
	}
	return s.ended(count, told...), nil
}

// revokeShared revokes what many sessions share; how many these are is not counted.
func (s *state) revokeShared(
	request *sessiondv1.RevokeSessionRequest,
) (*sessiondv1.RevokeSessionResponse, error) {
	var told *sessiondv1.Revocation
	switch target := request.GetTarget().(type) {
	case *sessiondv1.RevokeSessionRequest_ProviderSession:
		of := target.ProviderSession
		id := hashedid.Of(hashedid.ProviderSession, of.GetIssuer(), of.GetSessionId())
		told = s.end(sessiondv1.RevocationType_REVOCATION_TYPE_PROVIDER_SESSION, id)
	case *sessiondv1.RevokeSessionRequest_Tenant:
		id := hashedid.Of(hashedid.Tenant, target.Tenant.GetIssuer(), target.Tenant.GetTenantId())
		told = s.cutOff(sessiondv1.RevocationType_REVOCATION_TYPE_TENANT, id)
	case *sessiondv1.RevokeSessionRequest_Client:
		id := hashedid.Of(hashedid.Client, target.Client.GetIssuer(), target.Client.GetClientId())
		told = s.cutOff(sessiondv1.RevocationType_REVOCATION_TYPE_CLIENT, id)
	case *sessiondv1.RevokeSessionRequest_Issuer:
		id := hashedid.Of(hashedid.Issuer, target.Issuer, "")
		told = s.cutOff(sessiondv1.RevocationType_REVOCATION_TYPE_ISSUER, id)
	case *sessiondv1.RevokeSessionRequest_Key:
		id := hashedid.Of(hashedid.Key, target.Key.GetIssuer(), target.Key.GetKeyId())
		told = s.end(sessiondv1.RevocationType_REVOCATION_TYPE_KEY, id)
	default:
		return nil, fieldInvalid("target", "nothing", "exactly one target")
	}
	return &sessiondv1.RevokeSessionResponse{
		Revision: s.log.revision(), Revocations: []*sessiondv1.Revocation{told},
	}, nil
}

func (s *state) ended(count int, told ...*sessiondv1.Revocation) *sessiondv1.RevokeSessionResponse {
	number := int32(count)
	return &sessiondv1.RevokeSessionResponse{
		Revision: s.log.revision(), SessionsEnded: &number, Revocations: told,
	}
}

func notASessionID(field string) error {
	allowed := "sds_ and 22 base64url characters, as CreateSession gave it out"
	return fieldInvalid(field, "what is no session id", allowed)
}
