package dev.sessiond.servlet;

/** An access token fits in no cookie, or not in as many as are allowed. */
public final class CookieTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int bytes;

  CookieTooLargeException(int bytes) {
    super(
        "the access token has "
            + bytes
            + " bytes, and a cookie 4096 with its attributes: let the provider put less into it,"
            + " or use splitCookies");
    this.bytes = bytes;
  }

  /** How large the token is. */
  public int bytes() {
    return bytes;
  }
}
