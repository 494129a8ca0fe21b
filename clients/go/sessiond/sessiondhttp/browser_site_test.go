package sessiondhttp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

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
