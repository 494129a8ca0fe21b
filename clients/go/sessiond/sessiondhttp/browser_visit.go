package sessiondhttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/browser"
	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// visit is one request of a browser.
type visit struct {
	browser *Browser
	route
	request *http.Request
	arrived time.Time

	brought browser.Cookies
	proof   sessiond.Proof
	token   string           // the access token that is judged
	tokens  *sessiond.Tokens // of a refresh
	ctx     context.Context  // of the request that goes on
	answer  *answer          // that brings cookies; nil where none are changed
}

// visit is that of a request. Where one route is around another, the inner one goes on with what the outer
// one has refreshed.
func (b *Browser) visit(r *http.Request, of route) *visit {
	v := &visit{browser: b, route: of, request: r, ctx: r.Context(), arrived: b.now()}
	v.brought = b.style.Read(r.Header["Cookie"])
	if outer := b.visitOf(r); outer != nil {
		v.arrived, v.answer, v.tokens = outer.arrived, outer.answer, outer.tokens
	}
	if v.tokens != nil {
		v.brought.Access, v.brought.AccessToken = browser.One, v.tokens.AccessToken
		v.brought.Refresh, v.brought.RefreshToken = browser.One, v.tokens.RefreshToken
	}
	v.token = v.brought.AccessToken
	// Only proofs by DPoP can be wrong, and those do not come with cookies.
	v.proof, _ = b.middleware.proof(r, credentials.Cookie)
	return v
}

// hasToken says whether a request is to be judged by its Authorization header, good or not.
func hasToken(r *http.Request) bool {
	found, err := credentials.FromAuthorization(r.Header["Authorization"])
	return err != nil || found.Token != ""
}

func (v *visit) serve(w http.ResponseWriter, next http.Handler) {
	b := v.browser
	if !b.style.AllowsHost(v.request.Host) {
		b.middleware.deny(w, v.request, ofHost())
		return
	}
	decision := browser.Decide(v.presented(), browser.Asking{
		Validate: v.validate, Refresh: v.refresh, Elapsed: func() time.Duration { return b.now().Sub(v.arrived) },
	})
	lines := v.lines(decision.Change)
	switch decision.Outcome {
	case browser.Denied:
		v.put(w.Header(), lines)
		b.middleware.deny(w, v.request, decision.Denial)
	case browser.SentBack:
		v.put(w.Header(), lines)
		w.Header().Set("Location", browser.Self(target(v.request)))
		w.WriteHeader(http.StatusTemporaryRedirect)
	default:
		v.goOn(w, next, lines)
	}
}

func (v *visit) presented() browser.Presented {
	r, b := v.request, v.browser
	path, _, _ := strings.Cut(target(r), "?")
	isUpgrade := len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect
	return browser.Presented{
		Access:               v.brought.Access,
		Refresh:              v.brought.Refresh,
		IsCrossSite:          b.middleware.crossSite.Forbids(r.Method, r.Host, r.Header.Values),
		IsOptional:           v.isOptional,
		IsUpgrade:            isUpgrade,
		IsRefreshedElsewhere: !b.style.Refreshes(path),
		IsNavigation:         r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate",
		IsMarked:             v.brought.IsMarked(),
		Missing:              v.missing,
	}
}

// target is what the browser has asked for, as far as a server is told.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // a proxy's form, or a request that a program made
}

func (v *visit) validate() *denial.Denial {
	question := denial.Question{
		Validator:  v.browser.client,
		Credential: credentials.Credential{Scheme: credentials.Cookie, Token: v.token},
		Proof:      v.proof, Policy: v.policy, Options: v.options,
	}
	ctx, denied := question.Ask(v.request.Context())
	if denied != nil { // a route around this one may have accepted it
		ctx = sessiond.NewContext(v.request.Context(), nil)
		ctx = credentials.NewContext(ctx, credentials.Credential{})
	}
	v.ctx = ctx
	return denied
}

var errNoTokens = errors.New("the client gave neither tokens nor an error")

func (v *visit) refresh() browser.Refreshed {
	if !v.brought.HasRefreshForm() {
		return browser.OfNoForm()
	}
	b, r := v.browser, v.request
	bearer := sessiond.Bearer{Device: b.device(r), Proof: v.proof}
	tokens, err := b.flights.Refresh(r.Context(), v.brought.RefreshToken, bearer, b.spend)
	if err == nil && !areTokens(tokens) {
		err = errNoTokens
	}
	if err != nil {
		return browser.OfRefresh(err)
	}
	v.tokens, v.token = tokens, tokens.AccessToken
	return browser.Refreshed{}
}

func (b *Browser) spend(
	ctx context.Context, refreshToken string, bearer sessiond.Bearer,
) (*sessiond.Tokens, error) {
	return b.client.Refresh(ctx, refreshToken, bearer)
}

func (v *visit) lines(change browser.Change) []string {
	b := v.browser
	switch change {
	case browser.Set:
		lines, fits := b.style.Set(v.tokens, b.now(), v.brought)
		if !fits {
			b.tellTooLarge(v.request, len(v.tokens.AccessToken))
		}
		return lines
	case browser.Clear:
		return b.style.Clear(v.brought)
	case browser.Mark:
		return []string{b.style.Mark(v.brought)}
	default:
		return nil
	}
}

// goOn hands a request on. Cookies are added when the answer begins, so that the handler cannot drop them,
// nor let a cache keep them for others.
func (v *visit) goOn(w http.ResponseWriter, next http.Handler, lines []string) {
	if lines == nil || v.answer != nil {
		v.put(w.Header(), lines)
		v.handOn(w, next)
		return
	}
	v.answer = &answer{ResponseWriter: w, style: v.browser.style, lines: lines}
	defer v.answer.begin() // of a handler that has written nothing, or has panicked
	v.handOn(v.answer.alike(), next)
}

func (v *visit) handOn(w http.ResponseWriter, next http.Handler) {
	next.ServeHTTP(w, v.request.WithContext(context.WithValue(v.ctx, visitKey{}, v)))
}

// put has an answer bring cookies, in place of those that it was to bring.
func (v *visit) put(header http.Header, lines []string) {
	switch {
	case lines == nil:
	case v.answer != nil:
		v.answer.lines = lines
	default:
		setCookies(header, v.browser.style, lines)
	}
}

type visitKey struct{}

// visitOf is nil for a request that this browser's middleware did not hand on.
func (b *Browser) visitOf(r *http.Request) *visit {
	if found, ok := r.Context().Value(visitKey{}).(*visit); ok && found.browser == b {
		return found
	}
	return nil
}
