// Package sessiondhttp lets requests through to handlers of net/http only with a good access token.
//
//	protect := sessiondhttp.New(client)
//	orders := sessiond.Require(sessiond.Policy{Scopes: []string{"orders:read"}})
//	mux.Handle("GET /orders", protect.Require(orders)(handler))
//
// A handler finds who it is in the context of its request, by [sessiond.FromContext].
//
// The token is that of the Authorization header, never one of the query or the body. What a request is told
// that does not get through:
//
//	no token                                           401  WWW-Authenticate: Bearer, with the required scope
//	several tokens, or what has no token's form        400  WWW-Authenticate: Bearer error="invalid_request"
//	SCOPE_INSUFFICIENT                                 403  WWW-Authenticate as sessiond gives it
//	every other rejection, STEP_UP_REQUIRED among them 401  likewise
//	a cookie on a request that another site caused     403
//	no verdict for now                                 503  Retry-After, a second at least
//	what this service's operator has to mend           500  and an error in the log
//
// The body is {"error": REASON, "next_action": ACTION}, where there is an action, unless [WithRenderer] says
// otherwise; none of these may be stored by a cache.
//
// A [Browser] does the same for sites whose sessions browsers keep in cookies, and refreshes them.
package sessiondhttp
