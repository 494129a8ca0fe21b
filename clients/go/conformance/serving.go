package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

// rule is what a backend requires of a route or of a method.
type rule struct {
	Path        string
	Access      string
	Policy      policy
	Consistency json.RawMessage
}

func (r *rule) policy() *sessiond.Policy { return (&command{Policy: r.Policy}).policy() }

func (r *rule) options() []sessiond.Option {
	return (&command{Consistency: r.Consistency}).validation()
}

// answered is what a handler says of a request that has reached it.
func answered(ctx context.Context, handled *atomic.Int64) object {
	told := object{"session": nil, "handled": handled.Add(1)}
	if session, ok := sessiond.FromContext(ctx); ok {
		told["session"] = plainSession(session)
	}
	return told
}

// listening is what a command gives whose backend listens.
func listening(listener net.Listener) object {
	return object{"serving": object{"target": listener.Addr().String()}}
}

// serveHTTP serves a backend until ctx is over.
func serveHTTP(ctx context.Context, client *sessiond.Client, c *command) object {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failure(err, true)
	}
	server := &http.Server{Handler: backend(client, c), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return listening(listener)
}

func backend(client *sessiond.Client, c *command) http.Handler {
	var handled atomic.Int64
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told := answered(r.Context(), &handled)
		told["path"] = r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(told)
	})
	if c.Browser != nil {
		return c.site(client, answer)
	}
	middleware := sessiondhttp.New(client, c.middleware()...)
	if c.Protects != nil {
		var public []string
		for _, route := range c.Routes {
			public = append(public, route.Path)
		}
		return middleware.Protect(c.Protects.policy(), public...)(answer)
	}
	mux := http.NewServeMux()
	c.route(mux, middleware, answer)
	return mux
}

// guard is what both kinds of middleware do.
type guard interface {
	Require(policy *sessiond.Policy, options ...sessiond.Option) func(http.Handler) http.Handler
	Optional(policy *sessiond.Policy, options ...sessiond.Option) func(http.Handler) http.Handler
}

func (c *command) route(mux *http.ServeMux, guard guard, answer http.Handler) {
	for _, route := range c.Routes {
		pattern := route.Path
		if pattern == "/" {
			pattern = "/{$}"
		}
		switch route.Access {
		case "required":
			mux.Handle(pattern, guard.Require(route.policy(), route.options()...)(answer))
		case "optional":
			mux.Handle(pattern, guard.Optional(route.policy(), route.options()...)(answer))
		default:
			mux.Handle(pattern, answer)
		}
	}
}

// site is a backend whose sessions browsers keep in cookies.
func (c *command) site(client *sessiond.Client, answer http.Handler) http.Handler {
	site := sessiondhttp.NewBrowser(client, c.cookies()...)
	mux := http.NewServeMux()
	c.route(mux, site, answer)
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		login := sessiond.LocalLogin{Login: sessiond.Login{Device: site.Device(r)}}
		tokens, err := client.CreateLocalSession(r.Context(), "alice", login)
		if err == nil {
			err = site.Start(w, r, tokens)
		}
		w.WriteHeader(statusOf(err))
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(statusOf(site.Logout(w, r))) })
	return mux
}

func statusOf(err error) int {
	var unavailable *sessiond.Unavailable
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, sessiondhttp.ErrCrossSite):
		return http.StatusForbidden
	case errors.As(err, &unavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

func (c *command) cookies() []sessiondhttp.BrowserOption {
	var options []sessiondhttp.BrowserOption
	for _, option := range c.middleware() {
		options = append(options, option)
	}
	if c.Browser.Development {
		options = append(options, sessiondhttp.Development())
	}
	if c.Browser.Split {
		options = append(options, sessiondhttp.SplitCookies())
	}
	if c.Browser.RefreshPath != "" {
		options = append(options, sessiondhttp.RefreshPath(c.Browser.RefreshPath))
	}
	return options
}

func (c *command) middleware() []sessiondhttp.Option {
	options := []sessiondhttp.Option{
		sessiondhttp.TrustOrigins(c.TrustedOrigins...),
		sessiondhttp.WithLogger(slog.New(slog.DiscardHandler)),
	}
	if c.Cookie != "" {
		options = append(options, sessiondhttp.FromCookie(c.Cookie))
	}
	if c.AllowMissingOrigin {
		options = append(options, sessiondhttp.AllowMissingOrigin())
	}
	if c.DPoPOrigin != "" {
		options = append(options, sessiondhttp.WithDPoP(c.DPoPOrigin))
	}
	return options
}
