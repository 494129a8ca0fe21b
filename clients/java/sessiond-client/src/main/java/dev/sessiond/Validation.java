package dev.sessiond;

import java.time.Duration;

/**
 * A verdict that was given.
 *
 * @param outcome how it was found
 * @param reason that of a rejection; null where the token was accepted
 * @param duration how long it took
 */
public record Validation(Outcome outcome, Reason reason, Duration duration) {
  /** Whether the token was accepted. */
  public boolean isAccepted() {
    return reason == null;
  }
}
