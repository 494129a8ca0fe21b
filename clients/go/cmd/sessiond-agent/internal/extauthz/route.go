package extauthz

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Fields of a ValidateTokenRequest.
const (
	tokenField        = 1
	requirementsField = 2
	proofField        = 3
)

var asTheSame = proto.MarshalOptions{Deterministic: true}

// route is what a route of Envoy's requires.
type route struct {
	requirements []byte // the field of a ValidateTokenRequest
	scopes       string // as a challenge has them
	credentials  credentials
	anonymous    bool // without a credential a request passes, with no identity
	keepToken    bool // the credential goes on upstream
}

// credentials is where a token may be.
type credentials struct {
	bearer, dpop bool
	cookie       string // its name; empty for none
}

// misconfigured is what a route cannot mean. A mistyped name must not open a route.
type misconfigured struct{ key, found, allowed string }

func (m *misconfigured) Error() string {
	return fmt.Sprintf("context extension %q: found %s, allowed is %s", m.key, m.found, m.allowed)
}

const knownKeys = "one of audiences, issuers, scopes, permissions, claims, acr_values, max_auth_age, credentials, " +
	"anonymous, keep_token"

// parseRoute reads a route's context extensions.
func parseRoute(extensions map[string]string, defaults credentials) (*route, error) {
	found, policy := &route{credentials: defaults}, sessiond.Policy{}
	for key, value := range extensions {
		if err := found.take(&policy, key, value); err != nil {
			return nil, err
		}
	}
	compiled, err := sessiond.Compile(policy)
	if err != nil {
		return nil, refused(err)
	}
	found.scopes = strings.Join(policy.Scopes, " ")
	if required := toRequirements(compiled); required != nil {
		raw, err := asTheSame.Marshal(required)
		if err != nil {
			return nil, err
		}
		found.requirements = appendMessage(nil, requirementsField, raw)
	}
	return found, nil
}

// question is the ValidateTokenRequest of a route, the same bytes for the same question: under these its
// answer is kept.
func (r *route) question(token string, proof *sessiondv1.PossessionProof) []byte {
	question := make([]byte, 0, len(token)+len(r.requirements)+8)
	question = appendText(question, tokenField, token)
	question = append(question, r.requirements...)
	if proof == nil {
		return question
	}
	raw, err := asTheSame.Marshal(proof)
	if err != nil {
		panic(err) // texts can be encoded
	}
	return appendMessage(question, proofField, raw)
}

func (r *route) take(policy *sessiond.Policy, key, value string) (err error) {
	switch key {
	case "audiences":
		policy.Audiences, err = words(key, value)
	case "issuers":
		policy.Issuers, err = words(key, value)
	case "scopes":
		policy.Scopes, err = words(key, value)
	case "permissions":
		policy.Permissions, err = words(key, value)
	case "acr_values":
		policy.ACRValues, err = words(key, value)
	case "claims":
		policy.Claims, err = parseClaims(key, value)
	case "max_auth_age":
		policy.MaxAuthAge, err = parseSpan(key, value)
	case "credentials":
		r.credentials, err = parseCredentials(value)
	case "anonymous":
		r.anonymous, err = parseSwitch(key, value)
	case "keep_token":
		r.keepToken, err = parseSwitch(key, value)
	default:
		err = &misconfigured{key, "that key", knownKeys}
	}
	return err
}

// words is a list whose items are separated by blanks. An empty one would require nothing where something was
// meant.
func words(key, value string) ([]string, error) {
	items := strings.Fields(value)
	if len(items) == 0 {
		return nil, &misconfigured{key, "nothing", "one item or more, separated by blanks"}
	}
	return items, nil
}

func parseClaims(key, value string) (map[string][]string, error) {
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(value), &raw); err != nil || len(raw) == 0 {
		return nil, &misconfigured{key, strconv.Quote(value), `a JSON object such as {"org": "acme"}`}
	}
	claims := make(map[string][]string, len(raw))
	for name, text := range raw {
		var one string
		var several []string
		switch {
		case json.Unmarshal(text, &one) == nil && string(text) != "null":
			claims[name] = []string{one}
		case json.Unmarshal(text, &several) == nil && len(several) > 0:
			claims[name] = several
		default:
			return nil, &misconfigured{key, string(text), "a text, or a list of texts, for each claim"}
		}
	}
	return claims, nil
}

// parseSpan reads "5m", and "300" as seconds.
func parseSpan(key, value string) (time.Duration, error) {
	span, err := time.ParseDuration(value)
	if seconds, isNumber := strconv.ParseUint(value, 10, 31); isNumber == nil {
		span, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || span <= 0 {
		return 0, &misconfigured{key, strconv.Quote(value), `a span above zero such as "5m"`}
	}
	return span, nil
}

func parseSwitch(key, value string) (bool, error) {
	if value != "true" && value != "false" {
		return false, &misconfigured{key, strconv.Quote(value), `"true" or "false"`}
	}
	return value == "true", nil
}

const knownCredentials = "a list of bearer, dpop and one cookie:NAME, separated by blanks"

func parseCredentials(value string) (credentials, error) {
	var found credentials
	unknown := func(word string) error {
		return &misconfigured{"credentials", strconv.Quote(word), knownCredentials}
	}
	for _, word := range strings.Fields(value) {
		name, isCookie := strings.CutPrefix(word, "cookie:")
		switch {
		case word == "bearer":
			found.bearer = true
		case word == "dpop":
			found.dpop = true
		case isCookie && found.cookie == "" && isToken(name):
			found.cookie = name
		default:
			return found, unknown(word)
		}
	}
	if found == (credentials{}) {
		return found, unknown(value)
	}
	return found, nil
}

// toRequirements is what a server is asked by; nil where nothing is required.
func toRequirements(policy *sessiond.Policy) *sessiondv1.Requirements {
	message := &sessiondv1.Requirements{
		Issuers: policy.Issuers, Audiences: policy.Audiences, Scopes: policy.Scopes,
		Permissions: policy.Permissions, AcrValues: policy.ACRValues,
	}
	if policy.MaxAuthAge > 0 {
		message.MaxAuthAge = durationpb.New(policy.MaxAuthAge)
	}
	for name, values := range policy.Claims {
		if message.Claims == nil {
			message.Claims = map[string]*sessiondv1.ClaimValues{}
		}
		message.Claims[name] = &sessiondv1.ClaimValues{Values: values}
	}
	if proto.Size(message) == 0 {
		return nil
	}
	return message
}

// refused is what a client refuses of a policy, as a server would.
func refused(err error) error {
	var invalid *sessiond.InvalidArgument
	if !errors.As(err, &invalid) {
		return err
	}
	return &misconfigured{invalid.Field, invalid.Metadata["found"], invalid.Metadata["allowed"]}
}
