package sessiondhttp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func TestACookieIsTakenOnlyWhereThereIsNoTokenInTheHeader(t *testing.T) {
	cookie := []string{"theme=dark; __Host-session=from.a.cookie"}
	fromCookie := sessiondhttp.FromCookie("__Host-session")
	bad := expired()
	for _, row := range []struct {
		name   string
		asked  *validator
		header http.Header
		status int
		tokens []string
	}{
		{"a cookie", accepting(), http.Header{"Cookie": cookie}, 200, []string{"from.a.cookie"}},
		{
			"beside another scheme", accepting(),
			http.Header{"Cookie": cookie, "Authorization": {"Basic dTpw"}}, 200, []string{"from.a.cookie"},
		},
		{
			"beside a token", accepting(), http.Header{"Cookie": cookie, "Authorization": {"Bearer a"}}, 200, []string{"a"},
		},
		{
			"beside a bad token", bad, http.Header{"Cookie": cookie, "Authorization": {"Bearer a"}}, 401, []string{"a"},
		},
		{
			"beside what is no token", accepting(), http.Header{"Cookie": cookie, "Authorization": {"Bearer"}}, 400, nil,
		},
		{"two cookies", accepting(), http.Header{"Cookie": {cookie[0] + "; __Host-session=b"}}, 400, nil},
		{"another cookie", accepting(), http.Header{"Cookie": {"theme=dark"}}, 401, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := get(t, sessiondhttp.New(row.asked, fromCookie).Require(nil)(handler), "GET", row.header)
			if answer.Code != row.status || !slices.Equal(row.asked.tokens, row.tokens) {
				t.Errorf("found %d, asked about %q", answer.Code, row.asked.tokens)
			}
		})
	}
	without := sessiondhttp.New(accepting()).Require(nil)(handler)
	if answer := get(t, without, "GET", http.Header{"Cookie": cookie}); answer.Code != 401 {
		t.Errorf("without the option: found %d", answer.Code)
	}
}

func TestARequestThatAnotherSiteCausedIsDenied(t *testing.T) {
	const trusted = "https://app.example"
	for _, row := range []struct {
		method, site, origin, upgrade string
		status                        int
	}{
		{method: "GET", site: "cross-site", status: 200},
		{method: "HEAD", site: "cross-site", status: 200},
		{method: "OPTIONS", site: "cross-site", status: 200},
		{method: "TRACE", site: "cross-site", status: 403},
		{method: "GET", site: "cross-site", upgrade: "WebSocket", status: 403},
		{method: "GET", site: "same-origin", upgrade: "websocket", status: 200},
		{method: "GET", origin: "https://evil.example", upgrade: "websocket", status: 403},
		{method: "GET", upgrade: "h2c, websocket", status: 403},
		{method: "GET", upgrade: "anything", status: 403},
		{method: "POST", site: "same-origin", status: 200},
		{method: "POST", site: "none", status: 200},
		{method: "POST", site: "same-site", status: 403},
		{method: "POST", site: "cross-site", status: 403},
		{method: "POST", site: "anything", status: 403},
		{method: "POST", site: "same-site", origin: "https://api.example", status: 403},
		{method: "POST", site: "cross-site", origin: trusted, status: 200},
		{method: "POST", site: "same-origin", origin: "https://evil.example", status: 200},
		{method: "POST", origin: "https://api.example", status: 200},
		{method: "POST", origin: "https://API.example", status: 200},
		{method: "POST", origin: "https://api.example:8443", status: 403},
		{method: "POST", origin: "https://evil.example", status: 403},
		{method: "POST", origin: trusted, status: 200},
		{method: "POST", origin: "http://app.example", status: 403},
		{method: "POST", origin: "null", status: 403},
		{method: "POST", status: 403},
		{method: "PUT", status: 403},
		{method: "DELETE", site: "cross-site", status: 403},
		{method: "PATCH", site: "same-origin", status: 200},
		{method: "post", site: "cross-site", status: 403},
	} {
		t.Run(fmt.Sprintf("%s %s %s %s", row.method, row.site, row.origin, row.upgrade), func(t *testing.T) {
			header := http.Header{"Cookie": {"session=a"}}
			for name, value := range map[string]string{
				"Sec-Fetch-Site": row.site, "Origin": row.origin, "Upgrade": row.upgrade,
			} {
				if value != "" {
					header.Set(name, value)
				}
			}
			asked := accepting()
			trust := sessiondhttp.TrustOrigins(trusted)
			m := sessiondhttp.New(asked, sessiondhttp.FromCookie("session"), trust)
			answer := get(t, m.Require(nil)(handler), row.method, header)
			if answer.Code != row.status {
				t.Errorf("found %d", answer.Code)
			}
			isDenied := len(asked.tokens) == 0 && strings.Contains(answer.Body.String(), "CROSS_SITE")
			if isDenied != (row.status == 403) {
				t.Errorf("found %s, asked about %q", answer.Body, asked.tokens)
			}
		})
	}
}

func TestOnlyACookieCanBeSentByAnotherSite(t *testing.T) {
	header := bearing("a")
	header.Set("Sec-Fetch-Site", "cross-site")
	m := sessiondhttp.New(accepting(), sessiondhttp.FromCookie("session"))
	if answer := get(t, m.Require(nil)(handler), "POST", header); answer.Code != 200 {
		t.Errorf("found %d", answer.Code)
	}
	allow := sessiondhttp.AllowMissingOrigin()
	allowing := sessiondhttp.New(accepting(), sessiondhttp.FromCookie("session"), allow).Require(nil)(handler)
	if answer := get(t, allowing, "POST", http.Header{"Cookie": {"session=a"}}); answer.Code != 200 {
		t.Errorf("missing origin: found %d", answer.Code)
	}
	twice := http.Header{"Cookie": {"session=a"}, "Sec-Fetch-Site": {"same-origin", "cross-site"}}
	if answer := get(t, allowing, "POST", twice); answer.Code != 403 {
		t.Errorf("said twice: found %d", answer.Code)
	}
}
