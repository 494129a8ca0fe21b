package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// carryOut is a command of a client.
func carryOut(ctx context.Context, client *sessiond.Client, c *command) object {
	switch c.Do {
	case "close":
		return done(client.Close())
	case "ready":
		ctx, cancel := context.WithTimeout(ctx, seconds(*c.Timeout))
		defer cancel()
		return done(client.Ready(ctx))
	case "validate":
		session, err := client.Validate(ctx, c.Token, c.policy(), c.validation()...)
		return verdict(session, err, string(c.Claims) == "true")
	case "validate_all":
		all, err := client.ValidateAll(ctx, c.Tokens, c.policy(), c.validation()...)
		return result("verdicts", all, err, verdicts)
	case "create_local", "create_from_tokens", "create_from_code", "refresh", "adopt":
		given, err := tokens(ctx, client, c)
		return result("tokens", given, err, plainTokens)
	case "revoke":
		ended, err := revoke(ctx, client, c)
		return result("revocation", ended, err, plainRevocation)
	case "get_session":
		record, err := client.GetSession(ctx, c.SessionID, c.call()...)
		return result("record", record, err, plainRecord)
	case "list_sessions":
		all, err := list(ctx, client, c)
		return result("records", all, err, plainRecords)
	default:
		return failure(fmt.Errorf("do: found %q, which this testee does not carry out", c.Do), true)
	}
}

func tokens(ctx context.Context, client *sessiond.Client, c *command) (*sessiond.Tokens, error) {
	bearer := sessiond.Bearer{Device: sessiond.Device(c.Device), Proof: c.proof()}
	switch c.Do {
	case "refresh":
		return client.Refresh(ctx, c.RefreshToken, bearer, c.call()...)
	case "adopt":
		return client.Adopt(ctx, c.Issuer, c.RefreshToken, bearer, c.call()...)
	case "create_from_tokens":
		given := sessiond.ProviderTokens{
			AccessToken: c.AccessToken, RefreshToken: c.RefreshToken, IDToken: c.IDToken,
		}
		return client.CreateSession(ctx, c.Issuer, given, c.login(), c.call()...)
	case "create_from_code":
		code := sessiond.AuthorizationCode{
			Code: c.Code, RedirectURI: c.RedirectURI, CodeVerifier: c.CodeVerifier, Nonce: c.Nonce,
		}
		return client.CreateSessionFromCode(ctx, c.Issuer, code, c.login(), c.call()...)
	}
	login := sessiond.LocalLogin{
		Login: c.login(), ClientID: c.ClientID, TenantID: c.TenantID, Audiences: c.Audiences, Scopes: c.Scopes,
		ACR: c.ACR, AMR: c.AMR,
	}
	read(c.Claims, &login.Claims)
	if c.AuthTime != 0 {
		login.AuthTime = time.Unix(0, int64(seconds(c.AuthTime)))
	}
	return client.CreateLocalSession(ctx, c.Subject, login, c.call()...)
}

func revoke(ctx context.Context, client *sessiond.Client, c *command) (*sessiond.RevocationResult, error) {
	var target struct {
		SessionID    string `json:"session_id"`
		RefreshToken string `json:"refresh_token"`
		AccessToken  string `json:"access_token"`
		Subject      *struct {
			Issuer, Subject string
			Except          string `json:"except_session_id"`
		}
	}
	read(c.Target, &target)
	var options []sessiond.RevokeOption
	if c.Cause != "" {
		options = append(options, sessiond.Cause(c.Cause))
	}
	if c.Note != "" {
		options = append(options, sessiond.Note(c.Note))
	}
	switch {
	case target.Subject != nil:
		if target.Subject.Except != "" {
			options = append(options, sessiond.Except(target.Subject.Except))
		}
		return client.RevokeSubject(ctx, target.Subject.Issuer, target.Subject.Subject, options...)
	case target.RefreshToken != "":
		return client.RevokeRefreshToken(ctx, target.RefreshToken, options...)
	case target.AccessToken != "":
		return client.RevokeAccessToken(ctx, target.AccessToken, options...)
	default:
		return client.RevokeSession(ctx, target.SessionID, options...)
	}
}

func list(ctx context.Context, client *sessiond.Client, c *command) ([]*sessiond.SessionRecord, error) {
	var options []sessiond.ListOption
	if c.PageSize != 0 {
		options = append(options, sessiond.PageSize(c.PageSize))
	}
	var all []*sessiond.SessionRecord
	for record, err := range client.ListSessions(ctx, c.Issuer, c.Subject, options...) {
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}
