package sessiondhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/vectors"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// decision is a row of the table that all languages have.
type decision struct {
	Name   string
	Given  given
	Expect struct {
		Asks       []string
		Outcome    string
		Status     int
		Body       map[string]any
		Cookies    string
		RetryAfter int `json:"retry_after"`
	}
}

type given struct {
	Authorization   string
	Access, Refresh string
	CrossSite       bool `json:"cross_site"`
	Optional        bool
	Upgrade         bool
	Elsewhere       bool
	Navigation      bool
	Marked          bool
	Milliseconds    int
	Verdict         answered
	Refreshed       answered
	NewVerdict      answered `json:"new_verdict"`
}

// answered is what a row has sessiond say; nil where nobody is to ask.
type answered struct{ said any }

func (a *answered) UnmarshalJSON(raw []byte) error { return json.Unmarshal(raw, &a.said) }

func (a answered) err() error {
	switch said := a.said.(type) {
	case string:
		switch said {
		case "accepted", "tokens":
			return nil
		case "internal":
			return &sessiond.PermissionDenied{}
		default:
			return &sessiond.RefreshRefused{CallError: sessiond.CallError{Reason: said}}
		}
	case map[string]any:
		if seconds, ok := said["unavailable"].(float64); ok {
			after := time.Duration(seconds) * time.Second
			return &sessiond.Unavailable{CallError: sessiond.CallError{RetryAfter: after}}
		}
		reason, _ := said["reason"].(string)
		action, _ := said["next_action"].(string)
		return &sessiond.Rejected{Reason: sessiond.Reason(reason), NextAction: sessiond.NextAction(action)}
	default:
		return errors.New("the row does not say what is answered")
	}
}

// scripted is a client that gives what a row says, and takes note of what it is asked.
type scripted struct {
	BrowserClient
	row   decision
	asked []string
	clock time.Duration
}

var renewed = &sessiond.Tokens{AccessToken: "n.e.w", RefreshToken: "sdr1_new"}

func (s *scripted) Validate(
	_ context.Context, token string, _ *sessiond.Policy, _ ...sessiond.Option,
) (*sessiond.Session, error) {
	s.asked = append(s.asked, "validate")
	verdict := s.row.Given.Verdict
	if token == renewed.AccessToken {
		verdict = s.row.Given.NewVerdict
	}
	if err := verdict.err(); err != nil {
		return nil, err
	}
	return &sessiond.Session{Subject: token}, nil
}

func (s *scripted) Refresh(
	context.Context, string, sessiond.Bearer, ...sessiond.CallOption,
) (*sessiond.Tokens, error) {
	s.asked = append(s.asked, "refresh")
	s.clock += time.Duration(s.row.Given.Milliseconds) * time.Millisecond
	if err := s.row.Given.Refreshed.err(); err != nil {
		return nil, err
	}
	return renewed, nil
}

func (g given) request() *http.Request {
	r := httptest.NewRequest("GET", "https://shop.example/orders?page=2", nil)
	times := map[string]int{"one": 1, "several": 2}
	for range times[g.Access] {
		r.Header.Add("Cookie", "__Host-session=h.p.s")
	}
	for range times[g.Refresh] {
		r.Header.Add("Cookie", "__Host-session-refresh=sdr1_AAAA")
	}
	set := func(is bool, name, value string) {
		if is {
			r.Header.Add(name, value)
		}
	}
	set(g.Refresh == "malformed", "Cookie", "__Host-session-refresh=a|b")
	set(g.Marked, "Cookie", g.mark())
	set(g.Authorization != "", "Authorization", g.Authorization)
	set(g.Navigation, "Sec-Fetch-Mode", "navigate")
	set(g.Upgrade, "Upgrade", "websocket")
	site := "same-origin"
	if g.CrossSite {
		site, r.Method = "cross-site", "POST"
	}
	set(true, "Sec-Fetch-Site", site)
	return r
}

func (g given) mark() string {
	if g.Refresh == "malformed" {
		return "__Host-session-mark=0eab8a0a3380abf4"
	}
	return "__Host-session-mark=ff597680366358f9"
}

func TestRequestsOfBrowsersAreAnsweredAsTheVectorsSay(t *testing.T) {
	var file struct{ Decisions []decision }
	vectors.Read(t, "browser-decisions.json", &file)
	for _, row := range file.Decisions {
		t.Run(row.Name, func(t *testing.T) {
			client := &scripted{row: row}
			options := []BrowserOption{WithLogger(slog.New(slog.DiscardHandler))}
			if row.Given.Elsewhere {
				options = append(options, RefreshPath("/session"))
			}
			site := NewBrowser(client, options...)
			site.now = func() time.Time { return time.Unix(0, 0).Add(client.clock) }
			route := site.Require
			if row.Given.Optional {
				route = site.Optional
			}
			answer := httptest.NewRecorder()
			route(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if session, ok := sessiond.FromContext(r.Context()); ok {
					fmt.Fprint(w, "for ", session.Subject)
				} else {
					fmt.Fprint(w, "for nobody")
				}
			})).ServeHTTP(answer, row.Given.request())
			row.check(t, client.asked, answer)
		})
	}
}

func (row decision) check(t *testing.T, asked []string, answer *httptest.ResponseRecorder) {
	t.Helper()
	want, body, header := row.Expect, answer.Body.String(), answer.Header()
	if !slices.Equal(asked, want.Asks) {
		t.Errorf("asked %q", asked)
	}
	if answer.Code != max(want.Status, http.StatusOK) {
		t.Errorf("found %d %s", answer.Code, body)
	}
	isSession := strings.HasPrefix(body, "for ") && body != "for nobody"
	if isSession != (want.Outcome == "session") || (body == "for nobody") != (want.Outcome == "nobody") {
		t.Errorf("found %s", body)
	}
	if want.Outcome == "session" && want.Cookies == "set" && body != "for n.e.w" {
		t.Errorf("found %s, and not the new session", body)
	}
	var told map[string]any
	_ = json.Unmarshal(answer.Body.Bytes(), &told)
	if want.Body != nil && !reflect.DeepEqual(told, want.Body) {
		t.Errorf("told %v", told)
	}
	if answer.Code == 401 && header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without a challenge")
	}
	retry := ""
	if want.RetryAfter > 0 {
		retry = strconv.Itoa(want.RetryAfter)
	}
	if header.Get("Retry-After") != retry {
		t.Errorf("found Retry-After %q", header.Get("Retry-After"))
	}
	row.checkCookies(t, header)
}

func (row decision) checkCookies(t *testing.T, header http.Header) {
	t.Helper()
	lines := map[string][]string{
		"set": {
			"__Host-session=n.e.w; Path=/; HttpOnly; Secure; SameSite=Lax",
			"__Host-session-refresh=sdr1_new; Path=/; HttpOnly; Secure; SameSite=Lax",
		},
		"clear": {
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"__Host-session-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"__Host-session-mark=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		"mark": {row.Given.mark() + "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
	}[row.Expect.Cookies]
	location := ""
	if row.Expect.Outcome == "sent_back" {
		location = "./orders?page=2"
	}
	if header.Get("Location") != location {
		t.Errorf("sent to %q", header.Get("Location"))
	}
	if !slices.Equal(header["Set-Cookie"], lines) {
		t.Errorf("found %q", header["Set-Cookie"])
	}
	isPrivate := header.Get("Cache-Control") == "no-store"
	mustBe := lines != nil || row.Expect.Status != 0
	if mustBe && !isPrivate || !slices.Equal(header["Vary"], []string{"Cookie"}) {
		t.Errorf("a cache may keep it: %v", header)
	}
}
