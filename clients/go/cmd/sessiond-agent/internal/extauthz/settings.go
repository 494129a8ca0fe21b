package extauthz

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Settings are what all routes share.
type Settings struct {
	// HeaderPrefix begins the names of all headers that tell of a session, such as "x-auth-". A request's own
	// headers of such names never reach an upstream.
	HeaderPrefix string
	// Credentials is where a token may be, for routes that do not say: "bearer", "dpop", "cookie:NAME".
	// Without any it is "bearer", and "dpop" where it is known which requests a proof may be for.
	Credentials []string
	// Claims has all claims of the token told too, where they are not longer than 4 KiB.
	Claims bool
	// ExternalURL is the origin under which clients know what is behind Envoy, where TLS ends before it.
	ExternalURL string
	// Hosts are those of whom a DPoP proof may be; none, where there is no ExternalURL, means that no route
	// takes such proofs. Under a virtual host for every name a proof for another host could be replayed.
	Hosts []string
	// XFCCHops is how many proxies that are trusted have each appended an element to
	// x-forwarded-client-cert; zero means that the header counts for nothing.
	XFCCHops int
}

// DefaultSettings are those of an agent that was told nothing.
func DefaultSettings() Settings {
	return Settings{HeaderPrefix: "x-auth-"}
}

// Check says which setting cannot be, in words for whoever has set it.
func (s *Settings) Check() error {
	if !httpguts.ValidHeaderFieldName(s.HeaderPrefix) || strings.ToLower(s.HeaderPrefix) != s.HeaderPrefix ||
		!strings.HasSuffix(s.HeaderPrefix, "-") || strings.Contains(s.HeaderPrefix, "_") {
		return fmt.Errorf("--ext-authz-header-prefix: found %q, allowed is a header's name in small letters that ends with -",
			s.HeaderPrefix)
	}
	if _, err := s.credentials(); err != nil {
		return fmt.Errorf("--ext-authz-credentials: %w", err)
	}
	if s.ExternalURL != "" {
		if u, err := url.Parse(s.ExternalURL); err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" ||
			u.Fragment != "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("--ext-authz-external-url: found %q, allowed is an origin such as https://app.example", s.ExternalURL)
		}
	}
	if slices.Contains(s.Hosts, "") || slices.Contains(s.Hosts, "*") {
		return fmt.Errorf("--ext-authz-hosts: found %q, allowed are names of hosts", s.Hosts)
	}
	if s.XFCCHops < 0 {
		return fmt.Errorf("--ext-authz-xfcc-hops: found %d, allowed is 0 or more", s.XFCCHops)
	}
	return nil
}

// credentials is where a token may be, for routes that do not say.
func (s *Settings) credentials() (credentials, error) {
	if len(s.Credentials) == 0 {
		return credentials{bearer: true, dpop: s.takesDPoP()}, nil
	}
	found, err := parseCredentials(strings.Join(s.Credentials, " "))
	if err == nil && found.dpop && !s.takesDPoP() {
		err = errNoDPoPHost
	}
	return found, err
}

// takesDPoP says whether it is known which requests a proof may be for.
func (s *Settings) takesDPoP() bool { return s.ExternalURL != "" || len(s.Hosts) > 0 }

// origin is that of a request, as its client knows it, and false where a proof may not be for it.
func (s *Settings) origin(scheme, host string) (string, bool) {
	if s.ExternalURL != "" {
		return s.ExternalURL, true
	}
	host = strings.ToLower(host)
	return scheme + "://" + host, slices.Contains(s.Hosts, host)
}
