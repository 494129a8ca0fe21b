package dev.sessiond.testing;

import dev.sessiond.v1.Rejection;
import dev.sessiond.v1.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** What a token says by itself, in the order in which a server's checks decide. */
final class FakeVerifier {
  private static final int LARGEST_TOKEN = 8 << 10;
  private static final Duration LONGEST_LIFETIME = Duration.ofHours(24);

  /** What a token says, or why it is none of the fake's; the other is null. */
  record Verified(FakeClaims claims, Rejection rejection) {}

  private final KeyPair key;

  FakeVerifier(KeyPair key) {
    this.key = key;
  }

  /** Verifies a token, of any of the issuers that are wanted; without any, of the fake's own. */
  Verified verify(String token, List<String> issuers) {
    if (token.getBytes(StandardCharsets.UTF_8).length > LARGEST_TOKEN) {
      return rejected(
          Reason.REASON_TOO_LARGE, "the token is larger than " + LARGEST_TOKEN + " bytes");
    }
    FakeToken parsed = FakeToken.parse(token);
    if (parsed == null) {
      return new Verified(null, FakeRejections.malformed(token));
    }
    Rejection rejection = rejection(parsed, issuers);
    return rejection == null ? read(parsed) : new Verified(null, rejection);
  }

  /** Null for nothing. */
  private Rejection rejection(FakeToken token, List<String> issuers) {
    if (!token.text(token.claims(), "iss").equals(FakeSessiond.ISSUER)) {
      return FakeRejections.of(
          Reason.REASON_ISSUER_NOT_TRUSTED, "the token's issuer is not one of the configured ones");
    }
    if (!issuers.isEmpty() && !issuers.contains(FakeSessiond.ISSUER)) {
      return FakeRejections.of(
          Reason.REASON_ISSUER_NOT_TRUSTED, "the token's issuer is not one of the wanted ones");
    }
    if (!token.text(token.header(), "alg").equals("EdDSA")) {
      return FakeRejections.of(
          Reason.REASON_ALGORITHM_NOT_ALLOWED,
          "the token's algorithm is not allowed for its issuer");
    }
    if (!token.text(token.header(), "kid").equals(FakeToken.KEY_ID)) {
      return FakeRejections.of(
          Reason.REASON_KEY_UNKNOWN, "the token's key is not in its issuer's key set");
    }
    if (!token.isSignedBy(key)) {
      return FakeRejections.of(
          Reason.REASON_SIGNATURE_INVALID, "the token was not signed by its issuer");
    }
    String type = token.text(token.header(), "typ").toLowerCase(Locale.ROOT);
    return type.equals("at+jwt") || type.equals("application/at+jwt")
        ? null
        : FakeRejections.of(
            Reason.REASON_TYPE_NOT_ALLOWED, "the token is not an access token of its issuer");
  }

  private static Verified read(FakeToken token) {
    for (String name : FakeClaims.REQUIRED) {
      if (!token.claims().has(name)) {
        return rejected(Reason.REASON_CLAIM_MISSING, "the token lacks the claim " + name);
      }
    }
    FakeClaims claims;
    try {
      claims = FakeClaims.read(token);
    } catch (FakeForm.FormException error) {
      return rejected(
          Reason.REASON_CLAIM_INVALID,
          "the claim "
              + error.getMessage()
              + " is not of the form that its specification gives it");
    }
    boolean isLong = claims.expires().isAfter(claims.issued().plus(LONGEST_LIFETIME));
    return isLong || !claims.issued().isBefore(claims.expires())
        ? rejected(
            Reason.REASON_CLAIM_INVALID,
            "the token's lifetime is not one that its issuer may give out")
        : new Verified(claims, null);
  }

  private static Verified rejected(Reason reason, String message) {
    return new Verified(null, FakeRejections.of(reason, message));
  }
}
