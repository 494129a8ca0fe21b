package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

func TestAVisitorLogsInAndOut(t *testing.T) {
	fake := sessiondtest.New(t)
	server := httptest.NewServer(routes(fake.Client(), sessiondhttp.Development()))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	expect := func(method, path string, form url.Values, text string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), text) {
			t.Errorf("%s %s: found %d %s", method, path, response.StatusCode, body)
		}
	}
	expect("GET", "/", nil, "Welcome")
	expect("GET", "/orders", nil, "NO_CREDENTIALS")
	expect("POST", "/login", url.Values{"name": {"alice"}}, "Hello, alice")
	expect("GET", "/orders", nil, "orders of alice")
	fake.Away()
	expect("POST", "/login", url.Values{"name": {"bob"}}, "nobody can log in now")
	expect("POST", "/logout", nil, "you are still logged in")
	fake.Back()
	expect("POST", "/logout", nil, "Welcome")
	expect("GET", "/orders", nil, "NO_CREDENTIALS")
}
