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

// longestClaims is how many bytes the claims of a token may have that are told: upstreams refuse long headers.
const longestClaims = 4 << 10

// identityNames are the headers that tell of a session, without their prefix.
var identityNames = []string{
	"principal", "issuer", "subject", "session", "tenant", "client", "acr", "scopes", "permissions", "roles",
	"auth-time", "expires", "actor", "claims",
}

// identityOf is the headers that tell an upstream of a session; what is not known has none.
func (s *Settings) identityOf(session *sessiondv1.Session) []header {
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

// removedFrom is the names of headers that an upstream must not get: all that could pass for those that tell of a
// session, and are not told. Upstreams read a _ as a -, and Envoy removes what it has set where both are asked for.
func (s *Settings) removedFrom(r *request, told []header) []string {
	var removed []string
	for _, name := range identityNames {
		removed = append(removed, s.HeaderPrefix+name)
	}
	for _, one := range r.headers {
		if strings.HasPrefix(strings.ReplaceAll(one.name, "_", "-"), s.HeaderPrefix) {
			removed = append(removed, one.name)
		}
	}
	slices.Sort(removed)
	return slices.DeleteFunc(slices.Compact(removed), func(name string) bool {
		return slices.ContainsFunc(told, func(one header) bool { return one.name == name })
	})
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
