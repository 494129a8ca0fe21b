package dev.sessiond.internal.clock;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The two clocks by which it is reckoned for how long something may be repeated. Java's steady
 * clock stands still while the machine is suspended, and it has no other: then the wall clock shows
 * it.
 */
public final class Clock {
  /** The clock of this process. */
  public static final Clock SYSTEM = new Clock();

  private static final long NANOS_PER_SECOND = 1_000_000_000;

  // By how much a test has moved the clocks.
  private final AtomicLong steadyAhead = new AtomicLong();
  private final AtomicLong wallAhead = new AtomicLong();

  /** Reads both clocks. */
  public Reading now() {
    Instant wall = Instant.now();
    long nanos = wall.getEpochSecond() * NANOS_PER_SECOND + wall.getNano();
    return new Reading(System.nanoTime() + steadyAhead.get(), nanos + wallAhead.get());
  }

  /** Takes the clocks for moved by so many nanoseconds from now on, for tests. */
  public void move(long steady, long wall) {
    steadyAhead.addAndGet(steady);
    wallAhead.addAndGet(wall);
  }
}
