package dev.sessiond;

/** A defect of the server, or of what is between it and this client. */
public final class InternalException extends SessiondException {
  private static final long serialVersionUID = 1L;

  InternalException(Failure failure) {
    super(failure);
  }
}
