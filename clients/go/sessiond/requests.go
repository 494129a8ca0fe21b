package sessiond

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/internal/useragent"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// longestToken is the most that any server reads: of a longer one it gets as much as shows that.
const longestToken = 64 << 10

// readable is what is sent of an access token: a server says of it what it would have said of all of it.
func readable(token string) string {
	if len(token) > longestToken {
		token = token[:longestToken+1]
	}
	return text(token)
}

// text is what can be sent. What is no UTF-8 cannot: in its place stands a letter that no token has.
func text(given string) string { return strings.ToValidUTF8(given, "\uFFFD") }

func toValidateRequest(token string, policy *compiledPolicy, q *question) *sessiondv1.ValidateTokenRequest {
	return &sessiondv1.ValidateTokenRequest{
		Token: readable(token), Requirements: policy.message, Proof: toProof(q.proof), Consistency: q.toMessage(),
	}
}

func toProof(proof Proof) *sessiondv1.PossessionProof {
	switch proof := proof.(type) {
	case Certificate:
		return &sessiondv1.PossessionProof{
			Proof: &sessiondv1.PossessionProof_CertificateSha256{CertificateSha256: proof[:]},
		}
	case DPoP:
		return &sessiondv1.PossessionProof{Proof: &sessiondv1.PossessionProof_Dpop{
			Dpop: &sessiondv1.DpopProof{Proof: proof.Proof, Method: proof.Method, Url: proof.URL},
		}}
	default:
		return nil
	}
}

func (q *question) toMessage() *sessiondv1.Consistency {
	switch q.consistency {
	case Strict:
		return &sessiondv1.Consistency{Requirement: &sessiondv1.Consistency_FullyConsistent{
			FullyConsistent: &sessiondv1.FullyConsistent{},
		}}
	case atRevision:
		return &sessiondv1.Consistency{Requirement: &sessiondv1.Consistency_AtLeastAsFresh{
			AtLeastAsFresh: &sessiondv1.AtLeastAsFresh{Revision: q.revision},
		}}
	default:
		return nil
	}
}

func toDevice(device Device) *sessiondv1.Device {
	if device == (Device{}) {
		return nil
	}
	return &sessiondv1.Device{
		IpAddress: text(device.IPAddress),
		UserAgent: useragent.Readable(device.UserAgent),
		Label:     text(device.Label),
	}
}

func (b Bearer) toRequest(refreshToken string) *sessiondv1.RefreshSessionRequest {
	return &sessiondv1.RefreshSessionRequest{
		RefreshToken: text(refreshToken), Device: toDevice(b.Device), Proof: toProof(b.Proof),
	}
}

func (l Login) toRequest() *sessiondv1.CreateSessionRequest {
	return &sessiondv1.CreateSessionRequest{
		Device: toDevice(l.Device), Attributes: l.Attributes, Proof: toProof(l.Proof),
	}
}

func (l LocalLogin) toMessage(subject string) (*sessiondv1.LocalLogin, error) {
	message := &sessiondv1.LocalLogin{
		Subject:   subject,
		ClientId:  l.ClientID,
		TenantId:  l.TenantID,
		Audiences: l.Audiences,
		Scopes:    l.Scopes,
		Acr:       l.ACR,
		Amr:       l.AMR,
	}
	if len(l.Claims) > 0 {
		encoded, err := json.Marshal(l.Claims)
		if err != nil {
			return nil, invalid("claims", "what cannot be encoded", "what is JSON")
		}
		message.ClaimsJson = string(encoded)
	}
	if !l.AuthTime.IsZero() {
		message.AuthTime = timestamppb.New(l.AuthTime)
	}
	return message, nil
}
