package sessiond

import (
	"time"
	"unique"

	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

// Policy is what is required of a token beyond being good; all of it must hold. [Require] compiles one, once,
// for all the calls that use it. It must not be changed then.
//
// Neither order nor repetition counts: policies that require the same share what a client keeps.
type Policy struct {
	Issuers     []string            // any one must have issued the token; none means all of this caller's
	Audiences   []string            // any one must match; none means the issuer's configured ones
	Scopes      []string            // all must be there
	Permissions []string            // all must be there
	Claims      map[string][]string // each must have one of its values
	// MaxAuthAge is how long ago the user may have proved who they are (RFC 9470); zero means any time.
	MaxAuthAge time.Duration
	ACRValues  []string // any one will do (RFC 9470); none means any

	compiled *compiledPolicy
}

// Number tells policies apart that require different things, within this process.
type compiledPolicy struct {
	owner   *Policy // a copy may have been changed
	number  unique.Handle[string]
	message *sessiondv1.Requirements // nil where nothing is required: cheaper to read
}

// Require compiles a policy of the program's own. It panics on what a server would refuse, as that is a
// mistake in the program; [Compile] returns it.
func Require(policy Policy) *Policy {
	compiled, err := Compile(policy)
	if err != nil {
		panic(err)
	}
	return compiled
}

// Compile compiles a policy that comes from elsewhere, such as a configuration. What a server would refuse is
// an [*InvalidArgument] that names the field.
func Compile(policy Policy) (*Policy, error) {
	if err := checkPolicy(&policy); err != nil {
		return nil, err
	}
	own := policy.sorted()
	own.compiled = &compiledPolicy{owner: own, number: unique.Make(own.canonical()), message: own.toMessage()}
	return own, nil
}

// compile is what a call requires by a policy, which need not be compiled, nor there.
func (p *Policy) compile() (*compiledPolicy, error) {
	if p == nil {
		return nothing.compiled, nil
	}
	if p.compiled != nil && p.compiled.owner == p {
		return p.compiled, nil
	}
	compiled, err := Compile(*p)
	if err != nil {
		return nil, err
	}
	return compiled.compiled, nil
}

var nothing = Require(Policy{})
