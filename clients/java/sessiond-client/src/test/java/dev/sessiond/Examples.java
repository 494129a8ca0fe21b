package dev.sessiond;

import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;

/** Sessions, tokens and failures for tests. */
public final class Examples {
  private Examples() {}

  /** A session of alice. */
  public static Session session() {
    return session("alice");
  }

  /** A session of a subject. */
  public static Session session(String subject) {
    return session(subject, "");
  }

  /** A session of a subject by its id. */
  public static Session session(String subject, String sessionId) {
    ValidateTokenResponse.Builder answer = ValidateTokenResponse.newBuilder();
    answer
        .getSessionBuilder()
        .setPrincipal("sdp_" + subject)
        .setSubject(subject)
        .setSessionId(sessionId);
    return (Session) Results.verdict(answer.build());
  }

  /** By what a revocation names what it ends. */
  public static RevokeSessionRequest.TargetCase kindOf(Target target) {
    RevokeSessionRequest.Builder request = RevokeSessionRequest.newBuilder();
    target.applyTo(request);
    return request.getTargetCase();
  }

  /** Tokens that expire nobody knows when. */
  public static Tokens tokens(String accessToken, String refreshToken) {
    return new Tokens(accessToken, null, refreshToken, null, session(), false);
  }

  /** Says that a refresh token opens nothing. */
  public static SessiondException refused(String reason) {
    return failure(Status.Code.UNAUTHENTICATED, reason, null);
  }

  /** Says that nothing was decided. */
  public static SessiondException unavailable(Duration retryAfter) {
    return failure(Status.Code.UNAVAILABLE, "STORE_UNAVAILABLE", retryAfter);
  }

  /** Says that the caller may not do this. */
  public static SessiondException permissionDenied() {
    return failure(Status.Code.PERMISSION_DENIED, "PERMISSION_DENIED", null);
  }

  private static SessiondException failure(Status.Code code, String reason, Duration retryAfter) {
    return new Failure(code, "for a test", reason, Map.of(), retryAfter, false).toException();
  }
}
