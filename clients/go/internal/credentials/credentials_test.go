package credentials_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/clients/go/internal/credentials"
)

func TestOneTokenOfOneHeaderIsTaken(t *testing.T) {
	for _, row := range []struct {
		name   string
		values []string
		scheme credentials.Scheme
		token  string
		fails  bool
	}{
		{name: "no header"},
		{name: "an empty header", values: []string{""}},
		{name: "a bearer token", values: []string{"Bearer a.b.c"}, token: "a.b.c"},
		{name: "in lower case", values: []string{"bearer a.b.c"}, token: "a.b.c"},
		{name: "in upper case", values: []string{"BEARER a.b.c"}, token: "a.b.c"},
		{name: "behind two spaces", values: []string{"Bearer  a.b.c"}, token: "a.b.c"},
		{name: "every character", values: []string{"Bearer aZ09-._~+/=="}, token: "aZ09-._~+/=="},
		{name: "DPoP", values: []string{"dpop a.b.c"}, scheme: credentials.DPoP, token: "a.b.c"},
		{
			name: "9 KiB", values: []string{"Bearer " + strings.Repeat("x", 9<<10)}, token: strings.Repeat("x", 9<<10),
		},
		{name: "another scheme", values: []string{"Basic dXNlcjpwYXNz"}},
		{name: "a longer scheme", values: []string{"BearerX a.b.c"}},
		{name: "no scheme", values: []string{"a.b.c"}},
		{name: "two headers", values: []string{"Bearer a.b.c", "Bearer a.b.c"}, fails: true},
		{
			name: "two headers, one of another scheme", values: []string{"Basic dTpw", "Bearer a.b.c"}, fails: true,
		},
		{name: "two tokens", values: []string{"Bearer a.b.c,Bearer d.e.f"}, fails: true},
		{name: "two tokens, apart", values: []string{"Bearer a.b.c d.e.f"}, fails: true},
		{name: "a scheme alone", values: []string{"Bearer"}, fails: true},
		{name: "a scheme and a blank", values: []string{"Bearer "}, fails: true},
		{name: "a tab", values: []string{"Bearer\ta.b.c"}, fails: true},
		{name: "a blank behind it", values: []string{"Bearer a.b.c "}, fails: true},
		{name: "no blank", values: []string{"Bearer=a.b.c"}, fails: true},
		{name: "padding alone", values: []string{"Bearer =="}, fails: true},
		{name: "padding within", values: []string{"Bearer a=b"}, fails: true},
		{name: "what is not ASCII", values: []string{"Bearer ä"}, fails: true},
		{name: "what is no text", values: []string{"Bearer \xff"}, fails: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, err := credentials.FromAuthorization(row.values)
			if (err != nil) != row.fails || found.Token != row.token || found.Scheme != row.scheme {
				t.Errorf("found %v %q, %v", found.Scheme, found.Token, err)
			}
		})
	}
}

func TestOneCookieOfTheNameIsTaken(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines []string
		token string
		fails bool
	}{
		{name: "no header"},
		{name: "no cookie of the name", lines: []string{"theme=dark"}},
		{name: "the cookie", lines: []string{"session=a.b.c"}, token: "a.b.c"},
		{name: "among others", lines: []string{"theme=dark; session=a.b.c; lang=en"}, token: "a.b.c"},
		{name: "in another header", lines: []string{"theme=dark", "session=a.b.c"}, token: "a.b.c"},
		{name: "with an equals sign", lines: []string{"session=a=="}, token: "a=="},
		{name: "without a blank", lines: []string{"theme=dark;session=a.b.c"}, token: "a.b.c"},
		{name: "one that was cleared", lines: []string{"session="}},
		{name: "a name without a value", lines: []string{"session"}},
		{name: "another case", lines: []string{"Session=a.b.c"}},
		{name: "a longer name", lines: []string{"xsession=a.b.c; session2=d"}},
		{name: "a name within a value", lines: []string{"theme=session=a.b.c"}},
		{name: "twice", lines: []string{"session=a.b.c; session=d.e.f"}, fails: true},
		{name: "twice the same", lines: []string{"session=a.b.c; session=a.b.c"}, fails: true},
		{name: "twice, one cleared", lines: []string{"session=; session=a.b.c"}, fails: true},
		{name: "in two headers", lines: []string{"session=a.b.c", "session=d.e.f"}, fails: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, err := credentials.FromCookies(row.lines, "session")
			if (err != nil) != row.fails || found.Token != row.token {
				t.Errorf("found %q, %v", found.Token, err)
			}
		})
	}
}

func TestNoPrintingShowsATokenThatWasPresented(t *testing.T) {
	found, _ := credentials.FromAuthorization([]string{"Bearer secret.token"})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if shown := fmt.Sprintf(verb, found); strings.Contains(shown, "secret") {
			t.Errorf("%s shows %s", verb, shown)
		}
	}
}

// Whatever comes, a token is all of what stands behind a scheme, and of the characters that tokens have.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"Bearer a.b.c", "dpop  x", "Bearer a,Bearer b", "Basic dTpw", "Bearer\ta"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if found, _ := credentials.FromAuthorization([]string{first, second}); found.Token != "" {
			t.Errorf("two headers gave %q", found.Token)
		}
		found, err := credentials.FromAuthorization([]string{first})
		if found.Token == "" {
			return
		}
		scheme, rest, _ := strings.Cut(first, " ")
		named := map[credentials.Scheme]string{credentials.Bearer: "bearer", credentials.DPoP: "dpop"}
		isAll := strings.TrimLeft(rest, " ") == found.Token
		if err != nil || strings.ToLower(scheme) != named[found.Scheme] || !isAll {
			t.Errorf("%q gave %q, %v", first, found.Token, err)
		}
		if strings.ContainsAny(found.Token, " ,;\t\r\n\"\\") || !isASCII(found.Token) {
			t.Errorf("%q is no token", found.Token)
		}
	})
}

// Whatever comes, this parser takes no cookie that the standard library sees twice or not at all.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"session=a", "a=b; session=c", "session=a; session=b", "session"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if strings.ContainsAny(first+second, "\r\n\x00") {
			t.Skip("no header has these (RFC 9110 section 5.5)")
		}
		lines := []string{first, second}
		found, err := credentials.FromCookies(lines, "session")
		request := http.Request{Header: http.Header{"Cookie": lines}}
		// The standard library takes a name alone for a cookie too.
		isEmpty := func(cookie *http.Cookie) bool { return cookie.Value == "" }
		theirs := slices.DeleteFunc(request.CookiesNamed("session"), isEmpty)
		if len(theirs) > 1 && err == nil {
			t.Errorf("%q gave %q, but there are %d", lines, found.Token, len(theirs))
		}
		plain := func(value string) string { return strings.Trim(value, ` "`) }
		if len(theirs) == 1 && err == nil && plain(found.Token) != plain(theirs[0].Value) {
			t.Errorf("%q gave %q, and to the standard library %q", lines, found.Token, theirs[0].Value)
		}
		if found.Token != "" && !strings.Contains(first+";"+second, "session="+found.Token) {
			t.Errorf("%q gave %q", lines, found.Token)
		}
	})
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > 0x7e {
			return false
		}
	}
	return true
}
