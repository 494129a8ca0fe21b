package dev.sessiond;

import java.util.OptionalInt;

/**
 * What a revocation did: a validation at {@code revision} or later is REVOKED.
 *
 * @param revision how far the log of revocations had come by it
 * @param sessionsEnded how many live sessions ended; empty where they were not counted
 */
public record RevocationResult(String revision, OptionalInt sessionsEnded) {}
