package dev.sessiond;

import io.grpc.Status;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Which failed calls of a method are made again.
 *
 * @param attempts how often a call is made at most
 * @param within how long after the first attempt the last may begin, in nanoseconds
 * @param onlyIfAnswered leaves out calls whose answer was lost, and which may have been carried out
 */
record Repeats(int attempts, long within, boolean onlyIfAnswered) {
  private static final int MOST_ATTEMPTS = 3;
  private static final long FIRST = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long LONGEST = TimeUnit.MILLISECONDS.toNanos(500);
  // The grace of a refresh token is 10 s unless configured.
  private static final long WITHIN_GRACE = Duration.ofSeconds(8).toNanos();

  /** What is asked may be asked again, and what has ended is not ended twice. */
  static final Repeats IDEMPOTENT = new Repeats(MOST_ATTEMPTS, Long.MAX_VALUE, false);

  static final Repeats ONCE = new Repeats(1, Long.MAX_VALUE, false);

  /**
   * Those of a refresh. A DPoP proof is good once (RFC 9449 section 11.1): an attempt whose answer
   * was lost may have spent it.
   */
  static Repeats ofRefresh(Proof proof) {
    return new Repeats(MOST_ATTEMPTS, WITHIN_GRACE, proof instanceof DpopProof);
  }

  /**
   * For how many nanoseconds to wait before the next attempt, if there is to be one. What sessiond
   * says is obeyed.
   *
   * @param made how many attempts there were
   * @param elapsed nanoseconds since the first began
   */
  OptionalLong pause(Failure failure, int made, long elapsed) {
    boolean isLost = !failure.isAnswered();
    if (failure.code() != Status.Code.UNAVAILABLE
        || made >= attempts
        || (onlyIfAnswered && isLost)) {
      return OptionalLong.empty();
    }
    long longest = Math.min(LONGEST, FIRST << (made - 1));
    long pause = longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2);
    if (!isLost && failure.retryAfter() != null) {
      pause = failure.retryAfter().toNanos();
    }
    return elapsed + pause < within ? OptionalLong.of(pause) : OptionalLong.empty();
  }
}
