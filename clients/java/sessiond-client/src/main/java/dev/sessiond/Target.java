package dev.sessiond;

import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.hashedid.HashedIds;
import dev.sessiond.internal.verdicts.Key;
import dev.sessiond.v1.ClientApplication;
import dev.sessiond.v1.ProviderSession;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.SigningKey;
import dev.sessiond.v1.Subject;
import dev.sessiond.v1.Tenant;
import java.util.List;
import java.util.function.Consumer;

/** What a revocation ends. */
public final class Target {
  private final Consumer<RevokeSessionRequest.Builder> setting;
  private final List<HashedId> ids;

  private Target(Consumer<RevokeSessionRequest.Builder> setting, List<HashedId> ids) {
    this.setting = setting;
    this.ids = ids;
  }

  /** One session by sessiond's id. */
  public static Target session(String sessionId) {
    return new Target(
        request -> request.setSessionId(Texts.sendable(sessionId)),
        List.of(HashedId.of(HashedIds.SESSION, "", sessionId)));
  }

  /** The session of a refresh token of any generation. */
  public static Target refreshToken(String refreshToken) {
    return new Target(request -> request.setRefreshToken(Texts.sendable(refreshToken)), List.of());
  }

  /** The session of an access token, expired or not. */
  public static Target accessToken(String accessToken) {
    return new Target(
        request -> request.setAccessToken(Texts.sendable(accessToken)),
        List.of(Key.of(Texts.cut(accessToken), "", "").tokenId()));
  }

  /** Every session of a subject. */
  public static Target subject(String issuer, String subject) {
    return subjectExcept(issuer, subject, "");
  }

  /** Every session of a subject but one, which must be that subject's. */
  public static Target subjectExcept(String issuer, String subject, String sessionId) {
    Subject named = Subject.newBuilder().setIssuer(issuer).setSubject(subject).build();
    return new Target(
        request -> request.setSubject(named).setExceptSessionId(sessionId),
        List.of(HashedId.of(HashedIds.SUBJECT, issuer, subject)));
  }

  /** A provider's session: its tokens, and the sessions that live by it. */
  public static Target providerSession(String issuer, String sessionId) {
    ProviderSession named =
        ProviderSession.newBuilder().setIssuer(issuer).setSessionId(sessionId).build();
    return new Target(
        request -> request.setProviderSession(named),
        List.of(HashedId.of(HashedIds.PROVIDER_SESSION, issuer, sessionId)));
  }

  /** Every session of a tenant. */
  public static Target tenant(String issuer, String tenantId) {
    Tenant named = Tenant.newBuilder().setIssuer(issuer).setTenantId(tenantId).build();
    return new Target(
        request -> request.setTenant(named),
        List.of(HashedId.of(HashedIds.TENANT, issuer, tenantId)));
  }

  /** Every session of an application. */
  public static Target client(String issuer, String clientId) {
    ClientApplication named =
        ClientApplication.newBuilder().setIssuer(issuer).setClientId(clientId).build();
    return new Target(
        request -> request.setClient(named),
        List.of(HashedId.of(HashedIds.CLIENT, issuer, clientId)));
  }

  /** Every session at an issuer. */
  public static Target issuer(String issuer) {
    return new Target(
        request -> request.setIssuer(issuer), List.of(HashedId.of(HashedIds.ISSUER, issuer, "")));
  }

  /** Every token that a key signed or will sign, for good; sessions go on. */
  public static Target key(String issuer, String keyId) {
    SigningKey named = SigningKey.newBuilder().setIssuer(issuer).setKeyId(keyId).build();
    return new Target(
        request -> request.setKey(named), List.of(HashedId.of(HashedIds.KEY, issuer, keyId)));
  }

  void applyTo(RevokeSessionRequest.Builder request) {
    setting.accept(request);
  }

  /** What this target tells by itself of what a client keeps. */
  List<HashedId> ids() {
    return ids;
  }

  @Override
  public String toString() {
    return "Target[hidden]";
  }
}
