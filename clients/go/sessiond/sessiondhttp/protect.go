package sessiondhttp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Protect requires a policy of everything that a handler has, such as a whole [http.ServeMux], but for what
// is public by name: patterns in the form of [http.ServeMux], such as "GET /healthz" or "/assets/". A route
// that nobody thought of is protected.
func (m *Middleware) Protect(policy *sessiond.Policy, public ...string) func(http.Handler) http.Handler {
	return protect(m.Require(policy), public)
}

func protect(require func(http.Handler) http.Handler, public []string) func(http.Handler) http.Handler {
	open := http.NewServeMux()
	for _, pattern := range public {
		open.Handle(pattern, isPublic{})
	}
	return func(next http.Handler) http.Handler {
		guarded := require(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found, _ := open.Handler(r)
			if _, ok := found.(isPublic); ok && isPlain(r) {
				next.ServeHTTP(w, r)
				return
			}
			guarded.ServeHTTP(w, r)
		})
	}
}

// isPublic marks what a pattern matches as it is: a redirect to such a path leads elsewhere first.
type isPublic struct{}

func (isPublic) ServeHTTP(http.ResponseWriter, *http.Request) {}

// isPlain says whether a path means the same to whoever routes by it, whether or not its escapes are read
// first.
func isPlain(r *http.Request) bool {
	segments := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	last := len(segments) - 1
	return r.Method != http.MethodConnect && !slices.ContainsFunc(segments[:last], isEmptyOrDots) &&
		!isDots(segments[last])
}

func isEmptyOrDots(segment string) bool { return segment == "" || isDots(segment) }

func isDots(segment string) bool { return segment == "." || segment == ".." }
