package dev.sessiond;

/** Why something is revoked. */
public enum Cause {
  LOGOUT,
  ADMIN,
  COMPROMISE,
  POLICY
}
