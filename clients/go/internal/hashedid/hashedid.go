// Package hashedid has the hashed ids by which revocations are told: clients compute them from what a session
// says of itself.
package hashedid

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Most is how many ids of one token there are at most: of each kind one, and that of the token's own digest.
const Most = 9

// ID is a hashed id.
type ID [16]byte

// The kinds of what can be revoked.
const (
	Session         = "session"
	ProviderSession = "provider_session"
	Token           = "token"
	Subject         = "subject"
	Tenant          = "tenant"
	Client          = "client"
	Issuer          = "issuer"
	Key             = "key"
)

// Of is SHA-256(kind, issuer, id)[:16], each part behind its length as 4 bytes big-endian.
func Of(kind, issuer, id string) ID {
	framed := make([]byte, 0, 256)
	for _, part := range [...]string{kind, issuer, id} {
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(part)))
		framed = append(framed, part...)
	}
	return short(sha256.Sum256(framed))
}

// OfToken is that of a token itself, by its digest, for what a client learns about it: no server tells of it.
func OfToken(digest [sha256.Size]byte) ID { return short(digest) }

// OfKey is that of the key that signed a session's token; one without a kid has the key without a name.
func OfKey(session *sessiondv1.Session) ID { return Of(Key, session.GetIssuer(), session.GetKeyId()) }

// OfSession are all that can revoke a session's token, as far as the session says it, but for its key.
func OfSession(session *sessiondv1.Session) []ID {
	issuer := session.GetIssuer()
	ids := append(make([]ID, 0, Most), Of(Issuer, issuer, ""))
	for _, one := range [...]struct{ kind, issuer, id string }{
		{Session, "", session.GetSessionId()},
		{ProviderSession, issuer, session.GetProviderSessionId()},
		{Token, issuer, session.GetTokenId()},
		{Subject, issuer, session.GetSubject()},
		{Tenant, issuer, session.GetTenantId()},
		{Client, issuer, session.GetClientId()},
	} {
		if one.id != "" {
			ids = append(ids, Of(one.kind, one.issuer, one.id))
		}
	}
	return ids
}

func short(digest [sha256.Size]byte) ID { return ID(digest[:16]) }
