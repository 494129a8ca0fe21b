package sessiondtest

import (
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const (
	// Issuer is who issues the fake's tokens.
	Issuer = "http://sessiond.localhost"
	// Audience is for whom they are unless a login says otherwise, and the application that they are issued
	// to.
	Audience = "sessiond-dev"
)

// patience is longer than any call takes, on the slowest machine.
const patience = 10 * time.Second

// Fake is a sessiond with one issuer, of a test's own.
type Fake struct {
	t       testing.TB
	service *service
	target  string
	taps    *taps
	own     string // the key of the fake's own client
	client  *sessiond.Client
}

// New starts a fake, which ends with its test.
func New(t testing.TB) *Fake {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("sessiondtest: %v", err)
	}
	f := &Fake{
		t: t, service: &service{state: newState()}, target: listener.Addr().String(), taps: newTaps(),
		own: random(16),
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.arrive), grpc.StreamInterceptor(f.arriveAtStream))
	sessiondv1.RegisterSessionServiceServer(server, f.service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	f.client = f.Client(sessiond.WithoutCache(), sessiond.WithKey(f.own))
	return f
}

// Target is where the fake listens, for clients that are made in another way than by [Fake.Client]. They know
// a second later, at most, what has changed; functions that change something wait for that.
func (f *Fake) Target() string { return f.target }

// Client makes a client, as production has it but for more patience with a slow machine. It ends with the
// test.
func (f *Fake) Client(options ...sessiond.ClientOption) *sessiond.Client {
	f.t.Helper()
	options = append([]sessiond.ClientOption{
		sessiond.WithTimeout(patience),
		sessiond.WithDialOptions(grpc.WithChainStreamInterceptor(f.taps.add().intercept)),
	}, options...)
	client, err := sessiond.New(f.target, options...)
	if err != nil {
		f.t.Fatalf("sessiondtest: %v", err)
	}
	f.t.Cleanup(func() { _ = client.Close() })
	return client
}

// Login opens a session for a subject, who has just logged in.
func (f *Fake) Login(subject string, scopes ...string) *sessiond.Tokens {
	f.t.Helper()
	return f.LoginWith(subject, sessiond.LocalLogin{Scopes: scopes, AuthTime: f.Now()})
}

// LoginWith opens a session with all that may be said of a login.
func (f *Fake) LoginWith(subject string, login sessiond.LocalLogin) *sessiond.Tokens {
	f.t.Helper()
	tokens, err := f.client.CreateLocalSession(f.t.Context(), subject, login)
	if err != nil {
		f.t.Fatalf("sessiondtest: a login of %q: %v", subject, err)
	}
	return tokens
}

// Token is what an access token says that a test makes up.
type Token struct {
	Header map[string]any
	Claims map[string]any
}

// Sign is a token that is good but for what is given; a value of nil leaves a name out. Its session is none
// that was opened.
func (f *Fake) Sign(token Token) string {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	now := f.service.now()
	header, claims := accessHeader(), map[string]any{
		"iss": Issuer, "sub": "alice", "aud": Audience, "client_id": Audience, "iat": now.Unix(),
		"exp": now.Add(accessLifetime).Unix(), "jti": random(16), "sid": "sds_" + random(16),
		"sct": f.service.nextStart(),
	}
	maps.Copy(header, token.Header)
	maps.Copy(claims, token.Claims)
	return f.service.signer.sign(header, claims)
}

// Revoke ends the session of an access token, of a refresh token, or of a session's id.
func (f *Fake) Revoke(what string) {
	f.t.Helper()
	revoke := f.client.RevokeAccessToken
	switch {
	case strings.HasPrefix(what, "sds_"):
		revoke = f.client.RevokeSession
	case strings.HasPrefix(what, "sdr1_"):
		revoke = f.client.RevokeRefreshToken
	}
	if _, err := revoke(f.t.Context(), what); err != nil {
		f.t.Fatalf("sessiondtest: a revocation: %v", err)
	}
	f.settle()
}

// RevokeSubject ends every session of a subject.
func (f *Fake) RevokeSubject(subject string) {
	f.t.Helper()
	if _, err := f.client.RevokeSubject(f.t.Context(), Issuer, subject); err != nil {
		f.t.Fatalf("sessiondtest: a revocation: %v", err)
	}
	f.settle()
}

// Expire has an access token expired from now on, and no other.
func (f *Fake) Expire(accessToken string) {
	f.t.Helper()
	f.change(func(s *state) {
		c, rejection := s.verify(accessToken, nil)
		if rejection != nil {
			f.t.Fatalf("sessiondtest: what is to expire is no access token of this fake: %s", rejection.GetMessage())
		}
		s.expired[c.session.GetTokenId()] = true
		id := hashedid.Of(hashedid.Token, Issuer, c.session.GetTokenId())
		s.log.revoke(sessiondv1.RevocationType_REVOCATION_TYPE_TOKEN, id, s.now())
	})
}

// Now is the time by the fake's clock, which tokens are judged by. It is the machine's unless a test moves
// it.
func (f *Fake) Now() time.Time {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	return f.service.now()
}

// Advance moves the fake's clock, and has clients ask again about everything that they keep.
func (f *Fake) Advance(span time.Duration) {
	f.change(func(s *state) {
		if s.stopped.IsZero() {
			s.ahead += span
		} else {
			s.stopped = s.stopped.Add(span)
		}
		s.log.reset()
	})
}

// SetTime stops the fake's clock at a time, from which only [Fake.Advance] moves it, and has clients ask
// again.
func (f *Fake) SetTime(now time.Time) {
	f.change(func(s *state) {
		s.stopped = now
		s.log.reset()
	})
}

// Away has nobody answer, as where a server is gone, until [Fake.Back]. Clients forget what they keep first:
// a real server's clients would go on with that for its max_staleness, a second. The fake's own functions
// work.
func (f *Fake) Away() {
	f.change(func(s *state) {
		s.isAway = true
		s.log.reset()
	})
}

// Back ends [Fake.Away].
func (f *Fake) Back() {
	f.change(func(s *state) { s.isAway = false })
}

// change changes something, and waits until every client knows.
func (f *Fake) change(something func(*state)) {
	f.t.Helper()
	f.locked(something)
	f.settle()
}

func (f *Fake) locked(something func(*state)) {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	something(f.service.state)
}

func (f *Fake) settle() {
	var events int
	f.locked(func(s *state) { events = len(s.log.events) })
	f.taps.settle(events, f.service.watchers.isForeign.Load())
}
