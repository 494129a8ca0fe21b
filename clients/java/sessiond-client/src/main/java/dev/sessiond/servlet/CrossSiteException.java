package dev.sessiond.servlet;

/** Another site may have caused a request. */
public final class CrossSiteException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CrossSiteException() {
    super("another site may have caused this request");
  }
}
