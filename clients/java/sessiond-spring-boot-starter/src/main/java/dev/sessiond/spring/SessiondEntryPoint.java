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
  private final Denial missing;

  /** Says of a request without a token that it needs one. */
  public SessiondEntryPoint() {
    this(Denial.ofMissing(Policy.NOTHING, false));
  }

  /** Says of a request without a token what is given. */
  SessiondEntryPoint(Denial missing) {
    this.missing = missing;
  }

  @Override
  public void commence(
      HttpServletRequest request, HttpServletResponse response, AuthenticationException error)
      throws IOException {
    Responses.write(request, response, Denials.ofMissing(error, missing));
  }
}
