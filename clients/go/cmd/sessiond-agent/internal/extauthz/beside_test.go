package extauthz

import (
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// principals are those that requests are told of, one behind the other, which ask about verdicts that are kept together.
func principals(t *testing.T, sessions ...*sessiondv1.Session) (told []string) {
	t.Helper()
	judge := accepting(nil)
	judge.beside = &atomic.Value{}
	tried := newTrial(t, judge, func(s *Settings) { s.Claims = true })
	for _, session := range sessions {
		judge.answer = accepting(session).answer
		answer := tried.check(t, asked("GET", []string{"authorization: Bearer " + token}))
		told = append(told, headersOf(answer.GetOkResponse().GetHeaders())["x-auth-principal"]...)
	}
	return told
}

func TestWhoATokenIsOfIsEncodedOnceForEachVerdictThatIsKept(t *testing.T) {
	other := clone(alice, func(s *sessiondv1.Session) { s.Principal = "p2" })
	if told := principals(t, alice, other); told[0] != "p1" || told[1] != "p1" {
		t.Errorf("kept beside: found %q", told)
	}
	// Each of these bytes takes three in a header.
	large := clone(alice, func(s *sessiondv1.Session) { s.Subject = strings.Repeat("ä", 500) })
	if told := principals(t, large, other); told[0] != "p1" || told[1] != "p2" {
		t.Errorf("larger than there is room for: found %q", told)
	}
}

func TestNothingIsKeptBesideARejection(t *testing.T) {
	judge := answering(refusedFor(sessiondv1.Rejection_REASON_EXPIRED, "Bearer"))
	judge.beside = &atomic.Value{}
	tried := newTrial(t, judge, nil)
	request := asked("GET", []string{"authorization: Bearer " + token})
	expectDenied(t, tried.check(t, request), 401, codes.Unauthenticated, "invalid_token")
	expectDenied(t, tried.check(t, request), 401, codes.Unauthenticated, "invalid_token")
}

func TestWhatIsNoCheckIsAnsweredToEnvoyAlone(t *testing.T) {
	for _, raw := range []string{
		"\x0a", "\x0a\x05\x22\x03\x12\x01\xff", "\x0a\x06\x22\x04\x12\x02\x12\x09",
		"\x0a\x07\x22\x05\x12\x03\x12\x01\xff",
	} {
		tried := newTrial(t, accepting(alice), nil)
		answer, err := tried.server.Check(t.Context(), []byte(raw))
		if answer != nil || status.Code(err) != codes.InvalidArgument {
			t.Errorf("%x: found %x, %v", raw, answer, err)
		}
	}
}
