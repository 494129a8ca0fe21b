package dev.sessiond;

import java.time.Duration;

/**
 * How something is to be revoked.
 *
 * @param cause why
 * @param note a remark for the server's log, of at most 256 bytes
 * @param timeout a time of its own for the call, instead of the client's; null for none
 */
public record RevokeOptions(Cause cause, String note, Duration timeout) {
  /** A logout, without a remark. */
  public static final RevokeOptions DEFAULT = new RevokeOptions(Cause.LOGOUT, "", null);

  /** The same, with another cause. */
  public RevokeOptions with(Cause other) {
    return new RevokeOptions(other, note, timeout);
  }

  /** The same, with another remark. */
  public RevokeOptions withNote(String other) {
    return new RevokeOptions(cause, other, timeout);
  }
}
