package dev.sessiond.spring;

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
  @Override
  public void handle(
      HttpServletRequest request, HttpServletResponse response, AccessDeniedException error)
      throws IOException {
    Responses.write(request, response, Denials.ofDenied(error));
  }
}
