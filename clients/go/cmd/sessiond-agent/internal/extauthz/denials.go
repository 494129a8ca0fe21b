package extauthz

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/failures"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// dpopAlgorithms are those that a server takes for a proof.
const dpopAlgorithms = `DPoP algs="ES256 ES384 ES512 Ed25519 PS256 PS384 PS512 RS256 RS384 RS512"`

var challengeError = regexp.MustCompile(`\berror="([a-z_]+)"`)

// noCredential asks for one. It names no error, as none was made (RFC 6750 section 3.1).
func noCredential(route *route) denial {
	bearer := "Bearer"
	if route.scopes != "" {
		bearer += ` scope="` + route.scopes + `"`
	}
	var challenges []string
	if route.credentials.bearer || route.credentials.cookie != "" {
		challenges = append(challenges, bearer)
	}
	if route.credentials.dpop {
		challenges = append(challenges, dpopAlgorithms)
	}
	if challenges == nil {
		challenges = []string{bearer}
	}
	return denial{
		status: http.StatusUnauthorized, code: codes.Unauthenticated, reason: "NO_CREDENTIAL",
		error: "no_credential", description: "this needs a credential",
		nextAction: "REAUTHENTICATE", challenges: challenges,
	}
}

func malformed() denial {
	return denial{
		status: http.StatusBadRequest, code: codes.InvalidArgument, reason: "CREDENTIAL_MALFORMED",
		error: "invalid_request", description: errMalformed.Error(),
		challenges: []string{`Bearer error="invalid_request"`},
	}
}

func crossSite() denial {
	return denial{
		status: http.StatusForbidden, code: codes.PermissionDenied, reason: "CROSS_SITE",
		error: "cross_site", description: errCrossSite.Error(), nextAction: "DENY",
	}
}

// notConfigured tells the client nothing of what is wrong: the log does.
func notConfigured() denial {
	return denial{
		status: http.StatusInternalServerError, code: codes.Internal, reason: "MISCONFIGURED",
		error: "misconfigured", description: "the requirements of this route cannot be met",
	}
}

// noAnswer has no challenge: the user need not log in again.
func noAnswer(retryAfter time.Duration) denial {
	return denial{
		status: http.StatusServiceUnavailable, code: codes.Unavailable, reason: "UNAVAILABLE",
		error: "unavailable", description: "the credential cannot be judged for now", retryAfter: retryAfter,
	}
}

// unbound is for a token that came as one bound to a key and is bound to none (RFC 9449 section 7.1).
func unbound() denial {
	return denial{
		status: http.StatusUnauthorized, code: codes.Unauthenticated, reason: "BINDING_MISMATCH",
		error: "invalid_token", description: errUnbound.Error(), nextAction: "REAUTHENTICATE",
		challenges: []string{`DPoP error="invalid_token", error_description="` + errUnbound.Error() + `"`},
	}
}

// rejection is what a server says of a token. One of no kind that is known here is a rejection too.
func rejection(rejected *sessiondv1.Rejection) denial {
	denied := denial{
		status: http.StatusUnauthorized, code: codes.Unauthenticated,
		reason:      strings.TrimPrefix(rejected.GetReason().String(), "REASON_"),
		error:       "invalid_token",
		description: rejected.GetMessage(),
		nextAction:  strings.TrimPrefix(rejected.GetNextAction().String(), "NEXT_ACTION_"),
	}
	if rejected.GetReason() == sessiondv1.Rejection_REASON_SCOPE_INSUFFICIENT {
		denied.status, denied.code = http.StatusForbidden, codes.PermissionDenied
	}
	if challenge := rejected.GetWwwAuthenticate(); challenge != "" {
		denied.challenges = []string{challenge}
		if found := challengeError.FindStringSubmatch(challenge); found != nil {
			denied.error = found[1]
		}
	}
	return denied
}

// denialOf is the answer to a request that was not judged, or the status of the call that asked: what the
// agent's own caller may not do is told to Envoy, not to its client.
func denialOf(err error) (denial, error) {
	var (
		wrong    *misconfigured
		rejected denial
	)
	switch {
	case errors.As(err, &rejected):
		return rejected, nil
	case errors.Is(err, errMalformed):
		return malformed(), nil
	case errors.Is(err, errCrossSite):
		return crossSite(), nil
	case errors.Is(err, errUnbound):
		return unbound(), nil
	case errors.As(err, &wrong):
		return notConfigured(), nil
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled:
		after, _ := failures.RetryAfter(err)
		return noAnswer(after), nil
	case codes.PermissionDenied, codes.Unauthenticated:
		return denial{}, status.Error(codes.PermissionDenied, "this caller may not ask for verdicts")
	default:
		return denial{}, status.Error(codes.Internal, "an internal error")
	}
}

// refusedByServer is what a server refuses of a route's requirements, or of what a client has sent; other
// errors stay as they are.
func refusedByServer(err error) error {
	if status.Code(err) != codes.InvalidArgument {
		return err
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			told := info.GetMetadata()
			if strings.HasPrefix(told["field"], "proof") {
				return errMalformed
			}
			return &misconfigured{told["field"], told["found"], told["allowed"]}
		}
	}
	return &misconfigured{"all", "what a server refuses", "what it takes"}
}
