package dev.sessiond.spring;

import dev.sessiond.internal.denial.Presented;
import java.util.List;
import org.springframework.security.authentication.AbstractAuthenticationToken;

/** What a request presents, before anybody was asked about it. It shows none of it to others. */
final class PresentedToken extends AbstractAuthenticationToken {
  private static final long serialVersionUID = 1L;

  private final transient Presented presented;

  PresentedToken(Presented presented) {
    super(List.of());
    this.presented = presented;
  }

  Presented presented() {
    return presented;
  }

  @Override
  public Object getPrincipal() {
    return "";
  }

  @Override
  public Object getCredentials() {
    return "";
  }
}
