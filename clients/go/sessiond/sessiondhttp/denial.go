package sessiondhttp

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/sessiond/sessiond/clients/go/internal/denial"
	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// Denial is what a request is told that does not get through.
type Denial struct {
	Status int
	// Reason is that of a rejection or, for a [Browser], of a refresh; or one of NO_CREDENTIALS,
	// INVALID_REQUEST, CROSS_SITE, session_superseded, UNAVAILABLE and INTERNAL.
	Reason string
	// NextAction is empty where the client can do nothing but repeat the request.
	NextAction sessiond.NextAction
	// Retry says that the same request, made again once, may get through: a browser has newer cookies by now.
	Retry bool
	// Err is why, and not for the client: such as a [*sessiond.Rejected]; nil where no validator was asked.
	Err error
}

// Renderer writes the answer to a request that is denied. The headers that the status needs are set already.
type Renderer func(w http.ResponseWriter, r *http.Request, denied Denial)

var statuses = map[denial.Kind]int{
	denial.NoCredentials:  http.StatusUnauthorized,
	denial.InvalidRequest: http.StatusBadRequest,
	denial.CrossSite:      http.StatusForbidden,
	denial.NoPolicy:       http.StatusForbidden,
	denial.Insufficient:   http.StatusForbidden,
	denial.Rejected:       http.StatusUnauthorized,
	denial.Unavailable:    http.StatusServiceUnavailable,
	denial.Misconfigured:  http.StatusInternalServerError,
}

func (m *Middleware) deny(w http.ResponseWriter, r *http.Request, denied denial.Denial) {
	denied.Log(r.Context(), m.logger, slog.String("route", r.Pattern))
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	for _, challenge := range denied.Challenges {
		header.Add("WWW-Authenticate", challenge)
	}
	if denied.Kind == denial.Unavailable {
		header.Set("Retry-After", wholeSeconds(denied.RetryAfter))
	}
	m.render(w, r, Denial{statuses[denied.Kind], denied.Reason, denied.NextAction, denied.Retry, denied.Err})
}

// wholeSeconds is never too early (RFC 9110 section 10.2.3).
func wholeSeconds(span time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(span.Seconds())), 10)
}

func renderJSON(w http.ResponseWriter, _ *http.Request, denied Denial) {
	body, err := json.Marshal(struct {
		Error      string              `json:"error"`
		NextAction sessiond.NextAction `json:"next_action,omitempty"`
		Retry      bool                `json:"retry,omitempty"`
	}{denied.Reason, denied.NextAction, denied.Retry})
	if err != nil {
		panic(err) // texts can be encoded
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(denied.Status)
	_, _ = w.Write(append(body, '\n'))
}
