package dev.sessiond;

/** No live session has the id. */
public final class NotFoundException extends SessiondException {
  private static final long serialVersionUID = 1L;

  NotFoundException(Failure failure) {
    super(failure);
  }
}
