package dev.sessiond.internal.denial;

/** A row of the tables of statuses. */
public enum Kind {
  NO_CREDENTIALS,
  INVALID_REQUEST,
  CROSS_SITE,
  /** Nothing says who may do this. */
  NO_POLICY,
  INSUFFICIENT,
  REJECTED,
  UNAVAILABLE,
  /** Nobody but the operator can do anything about it. */
  MISCONFIGURED
}
