package dev.sessiond;

/** What a login produced does not open a session. */
public final class LoginRefusedException extends SessiondException {
  private static final long serialVersionUID = 1L;

  LoginRefusedException(Failure failure) {
    super(failure);
  }

  /** Why: a {@link Reason}, or one more of those that LOGIN_REFUSED documents; empty if unknown. */
  public String rejection() {
    return metadata().getOrDefault("rejection", "");
  }
}
