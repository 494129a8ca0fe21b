package dev.sessiond.internal.clock;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The two clocks by which it is reckoned for how long something may be repeated.
 *
 * <p>Java's own steady clock stands still while the machine is suspended. How long that was is asked of the
 * system by {@link #exact}, and added to what {@link #now} reads from then on.
 */
public final class Clock {
  /** The clock of this process. */
  public static final Clock SYSTEM = new Clock();

  private static final long NANOS_PER_MILLI = 1_000_000;
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private final AtomicLong slept = new AtomicLong();
  // By how much a test has moved the clocks.
  private final AtomicLong steadyAhead = new AtomicLong();
  private final AtomicLong wallAhead = new AtomicLong();

  /** Reads quickly, and has missed what was slept since {@link #exact}. The wall clock shows that. */
  public Reading now() {
    long wall = System.currentTimeMillis() * NANOS_PER_MILLI;
    return new Reading(System.nanoTime() + slept.get() + steadyAhead.get(), wall + wallAhead.get());
  }

  /** Has missed nothing, where the system has a clock for it. */
  public Reading exact() {
    long found = Sleep.nanos();
    if (found > 0) {
      slept.accumulateAndGet(found, Math::max);
    }
    Instant wall = Instant.now();
    long nanos = wall.getEpochSecond() * NANOS_PER_SECOND + wall.getNano();
    return new Reading(System.nanoTime() + slept.get() + steadyAhead.get(), nanos + wallAhead.get());
  }

  /** Takes the clocks for moved by so many nanoseconds from now on, for tests. */
  public void move(long steady, long wall) {
    steadyAhead.addAndGet(steady);
    wallAhead.addAndGet(wall);
  }
}
