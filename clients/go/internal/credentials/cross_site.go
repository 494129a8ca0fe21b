package credentials

import (
	"net/http"
	"slices"
	"strings"
)

// CrossSite is which requests with a cookie another site may have caused.
type CrossSite struct {
	// Trusted are further origins whose pages may send cookies, such as https://app.example.
	Trusted []string
	// AllowsMissing lets what says nothing of where it comes from through.
	AllowsMissing bool
}

// Forbids judges by what browsers say of a request, and scripts in them cannot: there is no token to be kept,
// or to be stolen. That of a sibling domain (same-site) is another's. What changes something has to say where
// it comes from: who says nothing may be a browser of old, or one whose proxy has dropped what it said.
//
// The header gives all values under a name in small letters.
func (c CrossSite) Forbids(method, host string, header func(name string) []string) bool {
	if isSafe(method, header) {
		return false
	}
	sites, origins := header("sec-fetch-site"), header("origin")
	switch {
	case len(sites) > 1 || len(origins) > 1:
		return true
	case len(origins) == 1 && slices.Contains(c.Trusted, origins[0]):
		return false
	case len(sites) == 1:
		return sites[0] != "same-origin" && sites[0] != "none"
	case len(origins) == 1:
		return !isHost(origins[0], host)
	default:
		return !c.AllowsMissing
	}
}

// isSafe is for methods that change nothing (RFC 9110 section 9.2.1). A WebSocket, and whatever else opens a
// stream both ways, begins with one of them.
func isSafe(method string, header func(name string) []string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return len(header("upgrade")) == 0
	default:
		return false
	}
}

// isHost says whether an origin is that of a host, whatever its scheme (RFC 6454 section 6.2).
func isHost(origin, host string) bool {
	_, of, isOrigin := strings.Cut(origin, "://")
	return isOrigin && host != "" && strings.EqualFold(of, host)
}
