/**
 * Lets requests through to servlets only with a good access token.
 *
 * <p>The token is that of the Authorization header, never one of the query or the body. What a
 * request is told that does not get through:
 *
 * <pre>
 * no token                                           401  WWW-Authenticate: Bearer, with the scope
 * several tokens, or what has no token's form        400  Bearer error="invalid_request"
 * SCOPE_INSUFFICIENT                                 403  WWW-Authenticate as sessiond gives it
 * every other rejection, STEP_UP_REQUIRED among them 401  likewise
 * a cookie on a request that another site caused     403
 * no verdict for now                                 503  Retry-After, a second at least
 * what this service's operator has to mend           500  and an error in the log
 * </pre>
 *
 * <p>The body is {@code {"error": REASON, "next_action": ACTION}}, where there is an action, unless
 * a {@link dev.sessiond.servlet.DenialRenderer} says otherwise; none of these may be stored by a
 * cache.
 *
 * <p>{@link dev.sessiond.servlet.BrowserSessions} keeps browsers' sessions in cookies, and
 * refreshes them within their requests.
 */
package dev.sessiond.servlet;
