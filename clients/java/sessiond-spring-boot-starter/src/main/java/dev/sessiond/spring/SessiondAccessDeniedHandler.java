package dev.sessiond.spring;

import dev.sessiond.NextAction;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.web.access.AccessDeniedHandler;

/**
 * Tells a request whose token does not do for what it asks: by sessiond's own challenge where a
 * {@link RequirePolicy} asked, with a step-up where that would do, and as insufficient otherwise.
 */
public final class SessiondAccessDeniedHandler implements AccessDeniedHandler {
  private static final Rejection INSUFFICIENT =
      new Rejection(
          Reason.SCOPE_INSUFFICIENT,
          "the token may not do this",
          NextAction.DENY,
          "Bearer error=\"insufficient_scope\"");

  @Override
  public void handle(
      HttpServletRequest request, HttpServletResponse response, AccessDeniedException error)
      throws IOException {
    Denial denial =
        error instanceof PolicyDeniedException denied
            ? denied.denial()
            : Denial.ofRejection(INSUFFICIENT);
    Responses.write(request, response, denial);
  }
}
