package sessiondhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestRoutesWithinRoutesRefreshOnce(t *testing.T) {
	for name, inner := range map[string]func(*sessiondhttp.Browser) http.Handler{
		"a session": func(site *sessiondhttp.Browser) http.Handler { return site.Require(nil)(handler) },
		"a denial":  func(site *sessiondhttp.Browser) http.Handler { return site.Require(orders)(handler) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := sessiondtest.New(t)
			tokens := fake.Login("alice")
			site := sessiondhttp.NewBrowser(fake.Client())
			request := httptest.NewRequest("GET", "https://shop.example/orders", nil)
			request.Header.Set("Cookie", "__Host-session-refresh="+tokens.RefreshToken)
			answer := httptest.NewRecorder()
			site.Protect(nil, "GET /healthz")(site.Optional(nil)(inner(site))).ServeHTTP(answer, request)
			header, refreshes := answer.Header(), calls(fake, "RefreshSession")
			if refreshes != 1 || !slices.Equal(namesOf(header["Set-Cookie"]), both) {
				t.Errorf("%d refreshes, found %q", refreshes, header["Set-Cookie"])
			}
			if !slices.Equal(header["Vary"], []string{"Cookie"}) || answer.Code == 403 != (name == "a denial") {
				t.Errorf("found %d %v", answer.Code, header)
			}
		})
	}
}

// strict accepts a token where it may answer from memory, and nowhere else.
type strict struct{ sessiondhttp.BrowserClient }

func (strict) Validate(
	_ context.Context, _ string, _ *sessiond.Policy, options ...sessiond.Option,
) (*sessiond.Session, error) {
	if len(options) > 0 {
		return nil, &sessiond.Rejected{
			Reason: sessiond.ReasonRevoked, NextAction: sessiond.NextActionReauthenticate,
		}
	}
	return &sessiond.Session{Subject: "alice"}, nil
}

func TestWhatAnInnerRouteRefusesIsNoSessionOfTheOuterOne(t *testing.T) {
	site := sessiondhttp.NewBrowser(strict{})
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Cookie", "__Host-session=h.p.s")
	answer := httptest.NewRecorder()
	site.Protect(nil)(site.Optional(nil, sessiond.Strict)(handler)).ServeHTTP(answer, request)
	if answer.Body.String() != "for nobody" {
		t.Errorf("found %s", answer.Body)
	}
}

// plain can do nothing but what every writer can.
type plain struct{ http.ResponseWriter }

// hijackable is one that can be taken over, and cannot flush.
type hijackable struct{ plain }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrHijacked }

func TestAnAnswerCanDoWhatTheServersCan(t *testing.T) {
	fake := sessiondtest.New(t)
	site := sessiondhttp.NewBrowser(fake.Client())
	for name, row := range map[string]struct {
		writer           func(http.ResponseWriter) http.ResponseWriter
		flushes, hijacks bool
	}{
		"nothing more": {func(w http.ResponseWriter) http.ResponseWriter { return plain{w} }, false, false},
		"flushing":     {func(w http.ResponseWriter) http.ResponseWriter { return w }, true, false},
		"hijacking": {
			func(w http.ResponseWriter) http.ResponseWriter { return hijackable{plain{w}} }, false, true,
		},
		"both": {func(w http.ResponseWriter) http.ResponseWriter {
			return struct {
				http.ResponseWriter
				http.Flusher
				http.Hijacker
			}{w, w.(http.Flusher), hijackable{}}
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("Cookie", "__Host-session-refresh="+fake.Login("alice").RefreshToken)
			check := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, flushes := w.(http.Flusher)
				hijacker, hijacks := w.(http.Hijacker)
				if flushes != row.flushes || hijacks != row.hijacks {
					t.Errorf("it flushes: %v, it can be hijacked: %v", flushes, hijacks)
				}
				if hijacks {
					if _, _, err := hijacker.Hijack(); err != http.ErrHijacked {
						t.Errorf("found %v", err)
					}
				}
			})
			site.Require(nil)(check).ServeHTTP(row.writer(httptest.NewRecorder()), request)
		})
	}
}

func TestAWebSocketIsOpenedByAGoodAccessTokenAlone(t *testing.T) {
	fake := sessiondtest.New(t)
	tokens := fake.Login("alice")
	site := sessiondhttp.NewBrowser(fake.Client())
	server := httptest.NewServer(site.Require(nil)(http.HandlerFunc(func(
		w http.ResponseWriter, r *http.Request,
	) {
		session, _ := sessiond.FromContext(r.Context())
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nFor: %s\r\n\r\n", session.Subject)
	})))
	t.Cleanup(server.Close)
	open := func(cookies string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
			"Sec-Fetch-Site": {"same-origin"}, "Cookie": {cookies},
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	both := "__Host-session=" + tokens.AccessToken + "; __Host-session-refresh=" + tokens.RefreshToken
	if found := open(both); found.StatusCode != 101 || found.Header.Get("For") != "alice" {
		t.Errorf("found %v", found)
	}
	fake.Expire(tokens.AccessToken)
	if found := open(both); found.StatusCode != 401 || found.Header["Set-Cookie"] != nil {
		t.Errorf("found %v", found)
	}
	if calls(fake, "RefreshSession") != 0 {
		t.Error("it was refreshed, and the new cookies are lost")
	}
}
