package dev.sessiond.internal.clock;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** For how long the machine has slept since this process began, as far as the system tells. */
final class Sleep {
  // Its first number is in seconds since boot, with two decimals, and counts suspend.
  private static final Path UPTIME = Path.of("/proc/uptime");
  private static final long NANOS_PER_SECOND = 1_000_000_000;
  // The number of the system is rounded, and what is shorter needs no care.
  private static final long LEAST = NANOS_PER_SECOND / 20;
  private static final long UNKNOWN = Long.MIN_VALUE;
  private static final long AT_START = ahead();

  private Sleep() {}

  /** Zero for what was too short, or is not known: then the wall clock has to show it. */
  static long nanos() {
    if (AT_START == UNKNOWN) {
      return 0;
    }
    long ahead = ahead();
    return ahead == UNKNOWN || ahead - AT_START < LEAST ? 0 : ahead - AT_START;
  }

  /** By how much the clock that counts suspend is ahead of the one that does not. */
  private static long ahead() {
    try {
      String text = Files.readString(UPTIME, StandardCharsets.US_ASCII);
      double seconds = Double.parseDouble(text.substring(0, text.indexOf(' ')));
      return (long) (seconds * NANOS_PER_SECOND) - System.nanoTime();
    } catch (IOException | RuntimeException error) {
      return UNKNOWN;
    }
  }
}
