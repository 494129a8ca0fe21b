package sessiond

import (
	"maps"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// toVerdict is what was said of a token: a session, or a rejection. A verdict that is not set, or of a kind
// that this client does not know, is a rejection.
func toVerdict(response *sessiondv1.ValidateTokenResponse) (*Session, error) {
	accepted, ok := response.GetVerdict().(*sessiondv1.ValidateTokenResponse_Session)
	if !ok {
		return nil, toRejected(response.GetRejection())
	}
	session := toSession(accepted.Session)
	session.CacheFor, session.Stale = toSpan(response.GetCacheFor()), response.GetStale()
	return &session, nil
}

// toVerdictOfMany is what was said of one token of many, which may also be that there is no verdict on it.
func toVerdictOfMany(response *sessiondv1.ValidateTokenResponse) (*Session, error) {
	if undecided := response.GetUndecided(); undecided != nil {
		return nil, toUndecided(undecided)
	}
	return toVerdict(response)
}

func toRejected(message *sessiondv1.Rejection) *Rejected {
	reason := named(sessiondv1.Rejection_Reason_name, message.GetReason(), "REASON_")
	action := named(sessiondv1.Rejection_NextAction_name, message.GetNextAction(), "NEXT_ACTION_")
	return &Rejected{
		Reason:          Reason(reason),
		Message:         message.GetMessage(),
		NextAction:      NextAction(action),
		WWWAuthenticate: message.GetWwwAuthenticate(),
	}
}

func toUndecided(message *sessiondv1.Undecided) *Undecided {
	return &Undecided{
		Reason:     named(sessiondv1.ErrorReason_name, message.GetReason(), "ERROR_REASON_"),
		RetryAfter: toSpan(message.GetRetryAfter()),
	}
}

// toVerdicts is what was said of each of many tokens; of too few or too many is Internal: whoever pairs them
// would take one user for another.
func toVerdicts(response *sessiondv1.ValidateTokensResponse, tokens int) ([]Verdict, error) {
	if len(response.GetResults()) != tokens {
		return nil, miscounted()
	}
	verdicts := make([]Verdict, tokens)
	for i, result := range response.GetResults() {
		verdicts[i].Session, verdicts[i].Err = toVerdictOfMany(result)
	}
	return verdicts, nil
}

func miscounted() error {
	return &Internal{CallError{Code: codes.Internal, Message: "the answer has not one result for each token"}}
}

func toSession(message *sessiondv1.Session) Session {
	return Session{
		Principal:         message.GetPrincipal(),
		Issuer:            message.GetIssuer(),
		Subject:           message.GetSubject(),
		SessionID:         message.GetSessionId(),
		ProviderSessionID: message.GetProviderSessionId(),
		TenantID:          message.GetTenantId(),
		ClientID:          message.GetClientId(),
		TokenID:           message.GetTokenId(),
		KeyID:             message.GetKeyId(),
		Audiences:         message.GetAudiences(),
		Scopes:            message.GetScopes(),
		Roles:             message.GetRoles(),
		Permissions:       message.GetPermissions(),
		IssueTime:         toTime(message.GetIssueTime()),
		ExpireTime:        toTime(message.GetExpireTime()),
		AuthTime:          toTime(message.GetAuthTime()),
		ACR:               message.GetAcr(),
		AMR:               message.GetAmr(),
		Actor:             toActor(message.GetActor()),
		ClaimsJSON:        message.GetClaimsJson(),
	}
}

func toActor(message *sessiondv1.Actor) *Actor {
	if message == nil {
		return nil
	}
	return &Actor{message.GetIssuer(), message.GetSubject(), toActor(message.GetActor())}
}

func toTokens(message *sessiondv1.Tokens, replayed bool) *Tokens {
	return &Tokens{
		AccessToken:       message.GetAccessToken(),
		AccessExpireTime:  toTime(message.GetAccessExpireTime()),
		RefreshToken:      message.GetRefreshToken(),
		RefreshExpireTime: toTime(message.GetRefreshExpireTime()),
		Session:           toSession(message.GetSession()),
		Replayed:          replayed,
	}
}

func toRecord(message *sessiondv1.SessionRecord) *SessionRecord {
	device := message.GetDevice()
	return &SessionRecord{
		Session:            toSession(message.GetSession()),
		CreateTime:         toTime(message.GetCreateTime()),
		LastRefreshTime:    toTime(message.GetLastRefreshTime()),
		IdleExpireTime:     toTime(message.GetIdleExpireTime()),
		AbsoluteExpireTime: toTime(message.GetAbsoluteExpireTime()),
		Device:             Device{device.GetIpAddress(), device.GetUserAgent(), device.GetLabel()},
		Attributes:         maps.Clone(message.GetAttributes()),
	}
}

func toRevocationResult(message *sessiondv1.RevokeSessionResponse) *RevocationResult {
	result := &RevocationResult{Revision: message.GetRevision(), SessionsEnded: -1}
	if message.SessionsEnded != nil {
		result.SessionsEnded = int(message.GetSessionsEnded())
	}
	return result
}

// toTime is the zero time for one that is not set: that is unknown, and not 1970.
func toTime(message *timestamppb.Timestamp) time.Time {
	if message == nil {
		return time.Time{}
	}
	return message.AsTime()
}

func toSpan(message *durationpb.Duration) time.Duration {
	if message == nil {
		return 0
	}
	return max(0, message.AsDuration())
}

// named is the name of an enumeration's value without its prefix; one that is newer than this client is
// UNSPECIFIED.
func named[Value ~int32](names map[int32]string, value Value, prefix string) string {
	name, ok := names[int32(value)]
	if !ok {
		return "UNSPECIFIED"
	}
	return strings.TrimPrefix(name, prefix)
}
