package sessiondhttp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

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

func (s *shop) accessToken() string  { return s.cookie("__Host-session") }
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

func (s *shop) refreshes() (count int) {
	for _, call := range s.fake.Calls() {
		if call.Method == "RefreshSession" {
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

func TestASessionBeginsWithALoginAndEndsWithALogout(t *testing.T) {
	s := one(t)
	s.expect("GET", "/orders", 401, "NO_CREDENTIALS")
	s.expect("GET", "/greeting", 200, "for nobody")
	s.login("alice")
	s.expect("GET", "/orders", 200, "for alice")
	s.expect("POST", "/orders", 200, "for alice")
	s.expect("GET", "/greeting", 200, "for alice")
	access, refresh := s.accessToken(), s.refreshToken()
	s.expect("POST", "/logout", 200, "")
	if s.accessToken() != "" || s.refreshToken() != "" {
		t.Error("the cookies are still there")
	}
	s.put(access, refresh)
	s.expect("GET", "/orders", 401, "REVOKED")
	if s.refreshes() != 0 {
		t.Errorf("there were %d refreshes", s.refreshes())
	}
}

func TestAnExpiredSessionIsRefreshedWithinTheRequest(t *testing.T) {
	for _, path := range []string{"/orders", "/greeting"} {
		for _, method := range []string{"GET", "POST"} {
			s := one(t)
			s.login("alice")
			access, refresh := s.accessToken(), s.refreshToken()
			s.fake.Expire(access)
			found := s.expect(method, path, 200, "for alice")
			if s.accessToken() == access || s.refreshToken() == refresh || s.refreshes() != 1 {
				t.Errorf("%s %s: it was not refreshed", method, path)
			}
			if found.header.Get("Cache-Control") != "no-store" || found.header.Get("Vary") != "Cookie" {
				t.Errorf("%s %s: found %v", method, path, found.header)
			}
			s.expect(method, path, 200, "for alice")
		}
	}
}

// rush sends as many requests at once as a page does, to all processes.
func (s *shop) rush(count int) {
	s.t.Helper()
	found := make(chan error, count)
	for i := range count {
		go func() {
			answer, err := s.ask(i%len(s.servers), "GET", "/orders")
			if err == nil && (answer.status != 200 || answer.body != "for alice") {
				err = fmt.Errorf("found %d %s", answer.status, answer.body)
			}
			for _, line := range answer.header["Set-Cookie"] {
				if strings.Contains(line, "Max-Age=0") {
					err = fmt.Errorf("cleared: %s", line)
				}
			}
			found <- err
		}()
	}
	for range count {
		if err := <-found; err != nil {
			s.t.Error(err)
		}
	}
}

func TestManyRequestsAtOnceRotateOnce(t *testing.T) {
	for _, processes := range []int{1, 3} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			fake := sessiondtest.New(t)
			var clients []sessiondhttp.BrowserClient
			for range processes {
				clients = append(clients, fake.Client())
			}
			s := openShop(t, fake, clients)
			s.login("alice")
			for range 3 {
				before := s.refreshToken()
				s.fake.Expire(s.accessToken())
				s.rush(50)
				again, err := clients[0].Refresh(t.Context(), before, asBrowser)
				if err != nil || !again.Replayed || again.RefreshToken != s.refreshToken() {
					t.Errorf("it was not rotated once: %v, %v", again, err)
				}
			}
		})
	}
}

// once gives out tokens when it is let go.
type once struct {
	sessiondhttp.BrowserClient
	refreshes atomic.Int32
	letGo     chan struct{}
}

func (*once) Validate(
	_ context.Context, token string, _ *sessiond.Policy, _ ...sessiond.Option,
) (*sessiond.Session, error) {
	if token == "h.p.s" {
		return nil, &sessiond.Rejected{Reason: sessiond.ReasonExpired, NextAction: sessiond.NextActionRefresh}
	}
	return &sessiond.Session{Subject: "alice"}, nil
}

func (o *once) Refresh(
	context.Context, string, sessiond.Bearer, ...sessiond.CallOption,
) (*sessiond.Tokens, error) {
	o.refreshes.Add(1)
	<-o.letGo
	return &sessiond.Tokens{AccessToken: "n.e.w", RefreshToken: "sdr1_new"}, nil
}

func TestManyRequestsAtOnceRefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &once{letGo: make(chan struct{})}
		route := sessiondhttp.NewBrowser(client).Require(nil)(handler)
		for i := range 50 {
			request := httptest.NewRequest("GET", "/orders", nil)
			request.Header.Set("Cookie", "__Host-session-refresh=sdr1_old")
			if i%2 == 0 {
				request.Header.Add("Cookie", "__Host-session=h.p.s")
			}
			go func() {
				answer := httptest.NewRecorder()
				route.ServeHTTP(answer, request)
				if answer.Body.String() != "for alice" || len(answer.Header()["Set-Cookie"]) != 2 {
					t.Errorf("found %s %v", answer.Body, answer.Header())
				}
			}()
		}
		synctest.Wait()
		close(client.letGo)
		synctest.Wait()
		if client.refreshes.Load() != 1 {
			t.Errorf("there were %d refreshes", client.refreshes.Load())
		}
	})
}

// asBrowser is what the test's browser says of itself.
var asBrowser = sessiond.Bearer{Device: sessiond.Device{UserAgent: "Go-http-client/1.1"}}

// holding holds refreshes back: before they reach sessiond, or with their answers.
type holding struct {
	sessiondhttp.BrowserClient
	begun, letGo chan struct{}
	holdsAnswers bool
}

func newHolding(client sessiondhttp.BrowserClient) *holding {
	return &holding{BrowserClient: client, begun: make(chan struct{}, 64), letGo: make(chan struct{})}
}

func (h *holding) Refresh(
	ctx context.Context, token string, bearer sessiond.Bearer, options ...sessiond.CallOption,
) (*sessiond.Tokens, error) {
	if !h.holdsAnswers {
		h.begun <- struct{}{}
		<-h.letGo
	}
	tokens, err := h.BrowserClient.Refresh(ctx, token, bearer, options...)
	if h.holdsAnswers {
		h.begun <- struct{}{}
		<-h.letGo
	}
	return tokens, err
}
