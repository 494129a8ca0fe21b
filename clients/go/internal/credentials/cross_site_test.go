package credentials_test

import (
	"fmt"
	"testing"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/internal/vectors"
)

type crossSite struct {
	Method          string
	Host            *string  // nil for the default
	SecFetchSite    []string `json:"sec_fetch_site"`
	Origin, Upgrade []string
	TrustedOrigins  []string `json:"trusted_origins"`
	AllowMissing    bool     `json:"allow_missing_origin"`
	Allowed         bool
}

func TestRequestsOfOtherSitesAreForbiddenAsTheVectorsSay(t *testing.T) {
	var file struct {
		Defaults  crossSite
		CrossSite []crossSite `json:"cross_site"`
	}
	vectors.Read(t, "browser-cross-site.json", &file)
	for _, row := range file.CrossSite {
		host := file.Defaults.Host
		if row.Host != nil {
			host = row.Host
		}
		name := fmt.Sprintf("%s %q %q %q at %q", row.Method, row.SecFetchSite, row.Origin, row.Upgrade, *host)
		t.Run(name, func(t *testing.T) {
			judge := credentials.CrossSite{Trusted: file.Defaults.TrustedOrigins, AllowsMissing: row.AllowMissing}
			header := func(name string) []string {
				return map[string][]string{
					"sec-fetch-site": row.SecFetchSite, "origin": row.Origin, "upgrade": row.Upgrade,
				}[name]
			}
			if judge.Forbids(row.Method, *host, header) == row.Allowed {
				t.Errorf("allowed is %v", !row.Allowed)
			}
		})
	}
}
