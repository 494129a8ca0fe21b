package sessiondtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// The order is that of the schema: of a token with many faults the first one is told.
func TestTheFirstReasonThatAppliesIsTold(t *testing.T) {
	fake := sessiondtest.New(t)
	client, now := fake.Client(sessiond.WithoutCache()), fake.Now().Unix()
	const ended = "sds_AAAAAAAAAAAAAAAAAAAAAA"
	fake.Revoke(ended)
	header := func(name string, value any) func(*sessiondtest.Token) {
		return func(token *sessiondtest.Token) { token.Header[name] = value }
	}
	claim := func(name string, value any) func(*sessiondtest.Token) {
		return func(token *sessiondtest.Token) { token.Claims[name] = value }
	}
	faults := []struct {
		reason sessiond.Reason
		commit func(*sessiondtest.Token)
	}{
		{sessiond.ReasonIssuerNotTrusted, claim("iss", "https://other.example")},
		{sessiond.ReasonAlgorithmNotAllowed, header("alg", "none")},
		{sessiond.ReasonKeyUnknown, header("kid", "another")},
		{sessiond.ReasonSignatureInvalid, header("forged", true)},
		{sessiond.ReasonTypeNotAllowed, header("typ", "JWT")},
		{sessiond.ReasonClaimMissing, claim("client_id", nil)},
		{sessiond.ReasonClaimInvalid, claim("acr", 1)},
		{sessiond.ReasonExpired, func(token *sessiondtest.Token) {
			token.Claims["iat"], token.Claims["exp"] = now-300, now-10
		}},
		{sessiond.ReasonNotYetValid, claim("nbf", now+3600)},
		{sessiond.ReasonAudienceMismatch, claim("aud", []string{"another"})},
		{sessiond.ReasonBindingMismatch, claim("cnf", map[string]any{"jkt": "thumbprint"})},
		{sessiond.ReasonRevoked, claim("sid", ended)},
		{sessiond.ReasonScopeInsufficient, claim("scope", "orders:read")},
		{sessiond.ReasonStepUpRequired, claim("auth_time", now-3600)},
	}
	demand := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:write"}, MaxAuthAge: time.Minute})
	for first := range len(faults) + 1 {
		token := sessiondtest.Token{
			Header: map[string]any{}, Claims: map[string]any{"scope": "orders:write", "auth_time": now},
		}
		expected := sessiond.Reason("")
		for _, fault := range faults[first:] {
			fault.commit(&token)
		}
		if first < len(faults) {
			expected = faults[first].reason
		}
		signed := fake.Sign(token)
		if token.Header["forged"] == true {
			signed = signed[:len(signed)-8] + strings.Repeat("A", 8)
		}
		if _, err := client.Validate(t.Context(), signed, demand); reasonOf(err) != expected {
			t.Errorf("expected is %s, found %v", expected, err)
		}
	}
}
