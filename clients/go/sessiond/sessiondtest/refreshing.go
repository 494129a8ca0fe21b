package sessiondtest

import (
	"bytes"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// spend is the session of a refresh token that may be spent now, and whether it had been before: in the order
// of the server's table of rotation.
func (s *state) spend(request *sessiondv1.RefreshSessionRequest, by bearer) (*session, bool, string) {
	found, ok := s.refresh[request.GetRefreshToken()]
	if !ok {
		return nil, false, "REFRESH_TOKEN_INVALID"
	}
	of, now := found.session, s.now()
	switch {
	case of.hasEnded || s.hasCutOff(of):
		return nil, false, "SESSION_REVOKED"
	case !now.Before(of.absoluteExpire()):
		return nil, false, "SESSION_LIFETIME_EXCEEDED"
	case !now.Before(of.idleExpire()):
		return nil, false, "SESSION_IDLE_TIMEOUT"
	case len(of.certificate) > 0 && !bytes.Equal(of.certificate, request.GetProof().GetCertificateSha256()):
		return nil, false, "BINDING_MISMATCH"
	case found.generation == len(of.spent):
		of.spent = append(of.spent, spending{now, by})
		of.refreshed = now
		s.rotate(of)
		return of, false, ""
	}
	spent := of.spent[found.generation]
	switch {
	case now.Sub(spent.at) >= grace:
		s.endSession(of)
		return nil, false, "REFRESH_TOKEN_REUSED"
	case found.generation == len(of.spent)-1 && spent.bearer == by:
		return of, true, ""
	default:
		return nil, false, "REFRESH_TOKEN_SUPERSEDED"
	}
}

func (s *state) hasCutOff(of *session) bool {
	for _, id := range hashedid.OfSession(of.record().GetSession()) {
		if cutoff, ok := s.cutoffs[id]; ok && of.start <= cutoff {
			return true
		}
	}
	return false
}

// isLive says whether a session can still be refreshed.
func (s *state) isLive(of *session) bool {
	return !of.hasEnded && !s.hasCutOff(of) && s.now().Before(of.idleExpire())
}

func (s *state) endSession(of *session) *sessiondv1.Revocation {
	of.hasEnded = true
	return s.end(sessiondv1.RevocationType_REVOCATION_TYPE_SESSION, hashedid.Of(hashedid.Session, "", of.id))
}
