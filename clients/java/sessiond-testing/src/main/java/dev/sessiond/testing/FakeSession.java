package dev.sessiond.testing;

import com.google.protobuf.ByteString;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.Device;
import dev.sessiond.v1.LocalLogin;
import dev.sessiond.v1.Session;
import dev.sessiond.v1.SessionRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A family of refresh tokens. */
final class FakeSession {
  private static final Duration IDLE = Duration.ofDays(7);
  private static final Duration LIFETIME = Duration.ofDays(30);

  /** When a refresh token was spent, and who did it. */
  record Spending(Instant at, Bearer bearer) {}

  /** What a repeated refresh is recognised by. */
  record Bearer(String caller, String label, String userAgent) {}

  final String id;
  final LocalLogin login;
  final Map<String, Object> further;
  final Device device;
  final Map<String, String> attributes;
  final ByteString certificate;
  final long start; // milliseconds since 1970, for cutoffs
  final Instant created;
  final List<Spending> spent = new ArrayList<>();
  Instant refreshed;
  String current = "";
  boolean hasEnded;

  FakeSession(
      String id,
      CreateSessionRequest request,
      Map<String, Object> further,
      long start,
      Instant now) {
    this.id = id;
    this.login = complete(request.getLocalLogin());
    this.further = further;
    this.device = request.getDevice();
    this.attributes = request.getAttributesMap();
    this.certificate = request.getProof().getCertificateSha256();
    this.start = start;
    this.created = now;
    this.refreshed = now;
  }

  Instant absoluteExpire() {
    return created.plus(LIFETIME);
  }

  Instant idleExpire() {
    Instant idle = refreshed.plus(IDLE);
    return idle.isBefore(absoluteExpire()) ? idle : absoluteExpire();
  }

  Session session() {
    return Session.newBuilder()
        .setPrincipal(FakeClaims.principal(FakeSessiond.ISSUER, login.getSubject()))
        .setIssuer(FakeSessiond.ISSUER)
        .setSubject(login.getSubject())
        .setSessionId(id)
        .setTenantId(login.getTenantId())
        .setClientId(login.getClientId())
        .addAllAudiences(login.getAudiencesList())
        .addAllScopes(login.getScopesList())
        .setAcr(login.getAcr())
        .addAllAmr(login.getAmrList())
        .build();
  }

  SessionRecord record() {
    return SessionRecord.newBuilder()
        .setSession(session())
        .setCreateTime(FakeClaims.timestamp(created))
        .setLastRefreshTime(FakeClaims.timestamp(refreshed))
        .setIdleExpireTime(FakeClaims.timestamp(idleExpire()))
        .setAbsoluteExpireTime(FakeClaims.timestamp(absoluteExpire()))
        .setDevice(device)
        .putAllAttributes(attributes)
        .build();
  }

  private static LocalLogin complete(LocalLogin login) {
    LocalLogin.Builder completed = login.toBuilder();
    if (login.getClientId().isEmpty()) {
      completed.setClientId(FakeSessiond.AUDIENCE);
    }
    if (login.getAudiencesCount() == 0) {
      completed.addAudiences(FakeSessiond.AUDIENCE);
    }
    return completed.build();
  }
}
