package sessiondhttp_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestAnAccessTokenOfFiveKilobytesIsSplitWhereThatIsWanted(t *testing.T) {
	padding := strings.Repeat("a", 3600) // in a JWT it is a third longer
	s := one(t)
	found := s.expect("POST", "/login?user=alice&padding="+padding, 500, "SplitCookies")
	if found.header["Set-Cookie"] != nil {
		t.Errorf("found %v", found.header)
	}
	s = one(t, sessiondhttp.SplitCookies())
	s.expect("POST", "/login?user=alice&padding="+padding, 200, "")
	s.expect("GET", "/orders", 200, "for alice")
	if s.cookie("__Host-session-2") == "" || s.refreshes() != 0 {
		t.Errorf("there were %d refreshes", s.refreshes())
	}
	whole := s.accessToken()
	s.put(whole[:len(whole)-1]+"x", s.refreshToken()) // the set is broken
	s.expect("GET", "/orders", 200, "for alice")
	s.expect("GET", "/orders", 200, "for alice")
	if s.refreshes() != 1 {
		t.Errorf("there were %d refreshes", s.refreshes())
	}
	s.login("bob") // whose token fits in one
	if s.cookie("__Host-session-2") != "" {
		t.Error("a part is still there")
	}
	s.expect("GET", "/orders", 200, "for bob")
	s.expect("POST", "/login?user=alice&padding="+padding, 200, "")
	s.expect("POST", "/logout", 200, "")
	if len(s.jar.Cookies(s.url(0))) != 0 {
		t.Errorf("found %v", s.jar.Cookies(s.url(0)))
	}
}

// growing has access tokens that have become too large for a cookie.
type growing struct{ sessiondhttp.BrowserClient }

func (growing) Refresh(
	context.Context, string, sessiond.Bearer, ...sessiond.CallOption,
) (*sessiond.Tokens, error) {
	return &sessiond.Tokens{AccessToken: strings.Repeat("a", 5000), RefreshToken: "sdr1_new"}, nil
}

func (growing) Validate(
	context.Context, string, *sessiond.Policy, ...sessiond.Option,
) (*sessiond.Session, error) {
	return &sessiond.Session{Subject: "alice"}, nil
}

