package sessiondtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	largestToken    = 8 << 10
	longestLifetime = 24 * time.Hour
	clockSkew       = 2 * time.Second
	watchedCacheFor = time.Minute
)

// judge is the verdict on a token, in the order in which the server's checks decide. s.mu is held.
func (s *state) judge(
	token string, want *sessiondv1.Requirements, proof *sessiondv1.PossessionProof,
) *answer {
	c, rejection := s.verify(token, want)
	if rejection == nil {
		rejection = s.judgeCall(c, want, proof)
	}
	if rejection != nil {
		return s.rejected(rejection)
	}
	return s.accepted(c, want)
}

// verify is what the token says by itself.
func (s *state) verify(token string, want *sessiondv1.Requirements) (*claims, *sessiondv1.Rejection) {
	if len(token) > largestToken {
		return nil, reject(tooLarge, fmt.Sprintf("the token is larger than %d bytes", largestToken))
	}
	p, err := parse(token)
	if err != nil {
		return nil, malformed(token)
	}
	issuer, _ := p.claims["iss"].(string)
	switch {
	case issuer != Issuer:
		return nil, reject(issuerNotTrusted, "the token's issuer is not one of the configured ones")
	case !isAny(want.GetIssuers(), issuer):
		return nil, reject(issuerNotTrusted, "the token's issuer is not one of the wanted ones")
	case p.header["alg"] != "EdDSA":
		return nil, reject(algorithmNotAllowed, "the token's algorithm is not allowed for its issuer")
	case p.header["kid"] != keyID:
		return nil, reject(keyUnknown, "the token's key is not in its issuer's key set")
	case !s.signer.hasSigned(p):
		return nil, reject(signatureInvalid, "the token was not signed by its issuer")
	case !isAccessToken(p.header["typ"]):
		return nil, reject(typeNotAllowed, "the token is not an access token of its issuer")
	}
	for _, name := range requiredClaims {
		if _, ok := p.claims[name]; !ok {
			return nil, reject(claimMissing, "the token lacks the claim "+name)
		}
	}
	c, wrong := readClaims(p)
	if wrong != "" {
		text := "the claim " + wrong + " is not of the form that its specification gives it"
		return nil, reject(claimInvalid, text)
	}
	if lifetime := c.expire.Sub(c.issue); lifetime <= 0 || lifetime > longestLifetime {
		return nil, reject(claimInvalid, "the token's lifetime is not one that its issuer may give out")
	}
	return c, nil
}

func isAccessToken(kind any) bool {
	text, _ := kind.(string)
	return strings.TrimPrefix(strings.ToLower(text), "application/") == "at+jwt"
}

// judgeCall is what depends on the moment, and on what is required.
func (s *state) judgeCall(
	c *claims, want *sessiondv1.Requirements, proof *sessiondv1.PossessionProof,
) *sessiondv1.Rejection {
	now := s.now()
	audiences := want.GetAudiences()
	if len(audiences) == 0 {
		audiences = []string{Audience}
	}
	switch {
	case !now.Before(c.expire) || s.expired[c.session.GetTokenId()]:
		return reject(expired, "the token has expired")
	case c.issue.After(now.Add(clockSkew)) || c.notBefore.After(now.Add(clockSkew)):
		return reject(notYetValid, "the token is not valid yet")
	case !slices.ContainsFunc(c.session.GetAudiences(), func(one string) bool { return isAny(audiences, one) }):
		return reject(audienceMismatch, "the token is meant for another audience")
	case c.isBound && !c.isProvenBy(proof):
		return unproven(c.isByDPoP)
	case s.hasRevoked(c):
		return reject(revoked, "the token's session has been ended")
	}
	if rejection := c.judgeRequirements(want); rejection != nil {
		return rejection
	}
	return c.judgeLogin(want, now)
}

// isAny says whether a value is one of those that are wanted; none means all.
func isAny(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

func (c *claims) isProvenBy(proof *sessiondv1.PossessionProof) bool {
	shown := proof.GetCertificateSha256()
	return len(shown) > 0 && base64.RawURLEncoding.EncodeToString(shown) == c.certificate
}

func (c *claims) judgeRequirements(want *sessiondv1.Requirements) *sessiondv1.Rejection {
	hasAll := func(wanted, found []string) bool {
		return !slices.ContainsFunc(wanted, func(one string) bool { return !slices.Contains(found, one) })
	}
	if !hasAll(want.GetScopes(), c.session.GetScopes()) {
		return insufficient("scope", want.GetScopes())
	}
	if !hasAll(want.GetPermissions(), c.session.GetPermissions()) {
		return insufficient("permission", nil)
	}
	for name, values := range want.GetClaims() {
		found, isList := c.all[name].([]any)
		if !isList {
			found = []any{c.all[name]}
		}
		if !slices.ContainsFunc(found, func(one any) bool {
			text, isText := one.(string)
			return isText && slices.Contains(values.GetValues(), text)
		}) {
			return insufficient("claim", nil)
		}
	}
	return nil
}

func (c *claims) judgeLogin(want *sessiondv1.Requirements, now time.Time) *sessiondv1.Rejection {
	if len(want.GetAcrValues()) > 0 && !slices.Contains(want.GetAcrValues(), c.session.GetAcr()) {
		return stepUp("by stronger means", want)
	}
	if want.GetMaxAuthAge() == nil {
		return nil
	}
	at := c.session.AuthTime
	earliest := now.Add(-want.GetMaxAuthAge().AsDuration())
	if at == nil || at.AsTime().Before(earliest) || at.AsTime().After(now.Add(clockSkew)) {
		return stepUp("again", want)
	}
	return nil
}

type answer = sessiondv1.ValidateTokenResponse

func (s *state) rejected(rejection *sessiondv1.Rejection) *answer {
	return &answer{
		Verdict:     &sessiondv1.ValidateTokenResponse_Rejection{Rejection: rejection},
		Revision:    s.log.revision(),
		RevisionAge: durationpb.New(0),
	}
}

// accepted may be kept by those who watch alone: what others keep is in nobody's hand.
func (s *state) accepted(c *claims, want *sessiondv1.Requirements) *answer {
	remaining := c.expire.Sub(s.now())
	if want.GetMaxAuthAge() != nil {
		until := c.session.GetAuthTime().AsTime().Add(want.GetMaxAuthAge().AsDuration())
		remaining = min(remaining, until.Sub(s.now()))
	}
	return &answer{
		Verdict:         &sessiondv1.ValidateTokenResponse_Session{Session: c.session},
		Revision:        s.log.revision(),
		RevisionAge:     durationpb.New(0),
		WatchedCacheFor: durationpb.New(min(remaining, watchedCacheFor)),
		Configuration:   configuration,
	}
}
