package dev.sessiond.internal.browser;

import dev.sessiond.NextAction;
import dev.sessiond.internal.denial.Denial;
import java.time.Duration;

/**
 * What follows from a request that brings no token but in cookies.
 *
 * @param outcome what becomes of it
 * @param change what becomes of its cookies
 * @param denial what it is told that is denied; null for any other
 */
public record Decision(Outcome outcome, Change change, Denial denial) {
  /**
   * How long a browser's cookies are taken for those that a request brought: a refusal that comes
   * later clears nothing, as somebody may have logged in meanwhile. A cookie is deleted by its
   * name, whatever its value.
   */
  private static final Duration LONGEST_WITHOUT_LOGIN = Duration.ofSeconds(1);

  /** What becomes of a request. */
  public enum Outcome {
    /** It goes on with a session. */
    SESSION,
    /** It goes on for nobody. */
    NOBODY,
    DENIED,
    /** It is redirected to itself. */
    SENT_BACK
  }

  /** The one decision. */
  public static Decision of(Presented request) {
    Count access = request.brought().access();
    if (access == Count.NONE && request.brought().refresh() == Count.NONE) {
      return ofNothing(request);
    }
    if (request.isCrossSite()) {
      return denied(Denial.ofCrossSite()); // before anything is asked, or spent
    }
    if (access == Count.SEVERAL) {
      return denied(Denial.ofInvalid());
    }
    if (access == Count.NONE) {
      return refreshed(request, request.missing());
    }
    Denial denial = request.validate();
    return denial != null && denial.nextAction() == NextAction.REFRESH
        ? refreshed(request, denial)
        : judged(request, denial, Change.KEEP);
  }

  private static Decision ofNothing(Presented request) {
    if (request.isOptional()) {
      return new Decision(Outcome.NOBODY, Change.KEEP, null);
    }
    Denial missing = request.missing();
    return denied(request.isRefreshedElsewhere() ? missing.with(NextAction.REFRESH) : missing);
  }

  /** For who may have a session, but no good access token, and what is told of that otherwise. */
  private static Decision refreshed(Presented request, Denial denial) {
    Count refresh = request.brought().refresh();
    if (refresh == Count.SEVERAL) {
      return denied(Denial.ofInvalid());
    }
    if (refresh == Count.NONE && !request.isRefreshedElsewhere()) {
      return judged(request, denial.with(NextAction.REAUTHENTICATE), Change.KEEP);
    }
    if (refresh == Count.NONE || request.isUpgrade()) {
      return denied(denial.with(NextAction.REFRESH));
    }
    Refreshed came = request.refresh();
    if (came.failed() != null) {
      return denied(came.failed());
    }
    return came.refusal() == null
        ? judged(request, request.validate(), Change.SET)
        : refused(request, came.refusal());
  }

  private static Decision refused(Presented request, Refusal refusal) {
    boolean isMarked = request.brought().isMarked();
    if (refusal.isSuperseded() && request.isNavigation() && !isMarked) {
      return new Decision(Outcome.SENT_BACK, Change.MARK, null);
    }
    return judged(request, refusal.denial(), changeBy(refusal, request));
  }

  /**
   * What becomes of the cookies of who was refused. One that is not marked may have been under way
   * for long, and somebody may have logged in since it was sent.
   */
  private static Change changeBy(Refusal refusal, Presented request) {
    if (!refusal.hasEnded()) {
      return Change.KEEP;
    }
    boolean isEarly = request.elapsed().compareTo(LONGEST_WITHOUT_LOGIN) <= 0;
    return request.brought().isMarked() && isEarly ? Change.CLEAR : Change.MARK;
  }

  /**
   * What follows from a verdict. A browser cannot leave its cookies out: where nobody has to be
   * known, one whose session has ended is nobody.
   */
  private static Decision judged(Presented request, Denial denial, Change change) {
    if (denial == null) {
      return new Decision(Outcome.SESSION, change, null);
    }
    boolean isNobody = request.isOptional() && denial.nextAction() == NextAction.REAUTHENTICATE;
    return isNobody
        ? new Decision(Outcome.NOBODY, change, null)
        : new Decision(Outcome.DENIED, change, denial);
  }

  private static Decision denied(Denial denial) {
    return new Decision(Outcome.DENIED, Change.KEEP, denial);
  }
}
