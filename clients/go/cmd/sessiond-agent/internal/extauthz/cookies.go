package extauthz

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// isToken says whether a cookie can have that name (RFC 6265 section 4.1.1).
func isToken(name string) bool { return httpguts.ValidHeaderFieldName(name) }

// pairsOf is what Cookie headers have, one cookie behind the other.
func pairsOf(headers []string) (pairs []string) {
	for _, one := range headers {
		for pair := range strings.SplitSeq(one, ";") {
			if pair = strings.Trim(pair, " \t"); pair != "" {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

// cookiesNamed is the values of all cookies of a name.
func cookiesNamed(name string, headers []string) (values []string) {
	for _, pair := range pairsOf(headers) {
		if found, value, _ := strings.Cut(pair, "="); found == name {
			values = append(values, value)
		}
	}
	return values
}

// withoutCookie is one Cookie header that has all but the cookies of a name; it is empty where there are
// none. What is no text (RFC 6265 section 4.1.1 has ASCII alone) goes too: Envoy could not read the answer,
// and would let nobody pass.
func withoutCookie(name string, headers []string) string {
	var kept []string
	for _, pair := range pairsOf(headers) {
		if found, _, _ := strings.Cut(pair, "="); found != name && utf8.ValidString(pair) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "; ")
}
