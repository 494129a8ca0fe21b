package dev.sessiond.internal.watch;

import dev.sessiond.internal.knowledge.Knowledge;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;

/** Has a stream replaced that is late for long: a delay while it was opened stays for its life. */
final class Lateness {
  /** How far clocks may be apart that have not jumped, or stood still. */
  static final long MOST_DISAGREEMENT = TimeUnit.SECONDS.toNanos(1);

  private static final int LATE_IN_A_ROW = 3;
  private static final long FIRST_PAUSE = TimeUnit.SECONDS.toNanos(1);
  private static final long LAST_PAUSE = TimeUnit.SECONDS.toNanos(30);

  private final DoubleSupplier random;
  private long pause = FIRST_PAUSE;
  private long replaceFrom = Knowledge.NEVER;

  Lateness(DoubleSupplier random) {
    this.random = random;
  }

  void judge(Stream stream, boolean isLate, long now) {
    if (!isLate) {
      stream.late = 0;
      pause = FIRST_PAUSE;
      return;
    }
    stream.late++;
    if (stream.late >= LATE_IN_A_ROW && now >= replaceFrom) {
      stream.late = 0;
      stream.replaceAt = now;
      putOff(now);
    }
  }

  /** When the next replacement may be opened, as this one proved no better or is tried now. */
  long putOff(long now) {
    replaceFrom = now + stretched(pause);
    pause = Math.min(LAST_PAUSE, 2 * pause);
    return replaceFrom;
  }

  /** A span that is up to a tenth longer, so that not all come at once. */
  long stretched(long span) {
    return span + (long) (span * random.getAsDouble() / 10);
  }
}
