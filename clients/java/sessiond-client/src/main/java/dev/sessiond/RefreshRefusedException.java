package dev.sessiond;

/** A refresh token opens nothing. */
public final class RefreshRefusedException extends SessiondException {
  private static final long serialVersionUID = 1L;

  RefreshRefusedException(Failure failure) {
    super(failure);
  }

  /**
   * Whether the session goes on all the same, so that nobody has to log in again: a newer refresh
   * token was given out for this one, or the proof of possession was not right.
   */
  public boolean sessionLives() {
    return reason().equals("REFRESH_TOKEN_SUPERSEDED") || reason().equals("BINDING_MISMATCH");
  }
}
