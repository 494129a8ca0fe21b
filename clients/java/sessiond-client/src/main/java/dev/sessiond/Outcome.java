package dev.sessiond;

/** How a validation was answered. */
public enum Outcome {
  /** From memory. */
  HIT,
  /** By a call of its own, alone or among others. */
  MISS,
  /** By a call for the same token that was under way. */
  JOINED,
  /** By a call past what is kept: with a proof or a consistency of its own. */
  BYPASSED
}
