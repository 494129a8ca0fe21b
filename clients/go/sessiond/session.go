package sessiond

import (
	"bytes"
	"encoding/json"
	"time"
)

// Session is an accepted token, or a stored session. What is not known is empty, nil or the zero time.
//
// Each caller has its own, but for the contents of its slices, which are shared and must not be changed.
type Session struct {
	Principal         string // the subject at its issuer as one stable word: the key for what belongs to a user
	Issuer            string
	Subject           string
	SessionID         string // sessiond's own, sds_...
	ProviderSessionID string
	TenantID          string
	ClientID          string
	TokenID           string
	KeyID             string
	Audiences         []string
	Scopes            []string
	Roles             []string
	Permissions       []string
	IssueTime         time.Time
	ExpireTime        time.Time
	AuthTime          time.Time // when the user last proved who they are
	ACR               string
	AMR               []string
	Actor             *Actor // who acts for the subject; nil if nobody does
	ClaimsJSON        string // the verified payload as received; empty for a stored session

	// CacheFor is how long this acceptance may be repeated to others, from the moment of the call on; zero
	// means not at all.
	CacheFor time.Duration
	// Stale says that the token may have been revoked: the server's store does not answer, and its operator
	// chose to accept tokens all the same.
	Stale bool
}

// Actor is who acts for a subject (RFC 8693 section 4.1).
type Actor struct {
	Issuer  string
	Subject string
	Actor   *Actor // for whom this one acts in turn; nil at the end of the chain
}

// Claims parses all claims of the token; there are none in a stored session. Numbers are [json.Number], so
// that none loses digits.
func (s *Session) Claims() (map[string]any, error) {
	claims := map[string]any{}
	if s.ClaimsJSON == "" {
		return claims, nil
	}
	decoder := json.NewDecoder(bytes.NewBufferString(s.ClaimsJSON))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// DecodeClaims reads those claims of the token that a value of the caller's has fields for.
func (s *Session) DecodeClaims(into any) error {
	if s.ClaimsJSON == "" {
		return nil
	}
	return json.Unmarshal([]byte(s.ClaimsJSON), into)
}

// SessionRecord is a live session as the store has it.
type SessionRecord struct {
	Session            Session
	CreateTime         time.Time
	LastRefreshTime    time.Time
	IdleExpireTime     time.Time // when it ends if it is not refreshed before
	AbsoluteExpireTime time.Time // when it ends in any case
	Device             Device
	Attributes         map[string]string
}

// Device is what a backend says of the end user's device. Of the user agent a server takes 256 bytes: more is
// cut off, on a character, and control characters become blanks.
type Device struct {
	IPAddress string
	UserAgent string
	Label     string
}
