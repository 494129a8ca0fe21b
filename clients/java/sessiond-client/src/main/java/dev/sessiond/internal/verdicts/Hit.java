package dev.sessiond.internal.verdicts;

/**
 * A verdict that may be repeated for {@code cacheFor} nanoseconds. That is counted anew: a stored
 * span, repeated, would add up from cache to cache.
 */
public record Hit<V>(V value, long cacheFor) {}
