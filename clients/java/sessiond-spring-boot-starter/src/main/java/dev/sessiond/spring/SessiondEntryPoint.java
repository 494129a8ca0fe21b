package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.internal.denial.Denial;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.web.AuthenticationEntryPoint;

/** Tells a request without a good token what it needs: sessiond's own challenge, or a 503. */
public final class SessiondEntryPoint implements AuthenticationEntryPoint {
  @Override
  public void commence(
      HttpServletRequest request, HttpServletResponse response, AuthenticationException error)
      throws IOException {
    Denial denial =
        error instanceof DenialException denied
            ? denied.denial()
            : Denial.ofMissing(Policy.NOTHING, false);
    Responses.write(request, response, denial);
  }
}
