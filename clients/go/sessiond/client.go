package sessiond

import (
	"context"
	"iter"

	"google.golang.org/grpc/codes"
)

// Client asks a sessiond. Use one for all of a process, from as many goroutines as there are: it has one
// connection, keeps acceptances, and joins what is asked at the same time.
//
// Every call ends within the client's timeout, or earlier with its context. Questions and revocations are made
// up to three times where a server is unavailable, refreshes too as long as the same token gets the same
// successor, and the opening of a session once.
type Client struct {
	settings *settings
}

// New makes a client for a target: host:port, dns:///name:port for all addresses of a name in turn, or
// unix:PATH. It connects in the background; what cannot work at all is an error.
//
// Without [WithTLS] or [WithTLSFiles] only a target on this machine is taken, unless [WithInsecure] is there.
func New(target string, options ...ClientOption) (*Client, error) {
	s, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	return &Client{settings: s}, nil
}

// Ready waits until there is a connection; its error is that of the context.
func (c *Client) Ready(ctx context.Context) error { return ctx.Err() }

// Close ends the connection and every call under way.
func (c *Client) Close() error { return nil }

// Numbers are as of now.
func (c *Client) Numbers() Numbers { return Numbers{WatchAge: -1} }

// Validate gives the verdict on an access token: a session, or a [*Rejected].
//
// It rests on what this client keeps and knows, or on what a server knows. With a [Consistency] other than
// [Cached], or with a [Proof], a server is asked in any case.
func (c *Client) Validate(
	ctx context.Context, token string, policy *Policy, options ...Option,
) (*Session, error) {
	return nil, unsupported()
}

// ValidateAll gives the verdicts on 1 to 1,000 access tokens, in their order and as of one moment; together they
// have at most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched first, is [*Undecided], alone;
// where all are, the call is [*Unavailable]. A server is asked about all of them, whatever this client keeps.
// A [Proof] is refused: it is for one token.
func (c *Client) ValidateAll(
	ctx context.Context, tokens []string, policy *Policy, options ...Option,
) ([]Verdict, error) {
	return nil, unsupported()
}

// Refresh spends a refresh token. After an [*Unavailable] the same call may be made again; it has been by then,
// as long as the same token gets the same successor.
func (c *Client) Refresh(
	ctx context.Context, refreshToken string, bearer Bearer, options ...CallOption,
) (*Tokens, error) {
	return nil, unsupported()
}

// CreateLocalSession opens a session at the local issuer for a subject that the caller vouches for.
func (c *Client) CreateLocalSession(
	ctx context.Context, subject string, login LocalLogin, options ...CallOption,
) (*Tokens, error) {
	return nil, unsupported()
}

// CreateSession opens a session for a login at a provider, whose tokens the caller has.
func (c *Client) CreateSession(
	ctx context.Context, issuer string, tokens ProviderTokens, login Login, options ...CallOption,
) (*Tokens, error) {
	return nil, unsupported()
}

// CreateSessionFromCode opens a session for a login at a provider, whose authorization code the caller has.
func (c *Client) CreateSessionFromCode(
	ctx context.Context, issuer string, code AuthorizationCode, login Login, options ...CallOption,
) (*Tokens, error) {
	return nil, unsupported()
}

// RevokeSession ends one session by its id.
func (c *Client) RevokeSession(
	ctx context.Context, sessionID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeRefreshToken ends the session of a refresh token of any generation.
func (c *Client) RevokeRefreshToken(
	ctx context.Context, refreshToken string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeAccessToken ends the session of an access token, expired or not.
func (c *Client) RevokeAccessToken(
	ctx context.Context, accessToken string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeSubject ends every session of a subject, but for that of an [Except].
func (c *Client) RevokeSubject(
	ctx context.Context, issuer, subject string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeProviderSession ends a provider's session: its tokens, and the sessions that live by it.
func (c *Client) RevokeProviderSession(
	ctx context.Context, issuer, sessionID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeTenant ends every session of a tenant.
func (c *Client) RevokeTenant(
	ctx context.Context, issuer, tenantID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeClient ends every session of an application.
func (c *Client) RevokeClient(
	ctx context.Context, issuer, clientID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeIssuer ends every session at an issuer.
func (c *Client) RevokeIssuer(
	ctx context.Context, issuer string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// RevokeKey revokes every token that a key signed or will sign, for good; sessions go on.
func (c *Client) RevokeKey(
	ctx context.Context, issuer, keyID string, options ...RevokeOption,
) (*RevocationResult, error) {
	return nil, unsupported()
}

// GetSession is what is known of a live session; one that is unknown or has ended is [*NotFound].
func (c *Client) GetSession(
	ctx context.Context, sessionID string, options ...CallOption,
) (*SessionRecord, error) {
	return nil, unsupported()
}

// ListSessions is the live sessions of a subject, newest first, page after page. An error is the last of the
// sequence.
func (c *Client) ListSessions(
	ctx context.Context, issuer, subject string, options ...ListOption,
) iter.Seq2[*SessionRecord, error] {
	return func(yield func(*SessionRecord, error) bool) { yield(nil, unsupported()) }
}

func unsupported() error {
	return &Unsupported{CallError{Code: codes.Unimplemented, Message: "this client does not carry it out yet"}}
}
