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
	p, err := c.plan("RefreshSession", c.settings.providerTimeout, options)
	if err != nil {
		return nil, err
	}
	p.repeats = repeatsOfRefresh(bearer.Proof)
	request := &sessiondv1.RefreshSessionRequest{
		RefreshToken: text(refreshToken), Device: toDevice(bearer.Device), Proof: toProof(bearer.Proof),
	}
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
