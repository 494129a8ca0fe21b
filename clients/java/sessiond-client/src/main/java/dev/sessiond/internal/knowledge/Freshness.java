package dev.sessiond.internal.knowledge;

import dev.sessiond.internal.clock.Reading;

/**
 * Says that everything revoked before {@code known} has been heard of, so that what is kept may be
 * repeated before {@code until}; {@code skew} is that of the clocks then. All are in nanoseconds of
 * the steady clock.
 */
public record Freshness(long known, long until, long skew) {
  /** The freshness of who knows nothing. */
  public static final Freshness STALE = new Freshness(Knowledge.NEVER, Knowledge.NEVER, 0);

  /** For how long one may still answer from memory, by the clock that has gone further. */
  public long left(Reading now) {
    return until - now.after(skew);
  }
}
