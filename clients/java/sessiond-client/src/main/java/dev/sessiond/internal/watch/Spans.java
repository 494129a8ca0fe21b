package dev.sessiond.internal.watch;

import com.google.protobuf.Duration;

/** Spans of messages, in nanoseconds. */
public final class Spans {
  private static final long NANOS_PER_SECOND = 1_000_000_000;
  private static final long MOST_SECONDS = 1_000_000_000;

  private Spans() {}

  /** A span of either sign; one of more than thirty years is taken for thirty years. */
  public static long nanos(Duration span) {
    long seconds = Math.max(-MOST_SECONDS, Math.min(MOST_SECONDS, span.getSeconds()));
    return seconds * NANOS_PER_SECOND + span.getNanos();
  }
}
