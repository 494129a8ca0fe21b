package sessiondhttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// These are about answers that come late, or never.

func TestWhoHasNotGotItsNewCookiesGetsThemAgain(t *testing.T) {
	s := one(t)
	s.login("alice")
	access, refresh := s.accessToken(), s.refreshToken()
	s.fake.Expire(access)
	if _, err := s.ask(0, "POST", "/abort"); err == nil {
		t.Fatal("the answer was not lost")
	}
	if s.refreshToken() != refresh || s.refreshes() != 1 {
		t.Fatalf("there were %d refreshes", s.refreshes())
	}
	s.expect("GET", "/orders", 200, "for alice")
	if s.refreshToken() == refresh {
		t.Error("there is no new refresh token")
	}
	s.fake.Expire(s.accessToken())
	s.expect("GET", "/orders", 200, "for alice")
}

func TestABrowserThatLeavesDuringARefreshLosesNothing(t *testing.T) {
	fake := sessiondtest.New(t)
	held := newHolding(fake.Client())
	coming := make(chan struct{}, 3) // whoever is about to refresh
	s := openShop(t, fake, []sessiondhttp.BrowserClient{held}, sessiondhttp.WithDevice(
		func(*http.Request) sessiond.Device {
			coming <- struct{}{}
			return sessiond.Device{}
		},
	))
	s.login("alice")
	s.fake.Expire(s.accessToken())
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := s.ask(0, "GET", "/orders", func(r *http.Request) { *r = *r.WithContext(ctx) })
		left <- err
	}()
	<-held.begun
	<-coming
	leave()
	if <-left == nil {
		t.Error("the browser has not left")
	}
	stayed := make(chan struct{})
	go func() {
		s.expect("GET", "/orders", 200, "for alice")
		close(stayed)
	}()
	<-coming
	close(held.letGo)
	<-stayed
	s.fake.Expire(s.accessToken())
	s.expect("GET", "/orders", 200, "for alice")
}

func TestARequestWithOldCookiesIsMadeAgainWithTheNewOnes(t *testing.T) {
	s := one(t)
	s.login("alice")
	access, refresh := s.accessToken(), s.refreshToken()
	s.fake.Expire(access)
	s.expect("GET", "/orders", 200, "for alice")
	s.fake.Expire(s.accessToken())
	s.expect("GET", "/orders", 200, "for alice") // the successor is in use: the first one is superseded
	late := func(r *http.Request) {
		r.Header["Cookie"] = []string{"__Host-session=" + access + "; __Host-session-refresh=" + refresh}
	}
	withoutJar := *s.browser
	withoutJar.Jar = nil
	withoutJar.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	with := s.browser
	s.browser = &withoutJar
	found, err := s.ask(0, "GET", "/orders", late)
	const told = `{"error":"session_superseded","retry":true}`
	if err != nil || found.status != 401 || found.body != told || found.header["Set-Cookie"] != nil {
		t.Errorf("found %v, %v", found, err)
	}
	navigation := func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }
	found, err = s.ask(0, "GET", "/orders?page=2", late, navigation)
	if err != nil || found.status != 307 || found.header.Get("Location") != "./orders?page=2" {
		t.Errorf("found %v, %v", found, err)
	}
	mark, _, _ := strings.Cut(found.header.Get("Set-Cookie"), ";")
	again := func(r *http.Request) { r.Header.Add("Cookie", mark) }
	found, err = s.ask(0, "GET", "/orders?page=2", late, navigation, again)
	if err != nil || found.body != told {
		t.Errorf("sent back twice: found %v, %v", found, err)
	}
	s.browser = with
	if found, err = s.ask(0, "GET", "/orders?page=2", navigation, again); err != nil || found.status != 200 {
		t.Errorf("with the newer cookies: found %v, %v", found, err)
	}
}

