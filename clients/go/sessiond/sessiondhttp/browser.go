package sessiondhttp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/browser"
	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// BrowserClient is what browser sessions need of a client. A [*sessiond.Client] is one. Each call has to end
// by itself, even if its context does not.
type BrowserClient interface {
	sessiond.Validator
	Refresh(
		ctx context.Context, refreshToken string, bearer sessiond.Bearer, options ...sessiond.CallOption,
	) (*sessiond.Tokens, error)
	RevokeSession(
		ctx context.Context, sessionID string, options ...sessiond.RevokeOption,
	) (*sessiond.RevocationResult, error)
	RevokeRefreshToken(
		ctx context.Context, refreshToken string, options ...sessiond.RevokeOption,
	) (*sessiond.RevocationResult, error)
	RevokeAccessToken(
		ctx context.Context, accessToken string, options ...sessiond.RevokeOption,
	) (*sessiond.RevocationResult, error)
}

var _ BrowserClient = (*sessiond.Client)(nil)

// Browser makes middleware for the routes of a site whose sessions browsers keep in cookies. One is enough
// for a site: it spends a refresh token once for all requests that bring it at the same time.
//
//	site := sessiondhttp.NewBrowser(client)
//	mux.Handle("GET /orders", site.Require(orders)(handler))
//	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
//		login := sessiond.Login{Device: site.Device(r)}
//		tokens, err := client.CreateSessionFromCode(r.Context(), issuer, code, login)
//		...
//		err = site.Start(w, r, tokens)
//		http.Redirect(w, r, "/", http.StatusSeeOther)
//	})
//	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
//		err := site.Logout(w, r)
//		...
//	})
//
// The cookies are __Host-session, with the access token, and __Host-session-refresh. Where a request brings
// the second, and an access token that has expired or none, the session is refreshed within the request,
// which goes on with the new one. A request with an Authorization header is judged by that alone, as a
// [Middleware] does.
//
// Of a request that changes something its Sec-Fetch-Site or Origin has to say that this site caused it, or
// one of [TrustOrigins]; that is judged before anything is refreshed. So is the opening of a WebSocket, which
// never refreshes: the answer to one is written past the headers, and the new cookies would be lost. A page
// makes any other request first.
//
// Beyond the answers of a [Middleware] there are these:
//
//	the session has ended         401  the reason of the refresh
//	the browser has newer cookies 307  to the same address, once, where a person waits for a page
//	likewise, for anything else   401  {"error": "session_superseded", "retry": true}: make the request again
//
// A session that has ended takes its cookies along when it is told so for the second time: a request may have
// been sent before somebody logged in, and a cookie is deleted by its name, whatever its value.
//
// On an optional route a browser whose session has ended is nobody: it cannot leave its cookies out.
//
// Let it be outside of what answers in a handler's place, such as [http.TimeoutHandler]: new cookies would be
// lost with the handler's answer.
//
// A browser may hold a request back for long, and send it with the cookies of when it was made. Let
// sessions.grace of the server be 60s: what comes later with a spent refresh token ends its session.
type Browser struct {
	client     BrowserClient
	middleware *Middleware // of requests that have a token in their Authorization header
	style      browser.Style
	device     func(*http.Request) sessiond.Device
	flights    browser.Flights
	now        func() time.Time
}

// NewBrowser makes middleware for browsers with a client, such as a [*sessiond.Client]. It panics on an
// option that has no meaning here, as that is a mistake in the program.
func NewBrowser(client BrowserClient, options ...BrowserOption) *Browser {
	b := &Browser{client: client, middleware: New(client), now: time.Now}
	b.device = func(r *http.Request) sessiond.Device { return sessiond.Device{UserAgent: r.UserAgent()} }
	for _, option := range options {
		option.applyToBrowser(b)
	}
	if b.middleware.cookie != "" {
		panic(fmt.Sprintf("sessiondhttp: cookie: found %q, allowed is none: a browser's have names of their own",
			b.middleware.cookie))
	}
	return b
}

// Require lets only requests through whose token fulfils a policy, as [Middleware.Require] does.
func (b *Browser) Require(
	policy *sessiond.Policy, options ...sessiond.Option,
) func(http.Handler) http.Handler {
	return b.route(route{policy: policy, options: options}, b.middleware.Require(policy, options...))
}

// Optional lets requests through too that bring no session, or one that has ended: without a session.
func (b *Browser) Optional(
	policy *sessiond.Policy, options ...sessiond.Option,
) func(http.Handler) http.Handler {
	of := route{policy: policy, options: options, isOptional: true}
	return b.route(of, b.middleware.Optional(policy, options...))
}

// Protect requires a policy of everything but what is public by name, as [Middleware.Protect] does.
func (b *Browser) Protect(policy *sessiond.Policy, public ...string) func(http.Handler) http.Handler {
	return protect(b.Require(policy), public)
}

// Device is what is told of the device that a request comes from: say it at the login too.
func (b *Browser) Device(r *http.Request) sessiond.Device { return b.device(r) }

// route is what is wanted of its requests.
type route struct {
	policy     *sessiond.Policy
	options    []sessiond.Option
	isOptional bool
	missing    denial.Denial // what a request without a token is told
}

func (b *Browser) route(of route, bearers func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	if of.policy != nil {
		of.policy = sessiond.Require(*of.policy)
	}
	of.missing = denial.OfMissing(of.policy, b.middleware.dpopOrigin != "")
	return func(next http.Handler) http.Handler {
		forBearers := bearers(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			varyByCookie(w.Header())
			if hasToken(r) {
				forBearers.ServeHTTP(w, r)
				return
			}
			b.visit(r, of).serve(w, next)
		})
	}
}
