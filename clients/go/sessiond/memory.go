package sessiond

import (
	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"

	"google.golang.org/protobuf/proto"
)

// mostTold is how much a server tells of one revocation where there is more.
const mostTold = 4_096

// memory is what a client keeps and knows.
type memory struct {
	known *knowledge.Knowledge
	cache *verdicts.Cache[*Session]
	clock *clock.Clock
}

func newMemory(bounds Cache, clock *clock.Clock) *memory {
	known := knowledge.New()
	return &memory{
		known: known,
		cache: verdicts.New[*Session](verdicts.Bounds(bounds), known),
		clock: clock,
	}
}

// landed is what a call has brought for one token: a session, with what it says of being kept, or an error.
type landed struct {
	session *Session
	err     error
	answer  *knowledge.Answer
}

// read is what an answer says of a token.
func read(response *sessiondv1.ValidateTokenResponse, token hashedid.ID, asked knowledge.Asked) landed {
	session, err := toVerdict(response)
	if err != nil {
		return landed{err: err}
	}
	message := response.GetSession()
	key := hashedid.OfKey(message)
	return landed{session: session, answer: &knowledge.Answer{
		Asked:           asked,
		RevisionAge:     toSpan(response.GetRevisionAge()),
		CacheFor:        toSpan(response.GetCacheFor()),
		WatchedCacheFor: toSpan(response.GetWatchedCacheFor()),
		Configuration:   response.GetConfiguration(),
		IDs:             append(hashedid.OfSession(message), key, token),
		Key:             key,
	}}
}

// verdict is the session for who asked by this call; each caller has its own.
func (l landed) verdict() (*Session, error) {
	if l.err != nil {
		return nil, l.err
	}
	own := *l.session
	return &own, nil
}

// asOf is the session for who asked at began: its CacheFor counts from then on, or from the call.
func (l landed) asOf(began knowledge.Asked) *Session {
	own := *l.session
	own.CacheFor = max(0, l.answer.CacheFor-max(0, l.answer.Asked.Until(began)))
	return &own
}

// find is what is kept of a question, and may be repeated now.
func (m *memory) find(key verdicts.Key) *Session {
	hit, ok := m.cache.Find(key, m.clock.Now())
	if !ok {
		return nil
	}
	own := *hit.Value
	own.CacheFor = hit.CacheFor
	return &own
}

// keep keeps an acceptance that may be kept, and learns from a rejection.
func (m *memory) keep(key verdicts.Key, brought landed, response *sessiondv1.ValidateTokenResponse) {
	if brought.answer == nil {
		m.learn(hashedid.OfToken(key.Digest), brought.err)
		return
	}
	m.cache.Insert(key, brought.session, brought.answer, proto.Size(response), m.clock.Exact().Steady)
}

// learn has nothing of a token repeated that was revoked, whatever was required of it.
func (m *memory) learn(token hashedid.ID, verdict error) {
	if rejected, ok := verdict.(*Rejected); ok && rejected.Reason == ReasonRevoked {
		m.known.HearOnce(token, m.clock.Exact().Steady)
	}
}

// end carries out here what this client has just revoked, before it is told that it has.
func (m *memory) end(request *sessiondv1.RevokeSessionRequest, response *sessiondv1.RevokeSessionResponse) {
	told := response.GetRevocations()
	hasEnded := response.SessionsEnded == nil || response.GetSessionsEnded() > 0
	isSilent := len(told) == 0 && (hasEnded || !m.known.IsWatched())
	if isSilent || len(told) >= mostTold {
		m.known.Forget() // what stands now is not known, or not all of it
	}
	ids := revokedBy(request)
	for _, one := range told {
		if raw := one.GetHashedId(); len(raw) == len(hashedid.ID{}) {
			ids = append(ids, hashedid.ID(raw))
		}
	}
	m.known.End(ids, m.clock.Exact().Steady)
}

// revokedBy is what the target of a revocation tells by itself.
func revokedBy(request *sessiondv1.RevokeSessionRequest) []hashedid.ID {
	of := func(kind, issuer, id string) []hashedid.ID { return []hashedid.ID{hashedid.Of(kind, issuer, id)} }
	switch target := request.GetTarget().(type) {
	case *sessiondv1.RevokeSessionRequest_SessionId:
		return of(hashedid.Session, "", target.SessionId)
	case *sessiondv1.RevokeSessionRequest_AccessToken:
		return []hashedid.ID{hashedid.OfToken(digestOf(target.AccessToken))}
	case *sessiondv1.RevokeSessionRequest_ProviderSession:
		session := target.ProviderSession
		return of(hashedid.ProviderSession, session.GetIssuer(), session.GetSessionId())
	case *sessiondv1.RevokeSessionRequest_Subject:
		return of(hashedid.Subject, target.Subject.GetIssuer(), target.Subject.GetSubject())
	case *sessiondv1.RevokeSessionRequest_Tenant:
		return of(hashedid.Tenant, target.Tenant.GetIssuer(), target.Tenant.GetTenantId())
	case *sessiondv1.RevokeSessionRequest_Client:
		return of(hashedid.Client, target.Client.GetIssuer(), target.Client.GetClientId())
	case *sessiondv1.RevokeSessionRequest_Issuer:
		return of(hashedid.Issuer, target.Issuer, "")
	case *sessiondv1.RevokeSessionRequest_Key:
		return of(hashedid.Key, target.Key.GetIssuer(), target.Key.GetKeyId())
	default:
		return nil
	}
}