func TestEachEndOfASessionClearsItsCookies(t *testing.T) {
	for name, row := range map[string]struct {
		end    func(*shop)
		reason string
	}{
		"revoked":  {func(s *shop) { s.fake.Revoke(s.refreshToken()) }, "SESSION_REVOKED"},
		"idle":     {func(s *shop) { s.fake.Advance(8 * 24 * time.Hour) }, "SESSION_IDLE_TIMEOUT"},
		"too old":  {func(s *shop) { s.fake.Advance(31 * 24 * time.Hour) }, "SESSION_LIFETIME_EXCEEDED"},
		"no token": {func(s *shop) { s.put("", "sdr1_unknown") }, "REFRESH_TOKEN_INVALID"},
		"no form":  {func(s *shop) { s.put("", "a~b|c") }, "REFRESH_TOKEN_INVALID"},
		"too long": {func(s *shop) { s.put("", "sdr1_"+strings.Repeat("a", 5000)) }, "REFRESH_TOKEN_INVALID"},
		"reused": {func(s *shop) {
			_, _ = s.fake.Client().Refresh(s.t.Context(), s.refreshToken(), sessiond.Bearer{})
			s.fake.Advance(time.Minute)
		}, "REFRESH_TOKEN_REUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := one(t)
			s.login("alice")
			row.end(s)
			s.put("", s.refreshToken())
			s.expect("POST", "/orders", 401, row.reason)
			if s.refreshToken() == "" || s.cookie("__Host-session-mark") == "" {
				t.Error("the first answer has cleared what may be a new login's")
			}
			s.expect("GET", "/orders", 401, "REAUTHENTICATE")
			if len(s.jar.Cookies(s.url(0))) != 0 {
				t.Error("the cookies are still there")
			}
			s.expect("GET", "/orders", 401, "NO_CREDENTIALS")
		})
	}
}

func TestWhatLeavesTheSessionAliveClearsNothing(t *testing.T) {
	s := one(t)
	s.login("alice")
	s.fake.Expire(s.accessToken())
	s.put("", s.refreshToken())
	s.fake.Away()
	found := s.expect("GET", "/orders", 503, "UNAVAILABLE")
	if found.header.Get("Retry-After") == "" || found.header["Set-Cookie"] != nil {
		t.Errorf("found %v", found.header)
	}
	s.fake.Back()
	s.expect("GET", "/orders", 200, "for alice")
}

func TestALogoutDuringARefreshWins(t *testing.T) {
	for name, holdsAnswers := range map[string]bool{"before it is made": false, "behind its answer": true} {
		t.Run(name, func(t *testing.T) {
			fake := sessiondtest.New(t)
			held := newHolding(fake.Client())
			held.holdsAnswers = holdsAnswers
			s := openShop(t, fake, []sessiondhttp.BrowserClient{held})
			s.login("alice")
			s.fake.Expire(s.accessToken())
			refreshed := make(chan got)
			go func() {
				found, err := s.ask(0, "GET", "/orders")
				if err != nil {
					t.Error(err)
				}
				refreshed <- found
			}()
			<-held.begun
			s.expect("POST", "/logout", 200, "")
			if s.refreshToken() != "" || s.accessToken() != "" {
				t.Error("the cookies are still there")
			}
			close(held.letGo)
			if found := <-refreshed; found.status != 401 {
				t.Errorf("found %v", found)
			}
			held.letGo = make(chan struct{})
			close(held.letGo)
			s.expect("GET", "/orders", 401, "")
			s.expect("GET", "/greeting", 200, "for nobody")
		})
	}
}

func TestNobodyIsLoggedOutByAnAnswerToWhatWasSentBeforeTheLogin(t *testing.T) {
	s := one(t)
	s.login("alice")
	former := s.refreshToken()
	s.login("bob") // which ends the session of alice
	late := *s.browser
	late.Jar = nil
	withJar := s.browser
	s.browser = &late
	for range 3 {
		found, err := s.ask(0, "GET", "/orders", func(r *http.Request) {
			r.Header.Set("Cookie", "__Host-session-refresh="+former)
		})
		if err != nil || found.status != 401 {
			t.Errorf("found %v, %v", found, err)
		}
		s.jar.SetCookies(s.url(0), (&http.Response{Header: found.header}).Cookies())
	}
	s.browser = withJar
	s.expect("GET", "/orders", 200, "for bob")
}

func TestALoginEndsTheSessionOfBefore(t *testing.T) {
	s := one(t)
	s.login("alice")
	former := s.refreshToken()
	s.login("bob")
	s.expect("GET", "/orders", 200, "for bob")
	_, err := s.fake.Client().Refresh(t.Context(), former, asBrowser)
	if err == nil || !strings.Contains(err.Error(), "SESSION_REVOKED") {
		t.Errorf("the session of before is still there: %v", err)
	}
}
