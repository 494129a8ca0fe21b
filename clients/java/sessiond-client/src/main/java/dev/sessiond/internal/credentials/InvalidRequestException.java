package dev.sessiond.internal.credentials;

/** Says that a token was meant, but not which: RFC 6750 section 3.1 calls it invalid_request. */
public final class InvalidRequestException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidRequestException() {
    super("the request has several tokens, or one that is not of the form of a token");
  }
}
