package dev.sessiond.testing;

import com.google.protobuf.Duration;
import dev.sessiond.v1.PossessionProof;
import dev.sessiond.v1.Rejection;
import dev.sessiond.v1.Rejection.Reason;
import dev.sessiond.v1.Requirements;
import dev.sessiond.v1.ValidateTokenResponse;
import java.time.Instant;
import java.util.Collections;
import java.util.List;

/** Gives the verdict on a token, in the order in which a server's checks decide. */
final class FakeJudge {
  private static final long SKEW_SECONDS = 2;
  private static final long KEPT_SECONDS = 60;

  private final FakeState state;

  FakeJudge(FakeState state) {
    this.state = state;
  }

  ValidateTokenResponse judge(String token, Requirements wanted, PossessionProof proof) {
    FakeVerifier.Verified verified =
        new FakeVerifier(state.key()).verify(token, wanted.getIssuersList());
    FakeClaims claims = verified.claims();
    Rejection rejection = claims == null ? verified.rejection() : rejection(claims, wanted, proof);
    ValidateTokenResponse.Builder answer =
        ValidateTokenResponse.newBuilder()
            .setRevision(EventLog.revision(state.events()))
            .setRevisionAge(Duration.getDefaultInstance());
    if (rejection != null) {
      return answer.setRejection(rejection).build();
    }
    // It may be kept by those who watch alone: what others keep is in nobody's hand.
    return answer
        .setSession(claims.session())
        .setConfiguration(EventLog.CONFIGURATION)
        .setWatchedCacheFor(Duration.newBuilder().setSeconds(keptFor(claims, wanted)))
        .build();
  }

  /** What depends on the moment, and on what is required; null for nothing. */
  private Rejection rejection(FakeClaims claims, Requirements wanted, PossessionProof proof) {
    Instant now = state.now();
    List<String> audiences =
        wanted.getAudiencesCount() > 0 ? wanted.getAudiencesList() : List.of(FakeSessiond.AUDIENCE);
    if (!now.isBefore(claims.expires()) || state.isExpired(claims.session().getTokenId())) {
      return FakeRejections.of(Reason.REASON_EXPIRED, "the token has expired");
    }
    if (claims.begins().isAfter(now.plusSeconds(SKEW_SECONDS))) {
      return FakeRejections.of(Reason.REASON_NOT_YET_VALID, "the token is not valid yet");
    }
    if (!isAny(audiences, claims.session().getAudiencesList())) {
      return FakeRejections.of(
          Reason.REASON_AUDIENCE_MISMATCH, "the token is meant for another audience");
    }
    if (claims.binding() != null && !claims.binding().isProvenBy(proof)) {
      return FakeRejections.unproven(claims.binding());
    }
    if (state.hasRevoked(claims)) {
      return FakeRejections.of(Reason.REASON_REVOKED, "the token's session has been ended");
    }
    return lacking(claims, wanted, now);
  }

  private static Rejection lacking(FakeClaims claims, Requirements wanted, Instant now) {
    if (!claims.session().getScopesList().containsAll(wanted.getScopesList())) {
      return FakeRejections.insufficient("scope", wanted);
    }
    if (!claims.session().getPermissionsList().containsAll(wanted.getPermissionsList())) {
      return FakeRejections.insufficient("permission", wanted);
    }
    for (var claim : wanted.getClaimsMap().entrySet()) {
      if (Collections.disjoint(claim.getValue().getValuesList(), claims.texts(claim.getKey()))) {
        return FakeRejections.insufficient("claim", wanted);
      }
    }
    if (!isAny(wanted.getAcrValuesList(), List.of(claims.session().getAcr()))) {
      return FakeRejections.stepUp("by stronger means", wanted);
    }
    boolean isTooOld = wanted.hasMaxAuthAge() && authAgeLeft(claims, wanted, now) < 0;
    return isTooOld ? FakeRejections.stepUp("again", wanted) : null;
  }

  private long keptFor(FakeClaims claims, Requirements wanted) {
    Instant now = state.now();
    long left = claims.expires().getEpochSecond() - now.getEpochSecond();
    long authLeft = wanted.hasMaxAuthAge() ? authAgeLeft(claims, wanted, now) : KEPT_SECONDS;
    return Math.max(0, Math.min(KEPT_SECONDS, Math.min(left, authLeft)));
  }

  /** Negative where the user proved who they are too long ago, or it is not known when. */
  private static long authAgeLeft(FakeClaims claims, Requirements wanted, Instant now) {
    if (!claims.session().hasAuthTime()) {
      return -1;
    }
    long age = now.getEpochSecond() - claims.session().getAuthTime().getSeconds();
    return wanted.getMaxAuthAge().getSeconds() - age;
  }

  /** Whether one is among those that are wanted; no wish means all. */
  private static boolean isAny(List<String> wanted, List<String> found) {
    return wanted.isEmpty() || !Collections.disjoint(wanted, found);
  }
}
