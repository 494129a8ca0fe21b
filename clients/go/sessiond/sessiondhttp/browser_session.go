package sessiondhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/sessiond/sessiond/clients/go/internal/browser"
	"github.com/sessiond/sessiond/clients/go/internal/credentials"
	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

var (
	// ErrCrossSite says that another site may have caused a request.
	ErrCrossSite = errors.New("sessiondhttp: another site may have caused this request")
	// ErrAnswerBegun says that the head of an answer is written, and that no cookie can be added to it.
	ErrAnswerBegun = errors.New("sessiondhttp: the answer has begun: its cookies cannot be changed any more")

	errHost = &sessiond.InvalidArgument{Field: "host", CallError: sessiond.CallError{
		Code: codes.InvalidArgument, Message: "host: found another one, allowed is localhost: for " +
			"any other leave Development out, and use https",
	}}
)

// CookieTooLargeError says that an access token fits in no cookie, or not in as many as are allowed.
type CookieTooLargeError struct {
	Bytes int // of the token
}

// Error is for people.
func (e *CookieTooLargeError) Error() string {
	return fmt.Sprintf("sessiondhttp: the access token has %d bytes, and a cookie 4096 with its attributes: "+
		"let the provider put less into it, or use SplitCookies", e.Bytes)
}

// Start gives a browser the tokens of a login. Where it had a session before, that is ended: whoever knew its
// cookies has nothing of the new one. Call it before the answer begins; where it returns an error nothing has
// been set.
func (b *Browser) Start(w http.ResponseWriter, r *http.Request, tokens *sessiond.Tokens) error {
	if !b.style.AllowsHost(r.Host) {
		return errHost
	}
	if !areTokens(tokens) {
		return errNoTokens
	}
	brought := b.style.Read(r.Header["Cookie"])
	lines, fits := b.style.Set(tokens, b.now(), brought)
	if !fits {
		return &CookieTooLargeError{len(tokens.AccessToken)}
	}
	if err := b.put(w, r, lines); err != nil {
		return err
	}
	b.endFormer(r, brought, tokens)
	return nil
}

// Logout ends the session that a browser brings, and takes its cookies away. Call it before the answer
// begins. It needs none of the middleware around it: judged here, as there, is whether another site has
// caused the request, which is [ErrCrossSite]. Where the session could not be ended the cookies stay, so that
// the browser can try again.
func (b *Browser) Logout(w http.ResponseWriter, r *http.Request) error {
	if !b.style.AllowsHost(r.Host) {
		return errHost
	}
	// Whatever the middleware has said: it lets requests through that bring no cookies, and the answer to one
	// takes them away all the same.
	if b.middleware.crossSite.Forbids(r.Method, r.Host, r.Header.Values) {
		return ErrCrossSite
	}
	brought := b.style.Read(r.Header["Cookie"])
	if err := b.end(r, brought); err != nil {
		return err
	}
	return b.put(w, r, b.style.Clear(brought))
}

// end does not depend on whether the browser waits for it.
func (b *Browser) end(r *http.Request, brought browser.Cookies) error {
	ctx := context.WithoutCancel(r.Context())
	session, isKnown := sessiond.FromContext(ctx)
	isOfCookie := credentials.FromContext(ctx).Scheme == credentials.Cookie
	if isKnown && isOfCookie && session.SessionID != "" {
		_, err := b.client.RevokeSession(ctx, session.SessionID)
		return err
	}
	return b.revoke(ctx, brought)
}

// endFormer ends the session of before a login, unless the login is of that session. The login is not undone
// where that fails.
func (b *Browser) endFormer(r *http.Request, brought browser.Cookies, tokens *sessiond.Tokens) {
	if browser.IsSameSession(brought.RefreshToken, tokens.RefreshToken) {
		return
	}
	ctx := context.WithoutCancel(r.Context())
	var failure *sessiond.CallError
	if errors.As(b.revoke(ctx, brought), &failure) {
		const what = "sessiond: the session of before a login is not ended"
		b.middleware.logger.LogAttrs(ctx, slog.LevelWarn, what, slog.String("error", failure.Error()))
	}
}

// revoke ends the session of cookies, if there is one.
func (b *Browser) revoke(ctx context.Context, brought browser.Cookies) (err error) {
	switch {
	case brought.HasRefreshForm():
		_, err = b.client.RevokeRefreshToken(ctx, brought.RefreshToken)
	case brought.AccessToken != "":
		_, err = b.client.RevokeAccessToken(ctx, brought.AccessToken)
	}
	return err
}

// put replaces whatever cookies of a session an answer was to bring.
func (b *Browser) put(w http.ResponseWriter, r *http.Request, lines []string) error {
	found := b.visitOf(r)
	if found == nil || found.answer == nil {
		setCookies(w.Header(), b.style, lines)
		return nil
	}
	if found.answer.isWritten {
		return ErrAnswerBegun
	}
	found.answer.lines = lines
	return nil
}

// areTokens says whether these can be kept in cookies: as a header has them, they end none.
func areTokens(tokens *sessiond.Tokens) bool {
	return tokens != nil &&
		credentials.IsToken68(tokens.AccessToken) && credentials.IsToken68(tokens.RefreshToken)
}

func (b *Browser) tellTooLarge(r *http.Request, size int) {
	const what = "sessiond: a refreshed access token is too large for its cookie: each request refreshes anew"
	b.middleware.logger.LogAttrs(r.Context(), slog.LevelError, what, slog.Int("bytes", size))
}

func ofHost() denial.Denial {
	return denial.Denial{Kind: denial.Misconfigured, Reason: "INTERNAL", Err: errHost}
}
