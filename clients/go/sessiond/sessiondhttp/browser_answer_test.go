package sessiondhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondtest"
)

// answering is a site whose one route refreshes before its handler runs.
func answering(
	t *testing.T, protect func(*sessiondhttp.Browser) http.Handler,
) (*httptest.Server, *http.Request) {
	t.Helper()
	fake := sessiondtest.New(t)
	tokens := fake.Login("alice")
	server := httptest.NewServer(protect(sessiondhttp.NewBrowser(fake.Client())))
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", "__Host-session-refresh="+tokens.RefreshToken)
	return server, request
}

func namesOf(lines []string) (names []string) {
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	return names
}

var both = []string{"__Host-session", "__Host-session-refresh"}

func TestNewCookiesAreSetWhateverAHandlerDoes(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"it writes nothing": func(http.ResponseWriter, *http.Request) {},
		"it writes a body":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") },
		"it lets caches keep the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Set("Vary", "Accept")
			w.WriteHeader(http.StatusOK)
		},
		"it drops cookies": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Del("Set-Cookie")
			w.WriteHeader(http.StatusNoContent)
		},
		"it takes the whole header for itself": func(w http.ResponseWriter, _ *http.Request) { clear(w.Header()) },
		"it fails": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", http.StatusInternalServerError)
		},
		"it flushes by a type assertion": func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Header().Set("Cache-Control", "public")
		},
		"it flushes by a controller": func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
			clear(w.Header())
		},
		"it copies a file": func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("orders")); err != nil {
				panic(err)
			}
		},
		"it streams both ways": func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, request := answering(t, func(site *sessiondhttp.Browser) http.Handler {
				return site.Require(nil)(handle)
			})
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			header := response.Header
			if !slices.Equal(namesOf(header["Set-Cookie"]), both) {
				t.Errorf("found %q", header["Set-Cookie"])
			}
			if header.Get("Cache-Control") != "no-store" || !slices.Contains(header["Vary"], "Cookie") {
				t.Errorf("a cache may keep it: %v", header)
			}
		})
	}
}

func TestAnErrorPageInAHandlersPlaceBringsNewCookiesToo(t *testing.T) {
	server, request := answering(t, func(site *sessiondhttp.Browser) http.Handler {
		panics := site.Require(nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic("a mistake")
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				_ = recover()
				http.Error(w, "sorry", http.StatusInternalServerError)
			}()
			panics.ServeHTTP(w, r)
		})
	})
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 500 || !slices.Equal(namesOf(response.Header["Set-Cookie"]), both) {
		t.Errorf("found %d %q", response.StatusCode, response.Header["Set-Cookie"])
	}
}

func TestACookieOfTheHandlersOwnStays(t *testing.T) {
	server, request := answering(t, func(site *sessiondhttp.Browser) http.Handler {
		return site.Require(nil)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		}))
	})
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	found := namesOf(response.Header["Set-Cookie"])
	if !slices.Equal(found, append([]string{"theme"}, both...)) {
		t.Errorf("found %q", found)
	}
}

func TestAHintBringsNoCookies(t *testing.T) {
	server, request := answering(t, func(site *sessiondhttp.Browser) http.Handler {
		return site.Require(nil)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "orders")
		}))
	})
	var hinted http.Header
	trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, header textproto.MIMEHeader) error {
		hinted = http.Header(header)
		return nil
	}}
	response, err := server.Client().Do(request.WithContext(httptrace.WithClientTrace(t.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if hinted == nil || hinted["Set-Cookie"] != nil || len(response.Header["Set-Cookie"]) != 2 {
		t.Errorf("hinted %v, found %v", hinted, response.Header)
	}
}
