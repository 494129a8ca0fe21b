package extauthz

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// longestClaims is how many bytes the claims of a token may have that are told: upstreams refuse long
// headers.
const longestClaims = 4 << 10

// identityNames are the headers that tell of a session, without their prefix.
var identityNames = []string{
	"principal", "issuer", "subject", "session", "tenant", "client", "acr", "scopes", "permissions", "roles",
	"auth-time", "expires", "actor", "claims",
}

// identity is what an upstream is told of a session, as it is on the wire. To make it costs far more than all
// else that a Check does, and it stays the same.
type identity struct {
	ok       []byte // fields of an OkHttpResponse: what is set, and what is removed, of identityNames
	metadata []byte // the field of a CheckResponse
}

// identityOf is that of an accepted session.
func (s *Settings) identityOf(session *sessiondv1.Session) *identity {
	metadata := appendTexts(
		nil, "verdict", "ACCEPTED", "principal", session.GetPrincipal(), "issuer", session.GetIssuer(),
		"subject", session.GetSubject(), "tenant_id", session.GetTenantId(), "client_id", session.GetClientId(),
	)
	metadata = appendList(metadata, "scopes", session.GetScopes())
	return s.toIdentity(s.headersOf(session), appendMessage(nil, metadataField, metadata))
}

// nobody is the identity of a request that has no credential and needs none.
func (s *Settings) nobody() *identity {
	return s.toIdentity(nil, appendMetadata(nil, "verdict", "ANONYMOUS"))
}

// toIdentity has those headers removed that tell nothing: Envoy removes what it has set where both are asked
// for.
func (s *Settings) toIdentity(told []header, metadata []byte) *identity {
	found := &identity{metadata: metadata}
	for _, one := range told {
		found.ok = appendHeader(found.ok, one, overwrite)
	}
	for _, name := range identityNames {
		name = s.HeaderPrefix + name
		if !slices.ContainsFunc(told, func(one header) bool { return one.name == name }) {
			found.ok = appendText(found.ok, removedHeadersField, name)
		}
	}
	return found
}

// appendClaimed appends the removal of all other headers of a request that could pass for those that tell of
// a session: upstreams read a _ as a -.
func (s *Settings) appendClaimed(ok []byte, r *request) []byte {
	for _, one := range r.headers {
		rest, isOurs := strings.CutPrefix(strings.ReplaceAll(one.name, "_", "-"), s.HeaderPrefix)
		if isOurs && (strings.Contains(one.name, "_") || !slices.Contains(identityNames, rest)) {
			ok = appendText(ok, removedHeadersField, one.name)
		}
	}
	return ok
}

// headersOf is the headers that tell an upstream of a session; what is not known has none.
func (s *Settings) headersOf(session *sessiondv1.Session) []header {
	var told []header
	tell := func(name, value string) {
		if value != "" {
			told = append(told, header{s.HeaderPrefix + name, value})
		}
	}
	tell("principal", encoded(session.GetPrincipal()))
	tell("issuer", encoded(session.GetIssuer()))
	tell("subject", encoded(session.GetSubject()))
	tell("session", encoded(firstOf(session.GetSessionId(), session.GetProviderSessionId())))
	tell("tenant", encoded(session.GetTenantId()))
	tell("client", encoded(session.GetClientId()))
	tell("acr", encoded(session.GetAcr()))
	tell("scopes", encodedAll(session.GetScopes()))
	tell("permissions", encodedAll(session.GetPermissions()))
	tell("roles", encodedAll(session.GetRoles()))
	tell("auth-time", seconds(session.GetAuthTime()))
	tell("expires", seconds(session.GetExpireTime()))
	tell("actor", encoded(session.GetActor().GetSubject()))
	if s.Claims && len(session.GetClaimsJson()) <= longestClaims {
		tell("claims", base64.RawURLEncoding.EncodeToString([]byte(session.GetClaimsJson())))
	}
	return told
}

// encoded is a value as a header can have it: whatever is not visible in ASCII is %XX, and so is % itself.
func encoded(value string) string {
	var text strings.Builder
	for _, b := range []byte(value) {
		if b < 0x21 || b > 0x7e || b == '%' {
			fmt.Fprintf(&text, "%%%02X", b)
		} else {
			text.WriteByte(b)
		}
	}
	return text.String()
}

func encodedAll(values []string) string {
	items := make([]string, len(values))
	for i, value := range values {
		items[i] = encoded(value)
	}
	return strings.Join(items, " ")
}

func seconds(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return strconv.FormatInt(at.GetSeconds(), 10)
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