func TestARefreshIsNotLostWithATokenThatDoesNotFit(t *testing.T) {
	var log strings.Builder
	site := sessiondhttp.NewBrowser(growing{}, sessiondhttp.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Cookie", "__Host-session-refresh=sdr1_old")
	answer := httptest.NewRecorder()
	site.Require(nil)(handler).ServeHTTP(answer, request)
	names := namesOf(answer.Header()["Set-Cookie"])
	if answer.Body.String() != "for alice" || !slices.Equal(names, []string{"__Host-session-refresh"}) {
		t.Errorf("found %s, %q", answer.Body, names)
	}
	if !strings.Contains(log.String(), "ERROR") || !strings.Contains(log.String(), "bytes=5000") {
		t.Errorf("logged %s", &log)
	}
}

func TestWhatIsNoTokenIsNotPutIntoACookie(t *testing.T) {
	site := sessiondhttp.NewBrowser(sessiondtest.New(t).Client())
	for _, tokens := range []*sessiond.Tokens{
		nil, {}, {AccessToken: "a"}, {AccessToken: "a; Domain=evil.example", RefreshToken: "b"},
		{AccessToken: "a", RefreshToken: "b\r\nLocation: https://evil.example"},
	} {
		answer := httptest.NewRecorder()
		err := site.Start(answer, httptest.NewRequest("POST", "/", nil), tokens)
		if err == nil || len(answer.Header()) != 0 {
			t.Errorf("found %v, %v", answer.Header(), err)
		}
	}
}

func TestARefreshTokenMayBeSentToOnePathAlone(t *testing.T) {
	s := one(t, sessiondhttp.RefreshPath("/session"))
	s.expect("POST", "/session/login?user=alice", 200, "")
	s.expect("GET", "/orders", 200, "for alice")
	s.fake.Expire(s.accessToken())
	const refresh = `"next_action":"REFRESH"`
	s.expect("GET", "/orders", 401, refresh)
	s.expect("POST", "/session", 200, "for alice")
	s.expect("GET", "/orders", 200, "for alice")
	if s.refreshes() != 1 || s.cookie("__Secure-session-refresh") != "" {
		t.Errorf("there were %d refreshes, and it is sent everywhere", s.refreshes())
	}
	s.expect("POST", "/session/logout", 200, "")
	s.expect("GET", "/orders", 401, refresh)
	s.expect("POST", "/session", 401, `"next_action":"REAUTHENTICATE"`)
}

func TestCookiesOfDevelopmentAreForThisMachineAlone(t *testing.T) {
	fake := sessiondtest.New(t)
	var log strings.Builder
	logger := sessiondhttp.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))
	site := sessiondhttp.NewBrowser(fake.Client(), sessiondhttp.Development(), logger)
	for host, isAllowed := range map[string]bool{"localhost:8000": true, "shop.example": false} {
		request := httptest.NewRequest("GET", "http://"+host+"/", nil)
		request.Header.Set("Cookie", "dev-session-refresh="+fake.Login("alice").RefreshToken)
		answer := httptest.NewRecorder()
		site.Require(nil)(handler).ServeHTTP(answer, request)
		if (answer.Code == 200) != isAllowed || answer.Code == 500 == isAllowed {
			t.Errorf("%s: found %d", host, answer.Code)
		}
		names := namesOf(answer.Header()["Set-Cookie"])
		if isAllowed != slices.Equal(names, []string{"dev-session", "dev-session-refresh"}) {
			t.Errorf("%s: found %q", host, names)
		}
		started, ended := httptest.NewRecorder(), httptest.NewRecorder()
		err := errors.Join(site.Start(started, request, fake.Login("bob")), site.Logout(ended, request))
		if (err == nil) != isAllowed || (len(started.Header())+len(ended.Header()) > 0) != isAllowed {
			t.Errorf("%s: found %v", host, err)
		}
	}
	if !strings.Contains(log.String(), "allowed is localhost") {
		t.Errorf("logged %s", &log)
	}
}

func TestWhatIsToldOfADeviceIsToldAtARefreshToo(t *testing.T) {
	fake := sessiondtest.New(t)
	client := fake.Client()
	label := sessiondhttp.WithDevice(func(*http.Request) sessiond.Device {
		return sessiond.Device{Label: "kiosk"}
	})
	site, tokens := sessiondhttp.NewBrowser(client, label), fake.Login("alice")
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Cookie", "__Host-session-refresh="+tokens.RefreshToken)
	site.Require(nil)(handler).ServeHTTP(httptest.NewRecorder(), request)
	again, err := client.Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{Device: site.Device(request)})
	if err != nil || !again.Replayed {
		t.Errorf("found %v, %v", again, err)
	}
}

func TestMistakesInTheCookiesOfASiteAreFoundAtOnce(t *testing.T) {
	client := sessiondtest.New(t).Client()
	for name, mistake := range map[string]func(){
		"a cookie of one's own": func() { sessiondhttp.NewBrowser(client, sessiondhttp.FromCookie("session")) },
		"no path":               func() { sessiondhttp.RefreshPath("session") },
		"every path":            func() { sessiondhttp.RefreshPath("/") },
		"another attribute":     func() { sessiondhttp.RefreshPath("/a; Domain=example") },
		"a policy": func() {
			sessiondhttp.NewBrowser(client).Require(&sessiond.Policy{Scopes: []string{"a b"}})
		},
		"a public route": func() { sessiondhttp.NewBrowser(client).Protect(nil, "healthz") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nobody noticed")
				}
			}()
			mistake()
		})
	}
}
