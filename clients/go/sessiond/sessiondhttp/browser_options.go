package sessiondhttp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// BrowserOption is how browser sessions are kept, or one more [Option].
type BrowserOption interface{ applyToBrowser(*Browser) }

func (o Option) applyToBrowser(b *Browser) { o(b.middleware) }

type browserOption func(*Browser)

func (o browserOption) applyToBrowser(b *Browser) { o(b) }

// Development is for http://localhost alone, where not every browser takes Secure cookies: they have neither
// that nor the prefix __Host-, but dev- instead. Requests to another host are refused.
func Development() BrowserOption {
	return browserOption(func(b *Browser) { b.style.IsDevelopment = true })
}

// SplitCookies has an access token that is too large for one cookie in up to three: some providers issue
// tokens of more than 4,096 bytes. What stands in front of the backend has to take headers of that size.
func SplitCookies() BrowserOption {
	return browserOption(func(b *Browser) { b.style.Splits = true })
}

// RefreshPath has browsers send the refresh token to one path alone, and to what is below it. A page
// refreshes there: the route needs [Browser.Require] or [Browser.Optional], and a handler that does nothing.
// Elsewhere a request without a good access token is answered 401 with the next action REFRESH.
//
// Let logins and logouts be below it too: elsewhere they do not know which session to end, once the access
// token has expired.
//
// The cookie loses the prefix __Host-, which wants the path to be /, and with it the protection from a
// subdomain that sets one.
func RefreshPath(path string) BrowserOption {
	if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.ContainsFunc(path, isNoPath) {
		panic(fmt.Sprintf("sessiondhttp: refresh path: found %q, allowed is one such as /session", path))
	}
	return browserOption(func(b *Browser) { b.style.RefreshPath = path })
}

// isNoPath is for what ends the attribute of a cookie, or is written in another way in a path.
func isNoPath(character rune) bool {
	return character <= ' ' || character > '~' || strings.ContainsRune(`;,"\?#%`, character)
}

// WithDevice says what is told of the device that a request comes from; that is its user agent unless this
// says otherwise. A server takes a refresh with another user agent or label for another device's, which has
// to be the same for all requests of a browser at a time.
func WithDevice(device func(*http.Request) sessiond.Device) BrowserOption {
	return browserOption(func(b *Browser) { b.device = device })
}
