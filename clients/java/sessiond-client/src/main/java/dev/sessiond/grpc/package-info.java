/**
 * Lets calls through to services of grpc-java only with a good access token, that of the metadata
 * {@code authorization}. What a call is told that does not get through:
 *
 * <pre>
 * no token, or several                               UNAUTHENTICATED    www-authenticate, in the trailers
 * SCOPE_INSUFFICIENT                                 PERMISSION_DENIED  likewise
 * every other rejection, STEP_UP_REQUIRED among them UNAUTHENTICATED    likewise
 * a method that nothing is said about                PERMISSION_DENIED  and an error in the log
 * no verdict for now                                 UNAVAILABLE        RetryInfo, a second at least
 * what this service's operator has to mend           INTERNAL           and an error in the log
 * </pre>
 */
package dev.sessiond.grpc;
