package dev.sessiond.internal.knowledge;

/**
 * What is known of an acceptance that may be kept: whether every later revocation is heard of, as
 * long as there is a watch, and the sequence up to which nothing hits it.
 */
public record Standing(boolean isCovered, long sequence) {}
