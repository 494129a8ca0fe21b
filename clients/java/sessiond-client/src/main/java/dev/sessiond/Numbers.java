package dev.sessiond;

import java.time.Duration;

/**
 * What a client has done so far, and what it keeps now.
 *
 * @param hits validations that were answered from memory
 * @param misses validations that were answered by a call of their own
 * @param joined validations that were answered by a call that was under way
 * @param bypassed validations that went past what is kept
 * @param entries what is kept
 * @param evicted what had to go because there was more
 * @param reconnects streams of revocations that were opened because one had ended
 * @param watchAge how long ago everything that was revoked was known; null where nothing is
 */
public record Numbers(
    long hits,
    long misses,
    long joined,
    long bypassed,
    int entries,
    long evicted,
    long reconnects,
    Duration watchAge) {}
