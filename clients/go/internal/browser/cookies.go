package browser

import (
	"encoding/base64"
	"strings"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
)

// Number is how many cookies of a name a request has.
type Number int

// The numbers. With several it is not clear which one is meant: no browser sends two of a name for one host
// and path, so that one of them is somebody else's.
const (
	None Number = iota
	One
	Several
)

// Cookies are those of a session that a request brought.
type Cookies struct {
	Access, Refresh           Number
	AccessToken, RefreshToken string // empty unless there is one
	mark                      string
	parts                     [mostParts + 1]bool
}

// Read finds the cookies in the values of Cookie headers. An empty one is none, and so is an access token of
// which parts are missing.
func (s Style) Read(headers []string) Cookies {
	var found Cookies
	values := make([]string, mostParts)
	for number := 1; number <= mostParts; number++ {
		value, count := one(headers, s.partName(number))
		found.Access = max(found.Access, count)
		found.parts[number] = count != None
		values[number-1] = value
	}
	if found.Access == One {
		found.AccessToken = join(values)
	}
	if found.AccessToken == "" && found.Access == One {
		found.Access = None
	}
	found.RefreshToken, found.Refresh = one(headers, s.RefreshName())
	found.mark, _ = one(headers, s.MarkName())
	return found
}

// IsMarked says whether the browser has had an answer about the refresh token that it brings, and so has no
// newer one: what it sent before it had that answer does not bring the mark.
func (c Cookies) IsMarked() bool {
	return c.RefreshToken != "" && c.mark != "" && c.mark == fingerprint(c.RefreshToken)
}

// HasRefreshForm says whether the refresh token is of a form that a server would read at all.
func (c Cookies) HasRefreshForm() bool {
	return len(c.RefreshToken) <= largestCookie && credentials.IsToken68(c.RefreshToken)
}

func one(headers []string, name string) (string, Number) {
	values := credentials.CookieValues(headers, name)
	switch {
	case len(values) > 1:
		return "", Several
	case len(values) == 0 || values[0] == "":
		return "", None
	default:
		return values[0], One
	}
}

// IsSameSession says whether two refresh tokens are of one session. The session's id stands behind four other
// bytes of a token; tokens of which that is not known are of none.
func IsSameSession(a, b string) bool {
	idOfA, idOfB := sessionOf(a), sessionOf(b)
	return idOfA != "" && idOfA == idOfB
}

func sessionOf(refreshToken string) string {
	text, isKnown := strings.CutPrefix(refreshToken, "sdr1_")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !isKnown || err != nil || len(raw) != 72 {
		return ""
	}
	return string(raw[4:20])
}
