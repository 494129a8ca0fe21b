package dev.sessiond.spring;

import dev.sessiond.internal.denial.Denial;
import org.springframework.security.access.AccessDeniedException;

/** A token is good, and does not do for what was asked. */
final class PolicyDeniedException extends AccessDeniedException {
  private static final long serialVersionUID = 1L;

  private final transient Denial denial;

  PolicyDeniedException(Denial denial) {
    super(denial.reason());
    this.denial = denial;
  }

  Denial denial() {
    return denial;
  }
}
