package dev.sessiond.spring;

import dev.sessiond.internal.denial.Denial;
import org.springframework.security.core.AuthenticationException;

/**
 * A request does not get through by its token. Spring would tell of an
 * AuthenticationServiceException by a 500, where it is to be a 503.
 */
final class DenialException extends AuthenticationException {
  private static final long serialVersionUID = 1L;

  private final transient Denial denial;

  DenialException(Denial denial) {
    super(denial.reason());
    this.denial = denial;
  }

  Denial denial() {
    return denial;
  }
}
