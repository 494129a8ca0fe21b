package sessiondhttp_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestALoginOfTheSameSessionDoesNotEndIt(t *testing.T) {
	fake := sessiondtest.New(t)
	site := sessiondhttp.NewBrowser(fake.Client())
	tokens := fake.Login("alice")
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Cookie", "__Host-session-refresh="+tokens.RefreshToken)
	next, err := fake.Client().Refresh(t.Context(), tokens.RefreshToken, sessiond.Bearer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := site.Start(httptest.NewRecorder(), request, next); err != nil {
		t.Error(err)
	}
	if _, err := fake.Client().Validate(t.Context(), next.AccessToken, nil, sessiond.Strict); err != nil {
		t.Error(err)
	}
}

func TestALoginEndsASessionOfWhichTheAccessTokenAloneIsThere(t *testing.T) {
	fake := sessiondtest.New(t)
	site, former := sessiondhttp.NewBrowser(fake.Client()), fake.Login("alice")
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Cookie", "__Host-session="+former.AccessToken)
	if err := site.Start(httptest.NewRecorder(), request, fake.Login("bob")); err != nil {
		t.Error(err)
	}
	if _, err := fake.Client().Validate(t.Context(), former.AccessToken, nil, sessiond.Strict); err == nil {
		t.Error("it is still there")
	}
}

func TestALoginIsNotUndoneWhereTheFormerSessionCannotBeEnded(t *testing.T) {
	fake := sessiondtest.New(t)
	var log strings.Builder
	logger := sessiondhttp.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))
	site, former, next := sessiondhttp.NewBrowser(fake.Client(), logger), fake.Login("alice"), fake.Login("bob")
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Cookie", "__Host-session-refresh="+former.RefreshToken)
	fake.Away()
	answer := httptest.NewRecorder()
	if err := site.Start(answer, request, next); err != nil || len(answer.Header()["Set-Cookie"]) != 2 {
		t.Errorf("found %v, %v", answer.Header(), err)
	}
	if !strings.Contains(log.String(), "WARN") || strings.Contains(log.String(), former.RefreshToken) {
		t.Errorf("logged %s", &log)
	}
}
