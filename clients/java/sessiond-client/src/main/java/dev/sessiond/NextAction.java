package dev.sessiond;

/**
 * What the bearer's client can do about a rejection. One that is newer than this client is
 * UNSPECIFIED.
 */
public enum NextAction {
  UNSPECIFIED,
  /** Refresh the session, and try again. */
  REFRESH,
  /** Log in again. */
  REAUTHENTICATE,
  /** Log in again with what the challenge asks for. */
  STEP_UP,
  /** Nothing: this token will not do here. */
  DENY
}
