package dev.sessiond;

import java.time.Duration;

/**
 * Says that there is no verdict on one token of many for now: it is not accepted, nor does its user
 * have to log in.
 *
 * @param reason as that of a {@link SessiondException}: KEYS_UNAVAILABLE or RATE_LIMITED
 * @param retryAfter when the token may be asked about again
 */
public record Undecided(String reason, Duration retryAfter) implements BatchVerdict {}
