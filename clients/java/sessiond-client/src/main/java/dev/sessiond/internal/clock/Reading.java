package dev.sessiond.internal.clock;

/**
 * One moment by both clocks, in nanoseconds: {@code steady} since some moment, {@code wall} since
 * 1970.
 */
public record Reading(long steady, long wall) {
  /** By how much the wall clock is ahead of the steady one. */
  public long skew() {
    return wall - steady;
  }

  /**
   * A steady time by the clock that has gone further since the skew was taken: a steady clock may
   * have stood still while the machine slept, and a wall clock may have been set back.
   */
  public long after(long skew) {
    return Math.max(steady, wall - skew);
  }
}
