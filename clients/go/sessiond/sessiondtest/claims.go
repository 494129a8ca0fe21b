package sessiondtest

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

var (
	requiredClaims = []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id"}
	sessionID      = regexp.MustCompile(`^sds_[A-Za-z0-9_-]{21}[AQgw]$`)
	scopeToken     = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`)
)

const deepestActor = 4

// claims are those of an access token, typed.
type claims struct {
	session              *sessiondv1.Session
	expire, issue, since time.Time // since is when the session began
	notBefore            time.Time // zero where the token does not say
	certificate          string    // the thumbprint to which the token is bound
	isBound, isByDPoP    bool
	all                  map[string]any
}

// reader reads claims, and remembers the first that has not its form.
type reader struct {
	all   map[string]any
	wrong string
}

func readClaims(p *parsed) (*claims, string) {
	r := &reader{all: p.claims}
	session := &sessiondv1.Session{
		Issuer:      r.text("iss"),
		Subject:     r.text("sub"),
		SessionId:   r.text("sid"),
		TenantId:    r.text("tenant_id"),
		ClientId:    r.text("client_id"),
		TokenId:     r.text("jti"),
		KeyId:       keyID,
		Audiences:   r.oneOrMany("aud"),
		Scopes:      r.scopes(),
		Roles:       r.list("roles"),
		Permissions: r.list("permissions"),
		Acr:         r.string("acr"),
		Amr:         r.list("amr"),
		ClaimsJson:  p.payload,
	}
	session.Actor = r.actor(p.claims["act"], session.GetIssuer(), deepestActor)
	session.Principal = principal(session.GetIssuer(), session.GetSubject())
	c := &claims{
		session: session, all: p.claims,
		expire: r.date("exp"), issue: r.date("iat"), notBefore: r.date("nbf"),
	}
	session.ExpireTime, session.IssueTime = timestamppb.New(c.expire), timestamppb.New(c.issue)
	if authTime := r.date("auth_time"); !authTime.IsZero() {
		session.AuthTime = timestamppb.New(authTime)
	}
	since, _ := p.claims["sct"].(float64)
	c.since = time.UnixMilli(int64(since))
	if !sessionID.MatchString(session.GetSessionId()) {
		r.fail("sid")
	}
	c.readBinding()
	return c, r.wrong
}

// readBinding reads what the token is bound to (RFC 7800 section 3.1).
func (c *claims) readBinding() {
	confirmation, isBound := c.all["cnf"]
	members, _ := confirmation.(map[string]any)
	c.isBound = isBound
	c.certificate, _ = members["x5t#S256"].(string)
	_, c.isByDPoP = members["jkt"]
}

func (r *reader) fail(name string) {
	if r.wrong == "" {
		r.wrong = name
	}
}

func (r *reader) string(name string) string {
	value, isThere := r.all[name]
	text, isText := value.(string)
	if isThere && !isText {
		r.fail(name)
	}
	return text
}

// text is for what names somebody or something.
func (r *reader) text(name string) string {
	text := r.string(name)
	if _, isThere := r.all[name]; isThere && !isIdentifier(text) {
		r.fail(name)
	}
	return text
}

func isIdentifier(text string) bool {
	length := utf8.RuneCountInString(text)
	isControl := func(c rune) bool { return c < 0x20 || 0x7f <= c && c <= 0x9f }
	return 1 <= length && length <= 255 && !strings.ContainsFunc(text, isControl)
}

func (r *reader) list(name string) []string {
	value, isThere := r.all[name]
	if !isThere {
		return nil
	}
	items, isList := value.([]any)
	texts := make([]string, len(items))
	for i, item := range items {
		text, isText := item.(string)
		isList = isList && isText
		texts[i] = text
	}
	if !isList {
		r.fail(name)
	}
	return texts
}

func (r *reader) oneOrMany(name string) []string {
	if text, ok := r.all[name].(string); ok {
		return []string{text}
	}
	return r.list(name)
}

func (r *reader) scopes() []string {
	var found []string
	if text, ok := r.all["scope"].(string); ok {
		found = slices.DeleteFunc(strings.Split(text, " "), func(one string) bool { return one == "" })
	} else {
		found = r.list("scope")
	}
	var once []string
	for _, one := range found {
		if !scopeToken.MatchString(one) {
			r.fail("scope")
		}
		if !slices.Contains(once, one) {
			once = append(once, one)
		}
	}
	return once
}

func (r *reader) date(name string) time.Time {
	value, isThere := r.all[name]
	if !isThere {
		return time.Time{}
	}
	const latest = 253_402_300_799
	seconds, isNumber := value.(float64)
	if !isNumber || seconds < 0 || seconds > latest {
		r.fail(name)
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}

func (r *reader) actor(value any, issuer string, depth int) *sessiondv1.Actor {
	if value == nil {
		return nil
	}
	said, isObject := value.(map[string]any)
	if !isObject || depth == 0 {
		r.fail("act")
		return nil
	}
	subject, _ := said["sub"].(string)
	if !isIdentifier(subject) {
		r.fail("act")
	}
	actor := &sessiondv1.Actor{Issuer: issuer, Subject: subject, Actor: r.actor(said["act"], issuer, depth-1)}
	if own, ok := said["iss"].(string); ok {
		actor.Issuer = own
	}
	return actor
}
