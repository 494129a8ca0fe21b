package extauthz

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// FuzzCheck sends whatever a client can: an upstream never gets a header that could pass for one of ours, and no
// answer leaves open whether the request may pass.
func FuzzCheck(f *testing.F) {
	f.Add("GET", "authorization", "Bearer "+token, "x_auth_subject", "root", "scopes", "a")
	f.Add("POST", "cookie", "session="+token, "x-auth-", "\xff", "credentials", "cookie:session")
	f.Add("GET", "x-forwarded-client-cert", `Hash="`, "dpop", ",", "anonymous", "true")
	f.Fuzz(func(t *testing.T, method, name1, value1, name2, value2, key, extension string) {
		tried := newTrial(t, accepting(alice), func(s *Settings) { s.Hosts, s.XFCCHops = []string{"app.example"}, 1 })
		request := asked(method, []string{name1 + ": " + value1, name2 + ": " + value2}, key+"="+extension)
		answer, err := tried.server.Check(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		passes := answer.GetOkResponse()
		if passes == nil {
			if answer.GetStatus().GetCode() == int32(codes.OK) || answer.GetDeniedResponse().GetStatus().GetCode() < 400 {
				t.Fatalf("Envoy lets this pass: %v", answer)
			}
			return
		}
		set := headersOf(passes.GetHeaders())
		for _, one := range request.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
			name := strings.ToLower(one.GetKey())
			if !strings.HasPrefix(strings.ReplaceAll(name, "_", "-"), "x-auth-") || set[name] != nil {
				continue
			}
			if !slices.Contains(passes.GetHeadersToRemove(), name) {
				t.Fatalf("%q goes on upstream", name)
			}
		}
	})
}

// FuzzEncoded holds that a header's value can be read back, and can end no header.
func FuzzEncoded(f *testing.F) {
	f.Add("alice")
	f.Add("a b%\r\nx-auth-admin: 1")
	f.Add("\xffü")
	f.Fuzz(func(t *testing.T, value string) {
		text := encoded(value)
		back, err := url.PathUnescape(text)
		if err != nil || back != value || strings.ContainsFunc(text, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
			t.Fatalf("%q became %q, and %q again", value, text, back)
		}
	})
}
