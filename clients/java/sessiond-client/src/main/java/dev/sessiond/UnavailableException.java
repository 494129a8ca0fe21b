package dev.sessiond;

/**
 * Nothing was decided: repeat the same call, after {@link #retryAfter} where that is set. It is
 * null where waiting has no use: where the time of the call was over, or the request was too large.
 */
public final class UnavailableException extends SessiondException {
  private static final long serialVersionUID = 1L;

  UnavailableException(Failure failure) {
    super(failure);
  }
}
