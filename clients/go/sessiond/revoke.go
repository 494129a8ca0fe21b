package sessiond

// RevokeOption is how something is to be revoked: a [Cause], a [Note], an [Except], or a [Timeout].
type RevokeOption interface{ applyToRevocation(*revocation) }

// Cause is why something is revoked; CauseLogout is the default.
type Cause string

// The causes.
const (
	CauseLogout     Cause = "LOGOUT"
	CauseAdmin      Cause = "ADMIN"
	CauseCompromise Cause = "COMPROMISE"
	CausePolicy     Cause = "POLICY"
)

// Note is a remark for the server's log, of at most 256 bytes.
type Note string

// Except is the id of the one session that stays where a subject's sessions end.
type Except string

type revocation struct {
	callOptions
	cause  Cause
	note   string
	except string
}

func (c Cause) applyToRevocation(r *revocation) { r.cause = c }

func (n Note) applyToRevocation(r *revocation) { r.note = string(n) }

func (e Except) applyToRevocation(r *revocation) { r.except = string(e) }

// RevocationResult is what a revocation did: a validation at Revision or later is REVOKED.
type RevocationResult struct {
	Revision string
	// SessionsEnded is -1 where they were not counted.
	SessionsEnded int
}
