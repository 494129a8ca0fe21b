package dev.sessiond.internal.denial;

import dev.sessiond.InvalidArgumentException;
import dev.sessiond.NextAction;
import dev.sessiond.Policy;
import dev.sessiond.Reason;
import dev.sessiond.Rejection;
import dev.sessiond.SessiondException;
import dev.sessiond.UnavailableException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;

/**
 * What a request is told that does not get through: the one decision behind every middleware. How
 * it is told is a table of each protocol.
 *
 * @param kind the row of that table
 * @param reason a name of {@link Reason} for a rejection, and one for the kind otherwise
 * @param nextAction null where the bearer's client can do nothing but repeat the request
 * @param challenges values of WWW-Authenticate
 * @param retryAfter when to come again; null where that is not the matter
 * @param retries says that the same request may be made again: its browser has newer cookies
 * @param error for logs; null where nothing failed
 */
public record Denial(
    Kind kind,
    String reason,
    NextAction nextAction,
    List<String> challenges,
    Duration retryAfter,
    boolean retries,
    Throwable error) {
  private static final System.Logger LOGGER = System.getLogger("dev.sessiond");
  private static final Duration LEAST_PAUSE = Duration.ofSeconds(1);
  private static final String INVALID_TOKEN = "Bearer error=\"invalid_token\"";

  /** For a request without a token (RFC 6750 section 3.1): no error, but what is required. */
  public static Denial ofMissing(Policy policy, boolean takesDpop) {
    String scopes = String.join(" ", policy.scopes());
    String parameters = scopes.isEmpty() ? "" : " scope=\"" + scopes + "\"";
    List<String> challenges =
        takesDpop
            ? List.of("Bearer" + parameters, "DPoP" + parameters)
            : List.of("Bearer" + parameters);
    return of(Kind.NO_CREDENTIALS, "NO_CREDENTIALS", NextAction.REAUTHENTICATE, challenges);
  }

  /** For a request of which it is not clear which token it means. */
  public static Denial ofInvalid() {
    return of(
        Kind.INVALID_REQUEST, "INVALID_REQUEST", null, List.of("Bearer error=\"invalid_request\""));
  }

  /** For a request that another site made a browser send. */
  public static Denial ofCrossSite() {
    return of(Kind.CROSS_SITE, "CROSS_SITE", NextAction.DENY, List.of());
  }

  /** For what nobody has said anything about. */
  public static Denial ofNoPolicy() {
    return of(Kind.NO_POLICY, "NO_POLICY", NextAction.DENY, List.of());
  }

  /** For a token that is not accepted. */
  public static Denial ofRejection(Rejection rejection) {
    boolean isInsufficient = rejection.reason() == Reason.SCOPE_INSUFFICIENT;
    // A 401 has a challenge (RFC 9110 section 15.5.2), whatever a newer server leaves out.
    String challenge =
        rejection.wwwAuthenticate().isEmpty() ? INVALID_TOKEN : rejection.wwwAuthenticate();
    return of(
        isInsufficient ? Kind.INSUFFICIENT : Kind.REJECTED,
        rejection.reason().name(),
        rejection.nextAction(),
        List.of(challenge));
  }

  /** For a refresh token that opens nothing. */
  public static Denial ofRefusal(String reason, NextAction nextAction, Throwable error) {
    return new Denial(
        Kind.REJECTED, reason, nextAction, List.of(INVALID_TOKEN), null, false, error);
  }

  /** For a refresh token that is not the newest: the browser that sent it has that by now. */
  public static Denial ofSuperseded(Throwable error) {
    return new Denial(
        Kind.REJECTED, "session_superseded", null, List.of(INVALID_TOKEN), null, true, error);
  }

  /** For what was not decided, and may be soon. */
  public static Denial ofUndecided() {
    return new Denial(Kind.UNAVAILABLE, "UNAVAILABLE", null, List.of(), LEAST_PAUSE, false, null);
  }

  /** For what a validator threw instead of a verdict. */
  public static Denial ofError(Throwable error) {
    if (error instanceof UnavailableException unavailable) {
      Duration told = unavailable.retryAfter();
      boolean isLong = told != null && told.compareTo(LEAST_PAUSE) > 0;
      Duration pause = isLong ? told : LEAST_PAUSE;
      return new Denial(Kind.UNAVAILABLE, "UNAVAILABLE", null, List.of(), pause, false, error);
    }
    if (error instanceof InvalidArgumentException invalid && invalid.field().startsWith("proof")) {
      return ofInvalid(); // it is the client's, not ours
    }
    return new Denial(Kind.MISCONFIGURED, "INTERNAL", null, List.of(), null, false, error);
  }

  /** The same with another action. */
  public Denial with(NextAction action) {
    return new Denial(kind, reason, action, challenges, retryAfter, retries, error);
  }

  /**
   * Tells the operator of what only the operator can mend. Of an error that is not the client's own
   * its class is told: its text may have anything in it.
   */
  public void log(String where) {
    if (kind != Kind.MISCONFIGURED && kind != Kind.NO_POLICY) {
      return;
    }
    String why = error == null ? "" : error.getClass().getName();
    LOGGER.log(
        Level.ERROR,
        "a request is refused because of this service''s own configuration: {0} {1} {2}",
        where,
        reason,
        error instanceof SessiondException failure ? failure.getMessage() : why);
  }

  private static Denial of(
      Kind kind, String reason, NextAction nextAction, List<String> challenges) {
    return new Denial(kind, reason, nextAction, challenges, null, false, null);
  }
}
