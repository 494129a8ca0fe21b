package sessiond

import (
	"context"
	"crypto/sha256"
	"time"
	"unsafe"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// question is how a validation asks.
type question struct {
	callOptions
	consistency Consistency
	revision    string
	proof       Proof
}

// isForOne says whether an answer is for this caller alone, and neither kept nor shared.
func (q *question) isForOne() bool { return q.consistency != Cached || q.proof != nil }

// Validate gives the verdict on an access token: a session, or a [*Rejected].
//
// It rests on what this client keeps and knows, or on what a server knows. With a [Consistency] other than
// [Cached], or with a [Proof], a server is asked in any case.
func (c *Client) Validate(
	ctx context.Context, token string, policy *Policy, options ...Option,
) (*Session, error) {
	demand, err := policy.compile()
	if err != nil {
		return nil, err
	}
	who, err := c.identity()
	if err != nil {
		return nil, err
	}
	if len(options) == 0 {
		return c.kept(ctx, token, demand, who)
	}
	q := question{callOptions: callOptions{timeout: c.settings.timeout}}
	for _, option := range options {
		option.applyTo(&q)
	}
	switch {
	case q.isForOne():
		return c.past(ctx, token, demand, who, &q)
	case q.hasTimeout:
		return c.own(ctx, token, demand, who, q.timeout)
	default:
		return c.kept(ctx, token, demand, who)
	}
}

// kept is from memory, or by a call that others share.
func (c *Client) kept(
	ctx context.Context, token string, demand *compiledPolicy, who identity,
) (*Session, error) {
	began, a := c.counters.begin(), ask(token, demand, who)
	if session := c.find(a); session != nil {
		return c.counters.end(OutcomeHit, session, nil, began)
	}
	outcome, session, err := c.calls.shared(ctx, a)
	return c.counters.end(outcome, session, err, began)
}

// own is from memory, or by a call with a time of its own.
func (c *Client) own(
	ctx context.Context, token string, demand *compiledPolicy, who identity, timeout time.Duration,
) (*Session, error) {
	began, a := c.counters.begin(), ask(token, demand, who)
	if session := c.find(a); session != nil {
		return c.counters.end(OutcomeHit, session, nil, began)
	}
	session, err := c.calls.alone(ctx, a, timeout)
	return c.counters.end(OutcomeMiss, session, err, began)
}

// past is by a call whose answer is for this caller alone; a REVOKED is learnt from all the same.
func (c *Client) past(
	ctx context.Context, token string, demand *compiledPolicy, who identity, q *question,
) (*Session, error) {
	began := c.counters.begin()
	p := plan{"ValidateToken", q.timeout, who.authorization, idempotent}
	response, err := call(ctx, c.caller, p, c.caller.stub.ValidateToken, toValidateRequest(token, demand, q))
	if err != nil {
		return c.counters.end(OutcomeBypassed, nil, err, began)
	}
	session, err := toVerdict(response)
	if c.memory != nil {
		c.memory.learn(hashedid.OfToken(digestOf(token)), err)
	}
	return c.counters.end(OutcomeBypassed, session, err, began)
}

// find is what is kept, and may be repeated. The revocations are followed from the first question on.
func (c *Client) find(a asking) *Session {
	if c.memory == nil {
		return nil
	}
	if session := c.memory.find(a.key); session != nil {
		return session
	}
	c.following.Start()
	return nil
}

func ask(token string, demand *compiledPolicy, who identity) asking {
	key := verdicts.Key{Digest: digestOf(token), Demand: demand.number, Caller: who.number}
	return asking{token, demand, who.authorization, key}
}

// digestOf is that of what a server is asked. It does not copy the token: an answer from memory costs little
// more than its digest.
func digestOf(token string) [sha256.Size]byte {
	token = token[:min(len(token), longestToken+1)]
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(token), len(token)))
}

// ValidateAll gives the verdicts on 1 to 1,000 access tokens, in their order and as of one moment; together
// they have at most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched first, is
// [*Undecided], alone, and so is one that would be rejected where too many are (RATE_LIMITED); where all are,
// the call is [*Unavailable]. A server is asked about all of them, whatever this client keeps. A [Proof] is
// refused: it is for one token.
func (c *Client) ValidateAll(
	ctx context.Context, tokens []string, policy *Policy, options ...Option,
) ([]Verdict, error) {
	demand, err := policy.compile()
	if err != nil {
		return nil, err
	}
	q := question{callOptions: callOptions{timeout: c.settings.timeout}}
	for _, option := range options {
		option.applyTo(&q)
	}
	if q.proof != nil {
		return nil, invalid("proof", "a proof for many tokens", "none: it is for one token")
	}
	p, err := c.planFor("ValidateTokens", q.callOptions)
	if err != nil {
		return nil, err
	}
	request := &sessiondv1.ValidateTokensRequest{Requirements: demand.message, Consistency: q.toMessage()}
	for _, token := range tokens {
		request.Tokens = append(request.Tokens, readable(token))
	}
	response, err := call(ctx, c.caller, p, c.caller.stub.ValidateTokens, request)
	if err != nil {
		return nil, err
	}
	return toVerdicts(response, len(tokens))
}
