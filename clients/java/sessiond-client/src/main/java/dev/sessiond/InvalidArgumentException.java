package dev.sessiond;

/** A field has a value that the server does not allow. */
public final class InvalidArgumentException extends SessiondException {
  private static final long serialVersionUID = 1L;

  InvalidArgumentException(Failure failure) {
    super(failure);
  }

  /** Which field; empty where the message as a whole could not be read. */
  public String field() {
    return metadata().getOrDefault("field", "");
  }
}
