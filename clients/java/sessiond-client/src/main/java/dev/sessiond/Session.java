package dev.sessiond;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * An accepted token, or a stored session. A text that is not known is empty, and a time or an actor
 * is null.
 *
 * @param principal the subject at its issuer as one stable word: the key for what belongs to a user
 * @param issuer who issued the token
 * @param subject who logged in
 * @param sessionId sessiond's own id, {@code sds_...}
 * @param providerSessionId the provider's {@code sid}
 * @param tenantId the tenant
 * @param clientId the application
 * @param tokenId the token's {@code jti}
 * @param keyId the {@code kid} of the key that signed it
 * @param audiences for whom the token is meant
 * @param scopes what it may be used for
 * @param roles what its subject is
 * @param permissions what its subject may do
 * @param issueTime when it was issued
 * @param expireTime when it expires
 * @param authTime when the user last proved who they are
 * @param acr how strongly
 * @param amr by what means
 * @param actor who acts for the subject; null if nobody does
 * @param claimsJson the verified payload as received; empty for a stored session
 * @param cacheFor how long this acceptance may be repeated to others, from the moment of the call
 *     on; null means not at all
 * @param stale says that the token may have been revoked: the server's store does not answer, and
 *     its operator chose to accept tokens all the same
 */
public record Session(
    String principal,
    String issuer,
    String subject,
    String sessionId,
    String providerSessionId,
    String tenantId,
    String clientId,
    String tokenId,
    String keyId,
    List<String> audiences,
    List<String> scopes,
    List<String> roles,
    List<String> permissions,
    Instant issueTime,
    Instant expireTime,
    Instant authTime,
    String acr,
    List<String> amr,
    Actor actor,
    String claimsJson,
    Duration cacheFor,
    boolean stale)
    implements Verdict {
  /**
   * One for a test, of a subject who has just logged in; {@link SessionExample} says more of one.
   */
  public static Session example(String subject, String... scopes) {
    return SessionExample.of(subject).scopes(scopes).build();
  }

  /**
   * Parses all claims of the token; there are none in a stored session. Numbers are of {@link
   * java.math.BigDecimal}, so that none loses digits.
   *
   * @throws IllegalStateException the payload is no JSON object
   */
  public Map<String, Object> claims() {
    return claimsJson.isEmpty() ? Map.of() : Json.object(claimsJson);
  }

  /** The same session, of which an acceptance may be repeated for so long; null for not at all. */
  Session repeatableFor(Duration span) {
    return new Session(
        principal,
        issuer,
        subject,
        sessionId,
        providerSessionId,
        tenantId,
        clientId,
        tokenId,
        keyId,
        audiences,
        scopes,
        roles,
        permissions,
        issueTime,
        expireTime,
        authTime,
        acr,
        amr,
        actor,
        claimsJson,
        span,
        stale);
  }
}
