package dev.sessiond;

import io.grpc.Status;
import java.time.Duration;

/**
 * A call to a server that was made, or refused, or failed.
 *
 * @param method such as {@code ValidateToken}
 * @param code how it ended
 * @param reason as in a {@link SessiondException}; empty where there is none
 * @param duration how long it took, with all attempts
 * @param attempts how often it was tried
 */
public record Call(
    String method, Status.Code code, String reason, Duration duration, int attempts) {}
