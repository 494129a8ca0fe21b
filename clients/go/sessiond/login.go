package sessiond

import "time"

// Login is what may be said of any login, beside what proves it. The session is bound to the key that Proof
// shows.
type Login struct {
	Device     Device
	Attributes map[string]string // kept with the session: at most 16, of 64 and 256 bytes
	Proof      Proof
}

// LocalLogin is what may be said of a login that the caller vouches for.
type LocalLogin struct {
	Login
	ClientID  string // empty means the issuer's default
	TenantID  string
	Audiences []string // within the issuer's configured ones; empty means those
	Scopes    []string
	Claims    map[string]any // further claims of the access tokens
	AuthTime  time.Time      // when the user proved who they are; zero if unknown
	ACR       string
	AMR       []string
}

// ProviderTokens are what a login at a provider gave out. Providers give a refresh token for the scope
// offline_access alone.
type ProviderTokens struct {
	AccessToken  string
	RefreshToken string
	IDToken      string // not required
}

// AuthorizationCode is what a login at a provider gave out, for the server to exchange.
type AuthorizationCode struct {
	Code         string
	RedirectURI  string
	CodeVerifier string // required (RFC 7636)
	Nonce        string // if given, the ID token must carry it
}

// Tokens are what a login or a refresh gives out. How they are printed or logged does not show them.
type Tokens struct {
	AccessToken       string
	AccessExpireTime  time.Time
	RefreshToken      string
	RefreshExpireTime time.Time
	Session           Session
	Replayed          bool // an earlier call with the same token got the same tokens
}
