package sessiond

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Refresh spends a refresh token. After an [*Unavailable] the same call may be made again; it has been by
// then, as long as the same token gets the same successor.
func (c *Client) Refresh(
	ctx context.Context, refreshToken string, bearer Bearer, options ...CallOption,
) (*Tokens, error) {
	return c.refresh(ctx, bearer.toRequest(refreshToken), bearer, options)
}

// Adopt opens a session for a refresh token that a provider gave to somebody else than sessiond. The token is
// exchanged there, and opens one session, however often it is presented.
//
// Whoever lost the answer gets the same tokens again from the same device, with Replayed set, within the
// server's grace and until they are in use: so this is repeated as Refresh is, and after an [*Unavailable] the
// same call may be made again. A [*RefreshRefused] says PROVIDER_REFUSED where the provider takes the token no
// more, and REFRESH_TOKEN_SUPERSEDED where its session is in use, or another device asks; a [*LoginRefused]
// that what the provider gave for it opens no session; an [*InvalidArgument] that the issuer adopts no tokens,
// or that there is no issuer.
func (c *Client) Adopt(
	ctx context.Context, issuer, refreshToken string, bearer Bearer, options ...CallOption,
) (*Tokens, error) {
	if issuer == "" { // the token would be presented as one of sessiond's own
		return nil, invalid("issuer", "none", "the provider that gave the token")
	}
	request := bearer.toRequest(refreshToken)
	request.Issuer = text(issuer)
	return c.refresh(ctx, request, bearer, options)
}

func (c *Client) refresh(
	ctx context.Context, request *sessiondv1.RefreshSessionRequest, bearer Bearer, options []CallOption,
) (*Tokens, error) {
	p, err := c.plan("RefreshSession", c.settings.providerTimeout, options)
	if err != nil {
		return nil, err
	}
	p.repeats = repeatsOfRefresh(bearer.Proof)
	response, err := call(ctx, c.caller, p, c.caller.stub.RefreshSession, request)
	if err != nil {
		return nil, err
	}
	return toTokens(response.GetTokens(), response.GetReplayed()), nil
}

// CreateLocalSession opens a session at the local issuer for a subject that the caller vouches for.
func (c *Client) CreateLocalSession(
	ctx context.Context, subject string, login LocalLogin, options ...CallOption,
) (*Tokens, error) {
	message, err := login.toMessage(subject)
	if err != nil {
		return nil, err
	}
	request := login.toRequest()
	request.Source = &sessiondv1.CreateSessionRequest_LocalLogin{LocalLogin: message}
	return c.create(ctx, request, c.settings.timeout, options)
}

// CreateSession opens a session for a login at a provider, whose tokens the caller has.
func (c *Client) CreateSession(
	ctx context.Context, issuer string, tokens ProviderTokens, login Login, options ...CallOption,
) (*Tokens, error) {
	request := login.toRequest()
	request.Source = &sessiondv1.CreateSessionRequest_ProviderTokens{ProviderTokens: &sessiondv1.ProviderTokens{
		Issuer:       issuer,
		AccessToken:  tokens.AccessToken,
		RefreshToken: tokens.RefreshToken,
		IdToken:      tokens.IDToken,
	}}
	return c.create(ctx, request, c.settings.providerTimeout, options)
}

// CreateSessionFromCode opens a session for a login at a provider, whose authorization code the caller has.
func (c *Client) CreateSessionFromCode(
	ctx context.Context, issuer string, code AuthorizationCode, login Login, options ...CallOption,
) (*Tokens, error) {
	request := login.toRequest()
	request.Source = &sessiondv1.CreateSessionRequest_AuthorizationCode{
		AuthorizationCode: &sessiondv1.AuthorizationCode{
			Issuer:       issuer,
			Code:         code.Code,
			RedirectUri:  code.RedirectURI,
			CodeVerifier: code.CodeVerifier,
			Nonce:        code.Nonce,
		},
	}
	return c.create(ctx, request, c.settings.providerTimeout, options)
}

// create makes its call once: whether a lost answer has opened a session is not known.
func (c *Client) create(
	ctx context.Context, request *sessiondv1.CreateSessionRequest, timeout time.Duration, options []CallOption,
) (*Tokens, error) {
	p, err := c.plan("CreateSession", timeout, options)
	if err != nil {
		return nil, err
	}
	p.repeats = once
	response, err := call(ctx, c.caller, p, c.caller.stub.CreateSession, request)
	if err != nil {
		return nil, err
	}
	return toTokens(response.GetTokens(), false), nil
}
