package dev.sessiond.testing;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.reflect.TypeToken;
import dev.sessiond.internal.hashedid.HashedId;
import dev.sessiond.internal.hashedid.HashedIds;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RefreshSessionResponse;
import dev.sessiond.v1.Revocation;
import dev.sessiond.v1.RevocationType;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.RevokeSessionResponse;
import dev.sessiond.v1.Subject;
import dev.sessiond.v1.Tokens;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Carries commands out, by a server's rules; the state's lock is held. */
final class FakeCommands {
  private static final Duration GRACE = Duration.ofSeconds(10);

  private final FakeState state;

  FakeCommands(FakeState state) {
    this.state = state;
  }

  Tokens create(CreateSessionRequest request) {
    if (!request.hasLocalLogin()) {
      throw FakeRefusals.unsupported("provider_tokens");
    }
    if (request.getLocalLogin().getSubject().isEmpty()) {
      throw FakeRefusals.field("local_login.subject", "no identifier", "1 to 255 characters");
    }
    return state.issue(state.open(request, further(request.getLocalLogin().getClaimsJson())));
  }

  /** Spends a refresh token, in the order of a server's table of rotation. */
  RefreshSessionResponse refresh(RefreshSessionRequest request, String caller) {
    FakeState.Place place = state.place(request.getRefreshToken());
    if (place == null) {
      throw FakeRefusals.refresh("REFRESH_TOKEN_INVALID");
    }
    FakeSession of = place.session();
    Instant now = state.now();
    if (of.hasEnded || state.isCutOff(of)) {
      throw FakeRefusals.refresh("SESSION_REVOKED");
    }
    if (!now.isBefore(of.absoluteExpire())) {
      throw FakeRefusals.refresh("SESSION_LIFETIME_EXCEEDED");
    }
    if (!now.isBefore(of.idleExpire())) {
      throw FakeRefusals.refresh("SESSION_IDLE_TIMEOUT");
    }
    if (!of.certificate.isEmpty()
        && !of.certificate.equals(request.getProof().getCertificateSha256())) {
      throw FakeRefusals.refresh("BINDING_MISMATCH");
    }
    boolean isReplayed = place.generation() < of.spent.size();
    FakeSession.Bearer bearer =
        new FakeSession.Bearer(
            caller, request.getDevice().getLabel(), request.getDevice().getUserAgent());
    if (isReplayed) {
      requireReplayable(of, place.generation(), bearer, now);
    } else {
      of.spent.add(new FakeSession.Spending(now, bearer));
      of.refreshed = now;
      state.rotate(of);
    }
    return RefreshSessionResponse.newBuilder()
        .setTokens(state.issue(of))
        .setReplayed(isReplayed)
        .build();
  }

  RevokeSessionResponse revoke(RevokeSessionRequest request) {
    return switch (request.getTargetCase()) {
      case SESSION_ID -> revokeOne(request.getSessionId());
      case REFRESH_TOKEN -> {
        FakeState.Place place = state.place(request.getRefreshToken());
        yield place == null ? ended(0, List.of()) : revokeOne(place.session().id);
      }
      case ACCESS_TOKEN -> {
        FakeClaims claims =
            new FakeVerifier(state.key()).verify(request.getAccessToken(), List.of()).claims();
        yield claims == null ? ended(0, List.of()) : revokeOne(claims.session().getSessionId());
      }
      case SUBJECT -> revokeSubject(request.getSubject(), request.getExceptSessionId());
      default -> revokeShared(request);
    };
  }

  private void requireReplayable(
      FakeSession of, int generation, FakeSession.Bearer bearer, Instant now) {
    FakeSession.Spending spent = of.spent.get(generation);
    if (!now.isBefore(spent.at().plus(GRACE))) {
      state.end(of);
      throw FakeRefusals.refresh("REFRESH_TOKEN_REUSED");
    }
    if (generation < of.spent.size() - 1 || !spent.bearer().equals(bearer)) {
      throw FakeRefusals.refresh("REFRESH_TOKEN_SUPERSEDED");
    }
  }

  /**
   * Ends a session, whether or not it was opened here: a token that was signed for a test has one
   * too.
   */
  private RevokeSessionResponse revokeOne(String id) {
    FakeSession of = state.sessions().get(id);
    if (of == null) {
      HashedId hashed = HashedId.of(HashedIds.SESSION, "", id);
      return ended(0, List.of(state.end(RevocationType.REVOCATION_TYPE_SESSION, hashed)));
    }
    int count = state.isLive(of) ? 1 : 0;
    return ended(count, List.of(state.end(of)));
  }

  private RevokeSessionResponse revokeSubject(Subject subject, String except) {
    if (!subject.getIssuer().equals(FakeSessiond.ISSUER)) {
      throw FakeRefusals.field("subject.issuer", "another issuer", FakeSessiond.ISSUER);
    }
    List<Revocation> told = new ArrayList<>();
    for (FakeSession of : state.sessions().values()) {
      boolean isTheirs = of.login.getSubject().equals(subject.getSubject());
      if (isTheirs && !of.id.equals(except) && state.isLive(of)) {
        told.add(state.end(of));
      }
    }
    int count = told.size();
    if (except.isEmpty()) {
      HashedId id = HashedId.of(HashedIds.SUBJECT, FakeSessiond.ISSUER, subject.getSubject());
      told.add(state.cutOff(RevocationType.REVOCATION_TYPE_SUBJECT, id));
    }
    return ended(count, told);
  }

  /** Revokes what many sessions share; how many these are is not counted. */
  private RevokeSessionResponse revokeShared(RevokeSessionRequest request) {
    Revocation told =
        switch (request.getTargetCase()) {
          case TENANT ->
              state.cutOff(
                  RevocationType.REVOCATION_TYPE_TENANT,
                  HashedId.of(
                      HashedIds.TENANT,
                      request.getTenant().getIssuer(),
                      request.getTenant().getTenantId()));
          case CLIENT ->
              state.cutOff(
                  RevocationType.REVOCATION_TYPE_CLIENT,
                  HashedId.of(
                      HashedIds.CLIENT,
                      request.getClient().getIssuer(),
                      request.getClient().getClientId()));
          case ISSUER ->
              state.cutOff(
                  RevocationType.REVOCATION_TYPE_ISSUER,
                  HashedId.of(HashedIds.ISSUER, request.getIssuer(), ""));
          case KEY ->
              state.end(
                  RevocationType.REVOCATION_TYPE_KEY,
                  HashedId.of(
                      HashedIds.KEY, request.getKey().getIssuer(), request.getKey().getKeyId()));
          default -> throw FakeRefusals.field("target", "nothing", "a target of this fake");
        };
    return RevokeSessionResponse.newBuilder()
        .setRevision(EventLog.revision(state.events()))
        .addRevocations(told)
        .build();
  }

  private RevokeSessionResponse ended(int count, List<Revocation> told) {
    return RevokeSessionResponse.newBuilder()
        .setRevision(EventLog.revision(state.events()))
        .setSessionsEnded(count)
        .addAllRevocations(told)
        .build();
  }

  private static Map<String, Object> further(String json) {
    try {
      return json.isEmpty()
          ? Map.of()
          : new Gson().fromJson(json, new TypeToken<Map<String, Object>>() {});
    } catch (JsonParseException error) {
      throw FakeRefusals.field("local_login.claims_json", "what is no object", "a JSON object");
    }
  }
}
