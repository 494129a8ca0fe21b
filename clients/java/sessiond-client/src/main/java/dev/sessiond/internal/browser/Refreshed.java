package dev.sessiond.internal.browser;

import dev.sessiond.RefreshRefusedException;
import dev.sessiond.internal.denial.Denial;

/**
 * What came of a refresh: tokens, where both are null.
 *
 * @param refusal why the refresh token opens nothing
 * @param failed what is told where nothing was decided
 */
public record Refreshed(Refusal refusal, Denial failed) {
  /** For tokens. */
  public static Refreshed done() {
    return new Refreshed(null, null);
  }

  /** For a refresh token that no server need be asked about. */
  public static Refreshed ofNoForm() {
    return new Refreshed(Refusal.ofNoForm(), null);
  }

  /** For what was thrown instead of tokens. */
  public static Refreshed ofError(Throwable error) {
    return error instanceof RefreshRefusedException refused
        ? new Refreshed(new Refusal(refused.reason(), refused), null)
        : new Refreshed(null, Denial.ofError(error));
  }

  /** For a refresh that was not made, or of which the caller did not hear. */
  public static Refreshed ofUndecided() {
    return new Refreshed(null, Denial.ofUndecided());
  }
}
