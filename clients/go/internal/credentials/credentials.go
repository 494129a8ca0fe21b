// Package credentials finds the token of a request, where exactly one can be meant.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Scheme is how a token was presented.
type Scheme int

// The schemes.
const (
	Bearer Scheme = iota // RFC 6750
	DPoP                 // RFC 9449
	Cookie               // by a browser, whoever made it do so
)

// Credential is a token as it was presented; without a token it is none. Printing does not show the token.
type Credential struct {
	Scheme Scheme
	Token  string
}

// ErrInvalid says that a token was meant, but not which: RFC 6750 section 3.1 calls it invalid_request.
var ErrInvalid = errors.New("the request has several tokens, or one that is not of the form of a token")

// Format hides the token.
func (Credential) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "Credential{hidden}") }

// FromAuthorization is the token in the values of Authorization headers. Another scheme, or no scheme, is no
// token of ours.
func FromAuthorization(values []string) (Credential, error) {
	switch len(values) {
	case 0:
		return Credential{}, nil
	case 1:
		return fromAuthorization(values[0])
	default:
		return Credential{}, ErrInvalid
	}
}

// fromAuthorization reads a scheme, one or more spaces, and a token68 (RFC 9110 section 11.4).
func fromAuthorization(value string) (Credential, error) {
	end := 0
	for end < len(value) && isTokenCharacter(value[end]) {
		end++
	}
	var found Credential
	switch {
	case strings.EqualFold(value[:end], "Bearer"):
		found.Scheme = Bearer
	case strings.EqualFold(value[:end], "DPoP"):
		found.Scheme = DPoP
	default:
		return Credential{}, nil
	}
	found.Token = strings.TrimLeft(value[end:], " ")
	if len(found.Token) == len(value)-end || !IsToken68(found.Token) {
		return Credential{}, ErrInvalid
	}
	return found, nil
}

// FromCookies is the cookie of a name in the values of Cookie headers. An empty one is none: so a browser
// says that it was cleared. What it holds is for the server to judge: who has a broken cookie has to log in
// again.
func FromCookies(lines []string, name string) (Credential, error) {
	values := CookieValues(lines, name)
	switch len(values) {
	case 0:
		return Credential{}, nil
	case 1:
		return Credential{Cookie, values[0]}, nil
	default:
		return Credential{}, ErrInvalid
	}
}

// CookieValues is what all cookies of a name hold.
func CookieValues(lines []string, name string) (values []string) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			given, value, isPair := strings.Cut(strings.Trim(pair, " \t"), "=")
			if isPair && given == name {
				values = append(values, value)
			}
		}
	}
	return values
}

// IsToken68 says whether a text has the form of a token (RFC 6750 section 2.1): what has a blank or a comma
// in it could be taken for two.
func IsToken68(text string) bool {
	body := strings.TrimRight(text, "=")
	for i := range len(body) {
		if !isAlphanumeric(body[i]) && !strings.ContainsRune("-._~+/", rune(body[i])) {
			return false
		}
	}
	return body != ""
}

// isTokenCharacter is for what RFC 9110 section 5.6.2 calls a tchar.
func isTokenCharacter(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

type contextKey struct{}

// NewContext is ctx with the credential that was accepted for its request.
func NewContext(ctx context.Context, accepted Credential) context.Context {
	return context.WithValue(ctx, contextKey{}, accepted)
}

// FromContext is the credential that [NewContext] gave; without a token where there is none.
func FromContext(ctx context.Context) Credential {
	accepted, _ := ctx.Value(contextKey{}).(Credential)
	return accepted
}
