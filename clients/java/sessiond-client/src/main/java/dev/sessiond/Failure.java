package dev.sessiond;

import io.grpc.Status;
import java.io.Serializable;
import java.time.Duration;
import java.util.Map;

/** What became of a call that has no answer; of it an exception is made for each who waited. */
record Failure(
    Status.Code code,
    String message,
    String reason,
    Map<String, String> metadata,
    Duration retryAfter,
    boolean isOurs)
    implements Serializable {
  private static final Duration PASSING = Duration.ofMillis(500);

  /** One that sessiond says nothing of. */
  static Failure of(Status.Code code, String message) {
    return new Failure(code, message, "", Map.of(), null, false);
  }

  /** This side has ended a call: its caller left, or the client was closed. */
  static Failure givenUp() {
    return new Failure(Status.Code.CANCELLED, "the call was given up", "", Map.of(), null, true);
  }

  static Failure timeOver() {
    return of(Status.Code.DEADLINE_EXCEEDED, "the time of the call is over");
  }

  static Failure miscounted() {
    return of(Status.Code.INTERNAL, "the answer has not one result for each token");
  }

  /** What a call about one token fails with where rejected tokens are too many. */
  static Failure rateLimited(Duration retryAfter) {
    return new Failure(
        Status.Code.RESOURCE_EXHAUSTED,
        "this was done too often",
        "RATE_LIMITED",
        Map.of(),
        retryAfter,
        false);
  }

  /** Whether the answer was sessiond's, if it was no success. */
  boolean isAnswered() {
    return !reason.isEmpty();
  }

  String text() {
    return isAnswered() ? code + " (" + reason + "): " + message : code + ": " + message;
  }

  /** The exception by the meaning of the code. */
  SessiondException toException() {
    return switch (code) {
      // gRPC cancels by itself where too many calls come at once.
      case CANCELLED -> isOurs ? new SessiondException(this) : new UnavailableException(passing());
      case UNAVAILABLE -> new UnavailableException(passing());
      case DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED -> new UnavailableException(this);
      // A proxy's word is about the caller's own credentials: it logs nobody out.
      case UNAUTHENTICATED ->
          isAnswered() ? new RefreshRefusedException(this) : new SessiondException(this);
      case INVALID_ARGUMENT -> new InvalidArgumentException(this);
      case FAILED_PRECONDITION -> new LoginRefusedException(this);
      case NOT_FOUND -> new NotFoundException(this);
      case PERMISSION_DENIED -> new PermissionDeniedException(this);
      case UNIMPLEMENTED -> new UnsupportedException(this);
      case INTERNAL -> new InternalException(this);
      default -> new SessiondException(this);
    };
  }

  /** What is worth repeating, a little later where nobody says when. */
  private Failure passing() {
    return retryAfter == null
        ? new Failure(code, message, reason, metadata, PASSING, isOurs)
        : this;
  }
}
