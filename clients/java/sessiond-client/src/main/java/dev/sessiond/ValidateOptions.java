package dev.sessiond;

import java.time.Duration;

/**
 * How one token, or many at once, are to be validated.
 *
 * @param consistency how fresh the knowledge of revocations behind the verdict must be
 * @param proof shows the key that the token is bound to; null for none
 * @param timeout a time of its own for the call, instead of the client's; null for none. It is not
 *     shared with others then
 */
public record ValidateOptions(Consistency consistency, Proof proof, Duration timeout) {
  /** Nothing in particular: from memory, or by a call that others may share. */
  public static final ValidateOptions DEFAULT = new ValidateOptions(Consistency.CACHED, null, null);

  /** Asks past the memory of the client. */
  public static final ValidateOptions SERVER = DEFAULT.with(Consistency.SERVER);

  /** Asks for everything that was revoked before the call. */
  public static final ValidateOptions STRICT = DEFAULT.with(Consistency.STRICT);

  /** The same, with another consistency. */
  public ValidateOptions with(Consistency other) {
    return new ValidateOptions(other, proof, timeout);
  }

  /** The same, with another proof. */
  public ValidateOptions with(Proof other) {
    return new ValidateOptions(consistency, other, timeout);
  }

  /** The same, with another time. */
  public ValidateOptions with(Duration other) {
    return new ValidateOptions(consistency, proof, other);
  }

  /** Whether an answer is for this caller alone, and neither kept nor shared. */
  boolean isForOne() {
    return consistency != Consistency.CACHED || proof != null;
  }
}
