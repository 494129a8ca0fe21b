package sessiond

import (
	"context"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// RevokeSession ends one session by its id.
func (c *Client) RevokeSession(
	ctx context.Context, sessionID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_SessionId{SessionId: sessionID},
	})
}

// RevokeRefreshToken ends the session of a refresh token of any generation.
func (c *Client) RevokeRefreshToken(
	ctx context.Context, refreshToken string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_RefreshToken{RefreshToken: text(refreshToken)},
	})
}

// RevokeAccessToken ends the session of an access token, expired or not.
func (c *Client) RevokeAccessToken(
	ctx context.Context, accessToken string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_AccessToken{AccessToken: text(accessToken)},
	})
}

// RevokeSubject ends every session of a subject, but for that of an [Except].
func (c *Client) RevokeSubject(
	ctx context.Context, issuer, subject string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_Subject{
			Subject: &sessiondv1.Subject{Issuer: issuer, Subject: subject},
		},
	})
}

// RevokeProviderSession ends a provider's session: its tokens, and the sessions that live by it.
func (c *Client) RevokeProviderSession(
	ctx context.Context, issuer, sessionID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_ProviderSession{
			ProviderSession: &sessiondv1.ProviderSession{Issuer: issuer, SessionId: sessionID},
		},
	})
}

// RevokeTenant ends every session of a tenant.
func (c *Client) RevokeTenant(
	ctx context.Context, issuer, tenantID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_Tenant{
			Tenant: &sessiondv1.Tenant{Issuer: issuer, TenantId: tenantID},
		},
	})
}

// RevokeClient ends every session of an application.
func (c *Client) RevokeClient(
	ctx context.Context, issuer, clientID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_Client{
			Client: &sessiondv1.ClientApplication{Issuer: issuer, ClientId: clientID},
		},
	})
}

// RevokeIssuer ends every session at an issuer.
func (c *Client) RevokeIssuer(
	ctx context.Context, issuer string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_Issuer{Issuer: issuer},
	})
}

// RevokeKey revokes every token that a key signed or will sign, for good; sessions go on.
func (c *Client) RevokeKey(
	ctx context.Context, issuer, keyID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return c.revoke(ctx, options, &sessiondv1.RevokeSessionRequest{
		Target: &sessiondv1.RevokeSessionRequest_Key{
			Key: &sessiondv1.SigningKey{Issuer: issuer, KeyId: keyID},
		},
	})
}

func (c *Client) revoke(
	ctx context.Context, options []RevokeOption, request *sessiondv1.RevokeSessionRequest,
) (*RevocationResult, error) {
	wanted := revocation{callOptions: callOptions{timeout: c.settings.timeout}, cause: CauseLogout}
	for _, option := range options {
		option.applyToRevocation(&wanted)
	}
	cause, ok := sessiondv1.RevocationCause_value["REVOCATION_CAUSE_"+string(wanted.cause)]
	if !ok {
		return nil, invalid("cause", string(wanted.cause), "LOGOUT, ADMIN, COMPROMISE or POLICY")
	}
	request.Cause, request.Note = sessiondv1.RevocationCause(cause), wanted.note
	request.ExceptSessionId = wanted.except
	p, err := c.planFor("RevokeSession", wanted.callOptions)
	if err != nil {
		return nil, err
	}
	response, err := call(ctx, c.caller, p, c.caller.stub.RevokeSession, request)
	if err != nil {
		return nil, err
	}
	if c.memory != nil {
		c.memory.end(request, response)
	}
	return toRevocationResult(response), nil
}
