package dev.sessiond.internal.browser;

/** What becomes of a browser's cookies. */
public enum Change {
  KEEP,
  SET,
  CLEAR,
  /** They stay, and the browser is told which refresh token the answer is about. */
  MARK
}
