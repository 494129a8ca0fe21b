package dev.sessiond;

import com.google.gson.Gson;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;

/**
 * Makes sessions for tests, as of a token that was accepted just now, with what a test needs to be
 * said of them.
 */
public final class SessionExample {
  private static final String AUDIENCE = "sessiond-dev";
  private static final Duration LIFETIME = Duration.ofMinutes(5);

  private final String subject;
  private final Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
  private String issuer = "http://sessiond.localhost";
  private String tenantId = "";
  private String clientId = AUDIENCE;
  private List<String> audiences = List.of(AUDIENCE);
  private List<String> scopes = List.of();
  private List<String> roles = List.of();
  private List<String> permissions = List.of();
  private Instant authTime = now;
  private String acr = "";
  private List<String> amr = List.of();
  private Map<String, ?> claims = Map.of();

  private SessionExample(String subject) {
    this.subject = subject;
  }

  /** Begins with a session of a subject, who has just logged in. */
  public static SessionExample of(String subject) {
    return new SessionExample(subject);
  }

  /** Who issued the token. */
  public SessionExample issuer(String issuer) {
    this.issuer = issuer;
    return this;
  }

  /** The tenant. */
  public SessionExample tenantId(String tenantId) {
    this.tenantId = tenantId;
    return this;
  }

  /** The application. */
  public SessionExample clientId(String clientId) {
    this.clientId = clientId;
    return this;
  }

  /** For whom the token is meant. */
  public SessionExample audiences(String... audiences) {
    this.audiences = List.of(audiences);
    return this;
  }

  /** What the token may be used for. */
  public SessionExample scopes(String... scopes) {
    this.scopes = List.of(scopes);
    return this;
  }

  /** What the subject is. */
  public SessionExample roles(String... roles) {
    this.roles = List.of(roles);
    return this;
  }

  /** What the subject may do. */
  public SessionExample permissions(String... permissions) {
    this.permissions = List.of(permissions);
    return this;
  }

  /** When the user last proved who they are; null for nobody knows. */
  public SessionExample authTime(Instant authTime) {
    this.authTime = authTime;
    return this;
  }

  /** How strongly. */
  public SessionExample acr(String acr) {
    this.acr = acr;
    return this;
  }

  /** By what means. */
  public SessionExample amr(String... amr) {
    this.amr = List.of(amr);
    return this;
  }

  /** The claims of the token's payload. */
  public SessionExample claims(Map<String, ?> claims) {
    this.claims = claims;
    return this;
  }

  /** Makes the session. */
  public Session build() {
    return new Session(
        "sdp_" + subject,
        issuer,
        subject,
        "sds_" + "A".repeat(22),
        "",
        tenantId,
        clientId,
        "example",
        "example",
        audiences,
        scopes,
        roles,
        permissions,
        now,
        now.plus(LIFETIME),
        authTime,
        acr,
        amr,
        null,
        new Gson().toJson(claims),
        null,
        false);
  }
}
