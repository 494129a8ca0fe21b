package extauthz

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// FuzzCheck sends whatever a client can: an upstream never gets a header that could pass for one of ours, and no
// answer leaves open whether the request may pass.
func FuzzCheck(f *testing.F) {
	f.Add("GET", "authorization", "Bearer "+token, "x_auth_subject", "root", "scopes", "a")
	f.Add("POST", "cookie", "session="+token, "x-auth-", "\xff", "credentials", "cookie:session")
	f.Add("GET", "x-forwarded-client-cert", `Hash="`, "dpop", ",", "anonymous", "true")
	f.Fuzz(func(t *testing.T, method, name1, value1, name2, value2, key, extension string) {
		tried := newTrial(t, accepting(alice), func(s *Settings) { s.Hosts, s.XFCCHops = []string{"app.example"}, 1 })
		for _, text := range []string{method, name1, name2, key, extension} {
			if !utf8.ValidString(text) {
				t.Skip("Envoy can send no such message")
			}
		}
		request := asked(method, []string{name1 + ": " + value1, name2 + ": " + value2}, key+"="+extension)
		answer, err := call(t.Context(), tried.server, request)
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

// FuzzRequest reads messages as the code does that was generated from Envoy's schema.
func FuzzRequest(f *testing.F) {
	request := asked("POST", []string{"authorization: Bearer " + token, "X-Raw: \xff"}, "scopes=a", "issuers=b")
	request.Attributes.Source.Certificate = "-----BEGIN"
	whole, err := proto.Marshal(request)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(append(whole[:len(whole):len(whole)], whole...))                       // merged
	f.Add([]byte("\x0a\x0f\x22\x0d\x12\x0b\x6a\x09\x0a\x07\x1a\x01r\x12\x02vv")) // raw bytes before the value
	f.Add([]byte("\x0a\x05\x22\x03\x12\x01\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		wanted := &authv3.CheckRequest{}
		if proto.Unmarshal(raw, wanted) != nil {
			return
		}
		found, err := toRequest(raw)
		if err != nil {
			t.Fatal(err)
		}
		attributes := wanted.GetAttributes()
		http := attributes.GetRequest().GetHttp()
		if found.method != http.GetMethod() || found.path != http.GetPath() || found.host != http.GetHost() ||
			found.scheme != http.GetScheme() || found.certificate != attributes.GetSource().GetCertificate() ||
			!maps.Equal(found.extensions, attributes.GetContextExtensions()) {
			t.Fatalf("read %+v of %v", found, wanted)
		}
		for _, one := range http.GetHeaderMap().GetHeaders() {
			value := one.GetValue()
			if len(one.GetRawValue()) > 0 {
				value = string(one.GetRawValue())
			}
			if !slices.Contains(found.headers, header{strings.ToLower(one.GetKey()), value}) {
				t.Fatalf("%v is not in %v", one, found.headers)
			}
		}
		for name, value := range http.GetHeaders() {
			if !slices.Contains(found.headers, header{strings.ToLower(name), value}) {
				t.Fatalf("%q is not in %v", name, found.headers)
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
