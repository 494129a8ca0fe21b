package dev.sessiond.internal.browser;

import dev.sessiond.NextAction;
import dev.sessiond.internal.denial.Denial;
import java.util.Set;

/**
 * Why a refresh token opens nothing.
 *
 * @param reason a name of the schema's ErrorReason
 * @param error null where no server was asked
 */
public record Refusal(String reason, Throwable error) {
  private static final String SUPERSEDED = "REFRESH_TOKEN_SUPERSEDED";
  private static final String UNPROVEN = "BINDING_MISMATCH";
  private static final String INVALID = "REFRESH_TOKEN_INVALID";

  /**
   * After these a refresh token is worth nothing for good. A reason that is newer than this client
   * may mean anything, and clears nothing.
   */
  private static final Set<String> ENDED =
      Set.of(
          INVALID,
          "REFRESH_TOKEN_REUSED",
          "SESSION_REVOKED",
          "SESSION_IDLE_TIMEOUT",
          "SESSION_LIFETIME_EXCEEDED",
          "PROVIDER_REFUSED");

  /** For a refresh token that no server need be asked about. */
  static Refusal ofNoForm() {
    return new Refusal(INVALID, null);
  }

  /** Whether the session has ended, or never was. */
  boolean hasEnded() {
    return ENDED.contains(reason);
  }

  /** Whether the browser has newer cookies by now. */
  boolean isSuperseded() {
    return reason.equals(SUPERSEDED);
  }

  Denial denial() {
    if (isSuperseded()) {
      return Denial.ofSuperseded(error);
    }
    NextAction action = reason.equals(UNPROVEN) ? NextAction.DENY : NextAction.REAUTHENTICATE;
    return Denial.ofRefusal(reason, action, error);
  }
}
