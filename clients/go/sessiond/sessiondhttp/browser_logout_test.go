package sessiondhttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestALogoutTakesBackWhatItsRouteHasRefreshed(t *testing.T) {
	s := one(t)
	s.login("alice")
	s.fake.Expire(s.accessToken())
	found := s.expect("POST", "/protected-logout", 200, "")
	if s.accessToken() != "" || s.refreshToken() != "" || len(found.header["Set-Cookie"]) != 2 {
		t.Errorf("found %q", found.header["Set-Cookie"])
	}
	if ended := calls(s.fake, "RevokeSession"); ended != 1 {
		t.Errorf("there were %d revocations", ended)
	}
}

func TestALogoutIsRefusedWhereAnotherSiteHasCausedIt(t *testing.T) {
	s := one(t)
	s.login("alice")
	crossSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	for path, status := range map[string]int{"/logout": 503, "/protected-logout": 403, "/orders": 403} {
		found, err := s.ask(0, "POST", path, crossSite)
		if err != nil || found.status != status || found.header["Set-Cookie"] != nil {
			t.Errorf("%s: found %v, %v", path, found, err)
		}
	}
	s.expect("GET", "/orders", 200, "for alice")
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Sec-Fetch-Site", "same-site")
	err := sessiondhttp.NewBrowser(s.fake.Client()).Logout(httptest.NewRecorder(), request)
	if !errors.Is(err, sessiondhttp.ErrCrossSite) {
		t.Errorf("found %v", err)
	}
}

// A browser leaves the cookies out of such a request, but takes those of the answer.
func TestALogoutThatAnotherSiteHasCausedClearsNothingWhereNobodyHasToBeKnown(t *testing.T) {
	site := sessiondhttp.NewBrowser(sessiondtest.New(t).Client())
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	answer := httptest.NewRecorder()
	site.Optional(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := site.Logout(w, r); !errors.Is(err, sessiondhttp.ErrCrossSite) {
			t.Errorf("found %v", err)
		}
	})).ServeHTTP(answer, request)
	if answer.Header()["Set-Cookie"] != nil {
		t.Errorf("found %q", answer.Header()["Set-Cookie"])
	}
}

func TestALogoutThatFailsCanBeTriedAgain(t *testing.T) {
	s := one(t)
	s.login("alice")
	s.fake.Away()
	s.expect("POST", "/logout", 503, "")
	if s.refreshToken() == "" {
		t.Error("the cookies are gone, and the session is not")
	}
	s.fake.Back()
	s.expect("POST", "/logout", 200, "")
	s.expect("POST", "/logout", 200, "") // of nobody
}

func TestALogoutAndALoginGoOnWhereTheBrowserLeaves(t *testing.T) {
	fake := sessiondtest.New(t)
	site := sessiondhttp.NewBrowser(fake.Client())
	for name, leave := range map[string]func(http.ResponseWriter, *http.Request) error{
		"a logout": site.Logout,
		"a login": func(w http.ResponseWriter, r *http.Request) error {
			return site.Start(w, r, fake.Login("bob"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := fake.Login("alice")
			gone, leaving := context.WithCancel(t.Context())
			leaving()
			request := httptest.NewRequest("POST", "/", nil).WithContext(gone)
			request.Header.Set("Cookie", "__Host-session-refresh="+tokens.RefreshToken)
			request.Header.Set("Sec-Fetch-Site", "same-origin")
			if err := leave(httptest.NewRecorder(), request); err != nil {
				t.Error(err)
			}
			_, err := fake.Client().Validate(t.Context(), tokens.AccessToken, nil, sessiond.Strict)
			if err == nil {
				t.Error("the session is still there")
			}
		})
	}
}

func TestABearersLogoutEndsTheSessionOfTheCookies(t *testing.T) {
	fake := sessiondtest.New(t)
	site, ofBearer, ofCookie := sessiondhttp.NewBrowser(fake.Client()), fake.Login("alice"), fake.Login("bob")
	request := httptest.NewRequest("POST", "/", nil)
	request.Header = bearing(ofBearer.AccessToken)
	request.Header.Set("Cookie", "__Host-session-refresh="+ofCookie.RefreshToken)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	site.Require(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := site.Logout(w, r); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(httptest.NewRecorder(), request)
	if _, err := fake.Client().Validate(t.Context(), ofBearer.AccessToken, nil, sessiond.Strict); err != nil {
		t.Error(err)
	}
	if _, err := fake.Client().Validate(t.Context(), ofCookie.AccessToken, nil, sessiond.Strict); err == nil {
		t.Error("the session of the cookies is still there")
	}
}

func TestNothingChangesBehindTheHeadOfAnAnswer(t *testing.T) {
	server, request := answering(t, func(site *sessiondhttp.Browser) http.Handler {
		return site.Require(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			if err := site.Logout(w, r); !errors.Is(err, sessiondhttp.ErrAnswerBegun) {
				t.Errorf("found %v", err)
			}
		}))
	})
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}
