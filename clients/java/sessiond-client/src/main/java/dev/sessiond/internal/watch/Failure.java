package dev.sessiond.internal.watch;

import io.grpc.Status;

/**
 * What ended a stream, or kept it from being opened. {@code reason} is sessiond's own, and empty
 * otherwise; {@code retryAfter} is in nanoseconds, and negative where nobody says when.
 */
public record Failure(Status.Code code, String reason, long retryAfter) {
  boolean isRefusal() {
    return code == Status.Code.UNIMPLEMENTED
        || code == Status.Code.PERMISSION_DENIED
        || reason.equals("WATCHERS_EXHAUSTED");
  }
}
