package dev.sessiond;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What is said of a login that the caller vouches for, beside the subject. */
public final class LocalLogin {
  final Login login;
  final String clientId;
  final String tenantId;
  final List<String> audiences;
  final List<String> scopes;
  final Map<String, ?> claims;
  final Instant authTime;
  final String acr;
  final List<String> amr;

  private LocalLogin(Builder from) {
    login = from.login;
    clientId = from.clientId;
    tenantId = from.tenantId;
    audiences = from.audiences;
    scopes = from.scopes;
    claims = from.claims;
    authTime = from.authTime;
    acr = from.acr;
    amr = from.amr;
  }

  /** Begins with a login of which nothing is said. */
  public static Builder builder() {
    return new Builder();
  }

  /** Says what is known of a login. */
  public static final class Builder {
    private Login login = Login.UNKNOWN;
    private String clientId = "";
    private String tenantId = "";
    private List<String> audiences = List.of();
    private List<String> scopes = List.of();
    private Map<String, ?> claims = Map.of();
    private Instant authTime;
    private String acr = "";
    private List<String> amr = List.of();

    private Builder() {}

    /** Says of it what may be said of any login. */
    public Builder login(Login login) {
      this.login = login;
      return this;
    }

    /** Sets the application; without it that is the issuer's default. */
    public Builder clientId(String clientId) {
      this.clientId = clientId;
      return this;
    }

    /** Sets the tenant. */
    public Builder tenantId(String tenantId) {
      this.tenantId = tenantId;
      return this;
    }

    /** Sets the audiences, within the issuer's configured ones; without any they are those. */
    public Builder audiences(String... audiences) {
      this.audiences = List.of(audiences);
      return this;
    }

    /** Sets the scopes. */
    public Builder scopes(String... scopes) {
      this.scopes = List.of(scopes);
      return this;
    }

    /**
     * Sets further claims of the access tokens, made of maps, lists, texts, numbers and booleans.
     */
    public Builder claims(Map<String, ?> claims) {
      this.claims = claims;
      return this;
    }

    /** Sets when the user proved who they are. */
    public Builder authTime(Instant authTime) {
      this.authTime = authTime;
      return this;
    }

    /** Sets how strongly the user proved who they are. */
    public Builder acr(String acr) {
      this.acr = acr;
      return this;
    }

    /** Sets by what means the user proved who they are. */
    public Builder amr(String... amr) {
      this.amr = List.of(amr);
      return this;
    }

    /** Makes what was said. */
    public LocalLogin build() {
      return new LocalLogin(this);
    }
  }
}
