package sessiondtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// These are the server's own defaults.
const (
	accessLifetime   = 5 * time.Minute
	grace            = 10 * time.Second
	idleLifetime     = 7 * 24 * time.Hour
	absoluteLifetime = 30 * 24 * time.Hour
)

var reservedClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "sct", "client_id", "scope", "tenant_id", "cnf",
	"act", "auth_time", "acr", "amr",
}

// session is a family of refresh tokens.
type session struct {
	id                 string
	login              *sessiondv1.LocalLogin
	further            map[string]any
	device             *sessiondv1.Device
	attributes         map[string]string
	certificate        []byte // that it is bound to
	start              int64  // milliseconds since 1970, for cutoffs
	created, refreshed time.Time
	hasEnded           bool

	current string     // the refresh token that is good
	spent   []spending // those before it, by generation
}

// spending is when a refresh token was spent, and who did it.
type spending struct {
	at     time.Time
	bearer bearer
}

// bearer is what a repeated refresh is recognised by.
type bearer struct{ caller, label, userAgent string }

// place is the generation of a refresh token in its session.
type place struct {
	session    *session
	generation int
}

func (s *state) open(request *sessiondv1.CreateSessionRequest, login *sessiondv1.LocalLogin) *session {
	opened := &session{
		id:          "sds_" + random(16),
		login:       login,
		device:      request.GetDevice(),
		attributes:  maps.Clone(request.GetAttributes()),
		certificate: request.GetProof().GetCertificateSha256(),
		start:       s.nextStart(),
		created:     s.now(),
		refreshed:   s.now(),
	}
	s.sessions[opened.id] = opened
	s.rotate(opened)
	return opened
}

// rotate gives a session its next refresh token, in the server's form: the session's id stands behind 4 bytes.
func (s *state) rotate(of *session) {
	raw := make([]byte, 72)
	_, _ = rand.Read(raw) // it never fails
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(of.id, "sds_"))
	if err != nil {
		panic("sessiondtest: a session has an id that is none: " + err.Error())
	}
	copy(raw[4:], id)
	of.current = "sdr1_" + base64.RawURLEncoding.EncodeToString(raw)
	s.refresh[of.current] = place{of, len(of.spent)}
}

// issue is what a login or a refresh gives out.
func (s *state) issue(of *session) *sessiondv1.Tokens {
	now := s.now()
	token := s.signer.sign(accessHeader(), of.claims(now))
	verified, rejection := s.verify(token, nil)
	if rejection != nil {
		panic("sessiondtest: a token of its own is not accepted: " + rejection.GetMessage())
	}
	return &sessiondv1.Tokens{
		AccessToken:       token,
		AccessExpireTime:  verified.session.GetExpireTime(),
		RefreshToken:      of.current,
		RefreshExpireTime: timestamppb.New(of.idleExpire()),
		Session:           verified.session,
	}
}

func accessHeader() map[string]any {
	return map[string]any{"alg": "EdDSA", "kid": keyID, "typ": "at+jwt"}
}

func (s *session) claims(now time.Time) map[string]any {
	said := maps.Clone(s.further)
	if said == nil {
		said = map[string]any{}
	}
	maps.Copy(said, map[string]any{
		"iss": Issuer, "sub": s.login.GetSubject(), "aud": s.login.GetAudiences(),
		"client_id": s.login.GetClientId(), "iat": now.Unix(), "exp": now.Add(accessLifetime).Unix(),
		"jti": random(16), "sid": s.id, "sct": s.start,
	})
	for name, text := range map[string]string{
		"scope":     strings.Join(s.login.GetScopes(), " "),
		"tenant_id": s.login.GetTenantId(),
		"acr":       s.login.GetAcr(),
	} {
		if text != "" {
			said[name] = text
		}
	}
	if len(s.login.GetAmr()) > 0 {
		said["amr"] = s.login.GetAmr()
	}
	if s.login.AuthTime != nil {
		said["auth_time"] = s.login.GetAuthTime().GetSeconds()
	}
	if len(s.certificate) > 0 {
		said["cnf"] = map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(s.certificate)}
	}
	return said
}

func (s *session) absoluteExpire() time.Time { return s.created.Add(absoluteLifetime) }

func (s *session) idleExpire() time.Time {
	if idle := s.refreshed.Add(idleLifetime); idle.Before(s.absoluteExpire()) {
		return idle
	}
	return s.absoluteExpire()
}

func (s *session) record() *sessiondv1.SessionRecord {
	return &sessiondv1.SessionRecord{
		Session: &sessiondv1.Session{
			Principal: principal(Issuer, s.login.GetSubject()),
			Issuer:    Issuer,
			Subject:   s.login.GetSubject(),
			SessionId: s.id,
			TenantId:  s.login.GetTenantId(),
			ClientId:  s.login.GetClientId(),
			Audiences: s.login.GetAudiences(),
			Scopes:    s.login.GetScopes(),
			AuthTime:  s.login.GetAuthTime(),
			Acr:       s.login.GetAcr(),
			Amr:       s.login.GetAmr(),
		},
		CreateTime:         timestamppb.New(s.created),
		LastRefreshTime:    timestamppb.New(s.refreshed),
		IdleExpireTime:     timestamppb.New(s.idleExpire()),
		AbsoluteExpireTime: timestamppb.New(s.absoluteExpire()),
		Device:             s.device,
		Attributes:         s.attributes,
	}
}

// complete is a login with what it leaves to the issuer, and its further claims.
func complete(login *sessiondv1.LocalLogin) (*sessiondv1.LocalLogin, map[string]any, error) {
	if !isIdentifier(login.GetSubject()) {
		return nil, nil, fieldInvalid("local_login.subject", "no identifier", "1 to 255 characters")
	}
	further := map[string]any{}
	if text := login.GetClaimsJson(); text != "" && json.Unmarshal([]byte(text), &further) != nil {
		return nil, nil, fieldInvalid("local_login.claims_json", "what is no object", "a JSON object")
	}
	for name := range further {
		if slices.Contains(reservedClaims, name) {
			allowed := "names that the server does not give itself"
			return nil, nil, fieldInvalid("local_login.claims_json", name, allowed)
		}
	}
	if login.ClientId == "" {
		login.ClientId = Audience
	}
	if len(login.Audiences) == 0 {
		login.Audiences = []string{Audience}
	}
	return login, further, nil
}
