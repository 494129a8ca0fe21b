package dev.sessiond;

import io.grpc.Status;
import java.time.Duration;
import java.util.Map;

/**
 * A call that was refused or that failed. Each has a class by its meaning, such as {@link
 * UnavailableException}; what has none is of this class. No token and no key is in it.
 */
public class SessiondException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Failure failure;

  SessiondException(Failure failure) {
    super(failure.text());
    this.failure = failure;
  }

  /** How the call ended. */
  public Status.Code code() {
    return failure.code();
  }

  /**
   * A name of the schema's {@code ErrorReason} without its prefix, such as STORE_UNAVAILABLE; empty
   * where the answer did not come from sessiond.
   */
  public String reason() {
    return failure.reason();
  }

  /** What sessiond says beside the reason, by name. */
  public Map<String, String> metadata() {
    return failure.metadata();
  }

  /** When the same call may be repeated; null where waiting has no use. */
  public Duration retryAfter() {
    return failure.retryAfter();
  }

  /** The same for another caller, whose stack it has. */
  SessiondException again() {
    return failure.toException();
  }
}
