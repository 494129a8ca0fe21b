package settings

import (
	"flag"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/extauthz"
)

// ExtAuthz is whether, and how, Envoy's Check is answered.
type ExtAuthz struct {
	IsOn bool
	extauthz.Settings

	credentials, hosts string
}

func (e *ExtAuthz) flags(set *flag.FlagSet) {
	usual := extauthz.DefaultSettings()
	set.BoolVar(&e.IsOn, "ext-authz", false, "answer Envoy's envoy.service.auth.v3.Authorization/Check too")
	set.StringVar(&e.HeaderPrefix, "ext-authz-header-prefix", usual.HeaderPrefix,
		"how the names of the headers begin that tell an upstream of a session")
	set.StringVar(&e.credentials, "ext-authz-credentials", "",
		"where a token may be on routes that do not say: bearer, dpop, cookie:NAME\n"+
			"(default bearer, and dpop with --ext-authz-hosts or --ext-authz-external-url)")
	set.BoolVar(&e.Claims, "ext-authz-claims", false, "tell upstreams all claims of a token too, up to 4 KiB of them")
	set.StringVar(&e.ExternalURL, "ext-authz-external-url", "",
		"`origin` by which clients know what is behind Envoy, for DPoP proofs where TLS ends before it")
	set.StringVar(&e.hosts, "ext-authz-hosts", "",
		"`hosts` that DPoP proofs may be for; without these, or an external URL, no route takes any")
	set.IntVar(&e.XFCCHops, "ext-authz-xfcc-hops", 0,
		"how many trusted proxies each append an element to x-forwarded-client-cert (0: it counts for nothing)")
}

func (e *ExtAuthz) finish() error {
	e.Credentials, e.Hosts = list(e.credentials), list(e.hosts)
	return e.Check()
}
