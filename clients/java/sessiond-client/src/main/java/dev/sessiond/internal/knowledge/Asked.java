package dev.sessiond.internal.knowledge;

import dev.sessiond.internal.clock.Reading;

/**
 * When a call was sent, and in which epoch of what is known. It is taken before the call is made.
 */
public record Asked(Reading at, long epoch) {
  /** How many nanoseconds it is to a later one, by the clock that has gone further. */
  public long until(Asked later) {
    return Math.max(later.at.steady() - at.steady(), later.at.wall() - at.wall());
  }
}
