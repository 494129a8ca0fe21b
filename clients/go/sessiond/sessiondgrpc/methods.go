package sessiondgrpc

import (
	"fmt"
	"regexp"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Methods says what is required for each method: by its full name, /package.Service/Method, or for all other
// methods of a service, /package.Service/*. A nil policy requires nothing but a good token.
type Methods map[string]*sessiond.Policy

// Public is the policy of methods for which nobody has to be known. No token that comes with them is looked
// at.
var Public = &sessiond.Policy{}

var publicByDefault = []string{
	"/grpc.health.v1.Health/*",
	"/grpc.reflection.v1.ServerReflection/*",
	"/grpc.reflection.v1alpha.ServerReflection/*",
}

var methodName = regexp.MustCompile(`^/[^/*]+/(?:[^/*]+|\*)$`)

// rule is what is required of a call.
type rule struct {
	isPublic bool
	policy   *sessiond.Policy
	options  []sessiond.Option
}

type rules struct {
	byMethod map[string]rule
	others   *rule // of what is not named; nil denies it
}

func newRules(methods Methods) *rules {
	r := &rules{byMethod: map[string]rule{}}
	for _, name := range publicByDefault {
		r.byMethod[name] = rule{isPublic: true}
	}
	for name, policy := range methods {
		if !methodName.MatchString(name) {
			const allowed = "/package.Service/Method or /package.Service/*"
			panic(fmt.Sprintf("sessiondgrpc: method: found %q, allowed is %s", name, allowed))
		}
		r.byMethod[name] = newRule(policy)
	}
	return r
}

func newRule(policy *sessiond.Policy) rule {
	switch policy {
	case nil:
		return rule{}
	case Public:
		return rule{isPublic: true}
	default:
		return rule{policy: sessiond.Require(*policy)}
	}
}

// of is what is required for a method; nothing where nobody has said it.
func (r *rules) of(method string) (rule, bool) {
	if found, ok := r.byMethod[method]; ok {
		return found, true
	}
	for end := len(method) - 1; end > 0; end-- {
		if method[end] == '/' {
			if found, ok := r.byMethod[method[:end+1]+"*"]; ok {
				return found, true
			}
			break
		}
	}
	if r.others != nil {
		return *r.others, true
	}
	return rule{}, false
}

// apply has options hold for what a name stands for.
func (r *rules) apply(name string, options []sessiond.Option) {
	found, ok := r.byMethod[name]
	if !ok || found.isPublic {
		const allowed = "the name of a method that requires a token"
		panic(fmt.Sprintf("sessiondgrpc: options: found %q, allowed is %s", name, allowed))
	}
	found.options = options
	r.byMethod[name] = found
}
