package dev.sessiond;

/** The server does not carry this out. */
public final class UnsupportedException extends SessiondException {
  private static final long serialVersionUID = 1L;

  UnsupportedException(Failure failure) {
    super(failure);
  }
}
