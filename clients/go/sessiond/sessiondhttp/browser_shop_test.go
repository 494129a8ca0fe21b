package sessiondhttp_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// These run over HTTPS: real servers, a client that keeps cookies as a browser does, and a sessiond that
// speaks the real protocol.

// shop is a site: a process of it, or several.
type shop struct {
	t       *testing.T
	fake    *sessiondtest.Fake
	servers []*httptest.Server
	jar     *cookiejar.Jar
	browser *http.Client
}

// openShop has a process for each client.
func openShop(
	t *testing.T, fake *sessiondtest.Fake, clients []sessiondhttp.BrowserClient,
	options ...sessiondhttp.BrowserOption,
) *shop {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, fake: fake, jar: jar}
	options = append([]sessiondhttp.BrowserOption{quiet()}, options...)
	for _, client := range clients {
		site := sessiondhttp.NewBrowser(client, options...)
		server := httptest.NewTLSServer(s.routes(site))
		t.Cleanup(server.Close)
		s.servers = append(s.servers, server)
	}
	insecure := &tls.Config{InsecureSkipVerify: true}
	transport := &http.Transport{TLSClientConfig: insecure, MaxIdleConnsPerHost: 64}
	s.browser = &http.Client{Jar: jar, Transport: transport}
	t.Cleanup(s.browser.CloseIdleConnections)
	return s
}

func (s *shop) routes(site *sessiondhttp.Browser) http.Handler {
	mux := http.NewServeMux()
	login := func(w http.ResponseWriter, r *http.Request) {
		tokens := s.fake.LoginWith(r.FormValue("user"), sessiond.LocalLogin{
			Claims: map[string]any{"padding": r.FormValue("padding")},
		})
		if err := site.Start(w, r, tokens); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	logout := func(w http.ResponseWriter, r *http.Request) {
		if err := site.Logout(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
	for _, path := range []string{"", "/session"} {
		mux.HandleFunc("POST "+path+"/login", login)
		mux.HandleFunc("POST "+path+"/logout", logout)
	}
	mux.Handle("POST /session", site.Require(nil)(handler))
	mux.Handle("POST /protected-logout", site.Require(nil)(http.HandlerFunc(logout)))
	mux.Handle("/orders", site.Require(nil)(handler))
	mux.Handle("/greeting", site.Optional(nil)(handler))
	mux.Handle("/abort", site.Require(nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	})))
	return mux
}

func (s *shop) url(process int) *url.URL {
	parsed, err := url.Parse(s.servers[process].URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return parsed
}

type got struct {
	status int
	body   string
	header http.Header
}

// ask sends a request of the site's own pages to a process.
func (s *shop) ask(process int, method, path string, changes ...func(*http.Request)) (got, error) {
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.servers[process].URL+path, nil)
	if err != nil {
		return got{}, err
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, change := range changes {
		change(request)
	}
	response, err := s.browser.Do(request)
	if err != nil {
		return got{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return got{response.StatusCode, strings.TrimSpace(string(body)), response.Header}, err
}

func (s *shop) expect(method, path string, status int, text string) got {
	s.t.Helper()
	found, err := s.ask(0, method, path)
	if err != nil {
		s.t.Fatal(err)
	}
	if found.status != status || !strings.Contains(found.body, text) {
		s.t.Errorf("%s %s: found %d %s", method, path, found.status, found.body)
	}
	return found
}

func (s *shop) login(user string) {
	s.t.Helper()
	s.expect("POST", "/login?user="+user, 200, "")
}

func (s *shop) cookie(name string) string {
	for _, cookie := range s.jar.Cookies(s.url(0)) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

func (s *shop) accessToken() string { return s.cookie("__Host-session") }

func (s *shop) refreshToken() string { return s.cookie("__Host-session-refresh") }

// put has the browser keep cookies that it had before.
func (s *shop) put(access, refresh string) {
	cookie := func(name, value string) *http.Cookie {
		return &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, MaxAge: 3600}
	}
	s.jar.SetCookies(s.url(0), []*http.Cookie{
		cookie("__Host-session", access), cookie("__Host-session-refresh", refresh),
	})
}

func (s *shop) refreshes() int { return calls(s.fake, "RefreshSession") }

// calls is how many calls of a method have come.
func calls(fake *sessiondtest.Fake, method string) (count int) {
	for _, call := range fake.Calls() {
		if call.Method == method {
			count++
		}
	}
	return count
}

// one is a shop of one process.
func one(t *testing.T, options ...sessiondhttp.BrowserOption) *shop {
	t.Helper()
	fake := sessiondtest.New(t)
	return openShop(t, fake, []sessiondhttp.BrowserClient{fake.Client()}, options...)
}
