package dev.sessiond;

import com.google.protobuf.Timestamp;
import dev.sessiond.internal.watch.Spans;
import dev.sessiond.v1.RevokeSessionResponse;
import dev.sessiond.v1.ValidateTokenResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** What a server answers, as values. */
final class Results {
  private Results() {}

  /**
   * What was said of a token; no verdict, or one of a kind that is not known here, is a rejection.
   */
  static Verdict verdict(ValidateTokenResponse response) {
    if (!response.hasSession()) {
      return rejection(response.getRejection());
    }
    Duration cacheFor = response.hasCacheFor() ? span(response.getCacheFor()) : null;
    return session(response.getSession(), cacheFor, response.getStale());
  }

  static BatchVerdict batchVerdict(ValidateTokenResponse response) {
    if (!response.hasUndecided()) {
      return verdict(response);
    }
    dev.sessiond.v1.Undecided undecided = response.getUndecided();
    String reason = Names.of(undecided.getReason(), "ERROR_REASON_");
    return new Undecided(reason, span(undecided.getRetryAfter()));
  }

  static Tokens tokens(dev.sessiond.v1.Tokens message, boolean replayed) {
    return new Tokens(
        message.getAccessToken(),
        message.hasAccessExpireTime() ? time(message.getAccessExpireTime()) : null,
        message.getRefreshToken(),
        message.hasRefreshExpireTime() ? time(message.getRefreshExpireTime()) : null,
        session(message.getSession(), null, false),
        replayed);
  }

  static RevocationResult revocation(RevokeSessionResponse response) {
    return new RevocationResult(
        response.getRevision(),
        response.hasSessionsEnded()
            ? OptionalInt.of(response.getSessionsEnded())
            : OptionalInt.empty());
  }

  static SessionRecord record(dev.sessiond.v1.SessionRecord message) {
    dev.sessiond.v1.Device device = message.getDevice();
    return new SessionRecord(
        session(message.getSession(), null, false),
        message.hasCreateTime() ? time(message.getCreateTime()) : null,
        message.hasLastRefreshTime() ? time(message.getLastRefreshTime()) : null,
        message.hasIdleExpireTime() ? time(message.getIdleExpireTime()) : null,
        message.hasAbsoluteExpireTime() ? time(message.getAbsoluteExpireTime()) : null,
        new Device(device.getIpAddress(), device.getUserAgent(), device.getLabel()),
        Map.copyOf(message.getAttributesMap()));
  }

  static Duration span(com.google.protobuf.Duration span) {
    return Duration.ofNanos(Math.max(0, Spans.nanos(span)));
  }

  static Instant time(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  private static Rejection rejection(dev.sessiond.v1.Rejection message) {
    return new Rejection(
        Names.known(Reason.class, message.getReason(), "REASON_"),
        message.getMessage(),
        Names.known(NextAction.class, message.getNextAction(), "NEXT_ACTION_"),
        message.getWwwAuthenticate());
  }

  private static Session session(
      dev.sessiond.v1.Session message, Duration cacheFor, boolean stale) {
    return new Session(
        message.getPrincipal(),
        message.getIssuer(),
        message.getSubject(),
        message.getSessionId(),
        message.getProviderSessionId(),
        message.getTenantId(),
        message.getClientId(),
        message.getTokenId(),
        message.getKeyId(),
        List.copyOf(message.getAudiencesList()),
        List.copyOf(message.getScopesList()),
        List.copyOf(message.getRolesList()),
        List.copyOf(message.getPermissionsList()),
        message.hasIssueTime() ? time(message.getIssueTime()) : null,
        message.hasExpireTime() ? time(message.getExpireTime()) : null,
        message.hasAuthTime() ? time(message.getAuthTime()) : null,
        message.getAcr(),
        List.copyOf(message.getAmrList()),
        message.hasActor() ? actor(message.getActor()) : null,
        message.getClaimsJson(),
        cacheFor,
        stale);
  }

  private static Actor actor(dev.sessiond.v1.Actor message) {
    return new Actor(
        message.getIssuer(),
        message.getSubject(),
        message.hasActor() ? actor(message.getActor()) : null);
  }
}
