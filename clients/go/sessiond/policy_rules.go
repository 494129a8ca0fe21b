package sessiond

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

const (
	mostItems       = 64
	longestName     = 255 // characters of an identifier
	longestScope    = 256
	scopeCharacters = "printable ASCII characters but space, quote and backslash"
)

// checkPolicy refuses what a server would, with the names that it has for the fields.
func checkPolicy(p *Policy) error {
	checks := []error{
		checkItems("issuers", p.Issuers, checkName),
		checkItems("audiences", p.Audiences, checkName),
		checkItems("scopes", p.Scopes, checkScope),
		checkItems("permissions", p.Permissions, checkName),
		checkClaims(p.Claims),
		checkItems("acr_values", p.ACRValues, checkScope),
	}
	if p.MaxAuthAge < 0 {
		checks = append(checks, invalid("max_auth_age", p.MaxAuthAge.String(), "a span of 0 s or more"))
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkItems(field string, values []string, check func(field, value string) error) error {
	if distinct := len(asSet(values)); distinct > mostItems {
		return invalid(field, fmt.Sprintf("%d items", distinct), fmt.Sprintf("at most %d", mostItems))
	}
	for i, value := range values {
		if err := check(fmt.Sprintf("%s[%d]", field, i), value); err != nil {
			return err
		}
	}
	return nil
}

func checkClaims(claims map[string][]string) error {
	if len(claims) > mostItems {
		return invalid("claims", fmt.Sprintf("%d claims", len(claims)), fmt.Sprintf("at most %d", mostItems))
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		field := fmt.Sprintf("claims[%q]", name)
		if err := checkName(field, name); err != nil {
			return err
		}
		if len(claims[name]) == 0 {
			return invalid(field, "no value", fmt.Sprintf("1 to %d values", mostItems))
		}
		if err := checkItems(field, claims[name], checkName); err != nil {
			return err
		}
	}
	return nil
}

func checkName(field, value string) error {
	length := utf8.RuneCountInString(value)
	isControl := func(r rune) bool { return r < 0x20 || 0x7f <= r && r <= 0x9f }
	switch {
	case length < 1 || length > longestName:
		return invalid(field, fmt.Sprintf("%d characters", length), fmt.Sprintf("1 to %d characters", longestName))
	case !utf8.ValidString(value):
		return invalid(field, "bytes that are no text", "UTF-8")
	case strings.ContainsFunc(value, isControl):
		return invalid(field, "a control character", "characters that are not control characters")
	}
	return nil
}

// checkScope is for what RFC 6749 section 3.3 calls a scope-token.
func checkScope(field, value string) error {
	isForbidden := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	if len(value) < 1 || len(value) > longestScope || strings.ContainsFunc(value, isForbidden) {
		return invalid(field, fmt.Sprintf("%q", value), fmt.Sprintf("1 to %d %s", longestScope, scopeCharacters))
	}
	return nil
}

// invalid is what this client refuses by itself, in the server's own form.
func invalid(field, found, allowed string) *InvalidArgument {
	return &InvalidArgument{
		Field: field,
		CallError: CallError{
			Code:     codes.InvalidArgument,
			Reason:   "FIELD_INVALID",
			Message:  fmt.Sprintf("%s: found %s, allowed is %s", field, found, allowed),
			Metadata: map[string]string{"field": field, "found": found, "allowed": allowed},
		},
	}
}
