package dev.sessiond.spring;

import dev.sessiond.NextAction;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.internal.denial.Denial;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.core.AuthenticationException;

/** What Spring's exceptions say of a request, of servlets and of WebFlux. */
final class Denials {
  private static final Rejection INSUFFICIENT =
      new Rejection(
          Reason.SCOPE_INSUFFICIENT,
          "the token may not do this",
          NextAction.DENY,
          "Bearer error=\"insufficient_scope\"");

  private Denials() {}

  /** Of a request that nobody authenticated; one without a token is told what is missing. */
  static Denial ofMissing(AuthenticationException error, Denial missing) {
    return error instanceof DenialException denied ? denied.denial() : missing;
  }

  /** Of a request whose token is good, and does not do. */
  static Denial ofDenied(AccessDeniedException error) {
    return error instanceof PolicyDeniedException denied
        ? denied.denial()
        : Denial.ofRejection(INSUFFICIENT);
  }
}
