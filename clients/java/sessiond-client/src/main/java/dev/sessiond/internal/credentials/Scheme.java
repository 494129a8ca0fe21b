package dev.sessiond.internal.credentials;

/** How a token was presented. */
public enum Scheme {
  /** As RFC 6750 has it. */
  BEARER,
  /** As RFC 9449 has it. */
  DPOP,
  /** By a browser, whoever made it do so. */
  COOKIE
}
