package dev.sessiond;

/** This caller may not do this. It says nothing of the end user's token. */
public final class PermissionDeniedException extends SessiondException {
  private static final long serialVersionUID = 1L;

  PermissionDeniedException(Failure failure) {
    super(failure);
  }
}
