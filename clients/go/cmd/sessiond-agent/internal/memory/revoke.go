package memory

import (
	"google.golang.org/protobuf/proto"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// mostTold is how much a server tells of one revocation where there is more.
const mostTold = 4_096

// Revoke carries out here what a caller has just revoked, before it is told that it has: the next call must see it.
func (m *Memory) Revoke(request, response []byte) {
	var asked sessiondv1.RevokeSessionRequest
	var told sessiondv1.RevokeSessionResponse
	if proto.Unmarshal(request, &asked) != nil || proto.Unmarshal(response, &told) != nil {
		m.Known.Forget()
		return
	}
	revocations := told.GetRevocations()
	hasEnded := told.SessionsEnded == nil || told.GetSessionsEnded() > 0
	if len(revocations) == 0 && hasEnded || len(revocations) >= mostTold {
		m.Known.Forget() // what stands now is not known, or not all of it
	}
	var ids []hashedid.ID
	if token := asked.GetAccessToken(); token != "" {
		ids = append(ids, ofToken(token))
	}
	for _, one := range revocations {
		if raw := one.GetHashedId(); len(raw) == len(hashedid.ID{}) {
			ids = append(ids, hashedid.ID(raw))
		}
	}
	m.Known.End(ids, m.clock.Exact().Steady)
}
