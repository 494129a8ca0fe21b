package sessiondhttp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// crossSiteRule is which requests with a cookie another site may have caused.
type crossSiteRule struct {
	trusted       []string
	allowsMissing bool
}

// forbids judges by what browsers say of a request, and scripts in them cannot: there is no token to be kept,
// or to be stolen. That of a sibling domain (same-site) is another's.
func (c crossSiteRule) forbids(r *http.Request) bool {
	if isSafe(r) {
		return false
	}
	sites, origins := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	if len(sites) > 1 || len(origins) > 1 {
		return true
	}
	if len(origins) == 1 && slices.Contains(c.trusted, origins[0]) {
		return false
	}
	if len(sites) == 1 {
		return sites[0] != "same-origin" && sites[0] != "none"
	}
	if len(origins) == 1 {
		return !isHost(origins[0], r.Host)
	}
	return !c.allowsMissing
}

// isSafe is for methods that change nothing (RFC 9110 section 9.2.1). A WebSocket begins with one of them.
func isSafe(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return !isWebSocket(r)
	default:
		return false
	}
}

func isWebSocket(r *http.Request) bool {
	return slices.ContainsFunc(r.Header["Upgrade"], func(value string) bool {
		return strings.Contains(strings.ToLower(value), "websocket")
	})
}

func isHost(origin, host string) bool {
	parsed, err := url.Parse(origin)
	return err == nil && host != "" && parsed.Host == host
}
