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
	middleware := sessiondhttp.New(client, c.middleware()...)
	if c.Protects != nil {
		var public []string
		for _, route := range c.Routes {
			public = append(public, route.Path)
		}
		return middleware.Protect(c.Protects.policy(), public...)(answer)
	}
	mux := http.NewServeMux()
	for _, route := range c.Routes {
		pattern := route.Path
		if pattern == "/" {
			pattern = "/{$}"
		}
		switch route.Access {
		case "required":
			mux.Handle(pattern, middleware.Require(route.policy(), route.options()...)(answer))
		case "optional":
			mux.Handle(pattern, middleware.Optional(route.policy(), route.options()...)(answer))
		default:
			mux.Handle(pattern, answer)
		}
	}
	return mux
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
