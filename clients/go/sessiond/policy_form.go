package sessiond

import (
	"encoding/json"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// sorted is a copy that shares nothing, in which neither order nor repetition is left.
func (p *Policy) sorted() *Policy {
	claims := make(map[string][]string, len(p.Claims))
	for name, values := range p.Claims {
		claims[name] = asSet(values)
	}
	return &Policy{
		Issuers:     asSet(p.Issuers),
		Audiences:   asSet(p.Audiences),
		Scopes:      asSet(p.Scopes),
		Permissions: asSet(p.Permissions),
		Claims:      claims,
		MaxAuthAge:  p.MaxAuthAge,
		ACRValues:   asSet(p.ACRValues),
	}
}

func asSet(values []string) []string {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// canonical is the same text for the same demand, and another for any other.
func (p *Policy) canonical() string {
	claims := make([]any, 0, len(p.Claims))
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		claims = append(claims, []any{name, p.Claims[name]})
	}
	text, err := json.Marshal([]any{
		p.Issuers, p.Audiences, p.Scopes, p.Permissions, claims, int64(p.MaxAuthAge), p.ACRValues,
	})
	if err != nil {
		panic(err) // texts and numbers can be encoded
	}
	return string(text)
}

func (p *Policy) toMessage() *sessiondv1.Requirements {
	if p.requiresNothing() {
		return nil
	}
	message := &sessiondv1.Requirements{
		Issuers:     p.Issuers,
		Audiences:   p.Audiences,
		Scopes:      p.Scopes,
		Permissions: p.Permissions,
		Claims:      make(map[string]*sessiondv1.ClaimValues, len(p.Claims)),
		AcrValues:   p.ACRValues,
	}
	for name, values := range p.Claims {
		message.Claims[name] = &sessiondv1.ClaimValues{Values: values}
	}
	if p.MaxAuthAge > 0 {
		message.MaxAuthAge = durationpb.New(p.MaxAuthAge)
	}
	return message
}

func (p *Policy) requiresNothing() bool {
	lists := [][]string{p.Issuers, p.Audiences, p.Scopes, p.Permissions, p.ACRValues}
	return len(p.Claims) == 0 && p.MaxAuthAge == 0 &&
		!slices.ContainsFunc(lists, func(list []string) bool { return len(list) > 0 })
}
