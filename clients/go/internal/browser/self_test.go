package browser

import (
	"net/url"
	"testing"
)

// Whatever a request's target is, a browser that follows the reference stays at the host that it has asked.
func FuzzSelfLeadsToNoOtherHost(f *testing.F) {
	for _, seed := range []string{"/", "//evil.example", "/\\evil.example", "/a?b=//c", "/https://evil/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		base, err := url.Parse("https://shop.example" + target)
		if err != nil || base.Host != "shop.example" {
			t.Skip("no browser asks for it")
		}
		reference, err := url.Parse(Self(target))
		if err != nil {
			t.Skip("no browser follows it")
		}
		if found := base.ResolveReference(reference); found.Host != "shop.example" || found.Scheme != "https" {
			t.Errorf("%q leads to %s", target, found)
		}
	})
}
