package dev.sessiond;

import dev.sessiond.v1.ClaimValues;
import dev.sessiond.v1.Requirements;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is required of a token beyond being good; all of it must hold. It is compiled once, for all
 * the calls that use it.
 *
 * <p>Neither order nor repetition counts: policies that require the same are equal, and share what
 * a client keeps.
 */
public final class Policy {
  /** Requires nothing but a good token. */
  public static final Policy NOTHING = builder().build();

  private final Requirements requirements;
  private final String canonical;
  private final int hash;
  private final List<String> scopes;

  private Policy(Builder from) {
    Map<String, ClaimValues> claims = new TreeMap<>();
    from.claims.forEach(
        (name, values) -> claims.put(name, ClaimValues.newBuilder().addAllValues(values).build()));
    Requirements.Builder message =
        Requirements.newBuilder()
            .addAllIssuers(from.issuers)
            .addAllAudiences(from.audiences)
            .addAllScopes(from.scopes)
            .addAllPermissions(from.permissions)
            .putAllClaims(claims)
            .addAllAcrValues(from.acrValues);
    if (from.maxAuthAge != null) {
      message.setMaxAuthAge(Requests.span(from.maxAuthAge));
    }
    requirements = message.build();
    scopes = List.copyOf(from.scopes);
    canonical = from.canonical();
    hash = canonical.hashCode();
  }

  /** Begins with a policy that requires nothing. */
  public static Builder builder() {
    return new Builder();
  }

  /** The scopes that must be there, sorted. */
  public List<String> scopes() {
    return scopes;
  }

  /** Whether nothing is required: a question without that is cheaper to read. */
  boolean isNothing() {
    return requirements.getSerializedSize() == 0;
  }

  Requirements requirements() {
    return requirements;
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof Policy policy
            && hash == policy.hash
            && canonical.equals(policy.canonical));
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return "Policy" + canonical;
  }

  /** Says what is required. */
  public static final class Builder {
    private final TreeSet<String> issuers = new TreeSet<>();
    private final TreeSet<String> audiences = new TreeSet<>();
    private final TreeSet<String> scopes = new TreeSet<>();
    private final TreeSet<String> permissions = new TreeSet<>();
    private final TreeMap<String, TreeSet<String>> claims = new TreeMap<>();
    private final TreeSet<String> acrValues = new TreeSet<>();
    private Duration maxAuthAge;

    private Builder() {}

    /** Any one of these must have issued the token; without any, all of this caller's may have. */
    public Builder issuers(String... issuers) {
      this.issuers.addAll(Arrays.asList(issuers));
      return this;
    }

    /** Any one of these must be meant; without any, the issuer's configured ones. */
    public Builder audiences(String... audiences) {
      this.audiences.addAll(Arrays.asList(audiences));
      return this;
    }

    /** All of these must be there. */
    public Builder scopes(String... scopes) {
      this.scopes.addAll(Arrays.asList(scopes));
      return this;
    }

    /** All of these must be there. */
    public Builder permissions(String... permissions) {
      this.permissions.addAll(Arrays.asList(permissions));
      return this;
    }

    /** This claim must have one of these values. */
    public Builder claim(String name, String... values) {
      claims.computeIfAbsent(name, unused -> new TreeSet<>()).addAll(Arrays.asList(values));
      return this;
    }

    /** The user must have proved who they are no longer ago than this (RFC 9470). */
    public Builder maxAuthAge(Duration maxAuthAge) {
      this.maxAuthAge = maxAuthAge;
      return this;
    }

    /** Any one of these will do (RFC 9470). */
    public Builder acrValues(String... acrValues) {
      this.acrValues.addAll(Arrays.asList(acrValues));
      return this;
    }

    /**
     * Compiles the policy.
     *
     * @throws IllegalArgumentException a server would refuse it; the text names the field
     */
    public Policy build() {
      PolicyRules.checkNames("issuers", issuers);
      PolicyRules.checkNames("audiences", audiences);
      PolicyRules.checkScopes("scopes", scopes);
      PolicyRules.checkNames("permissions", permissions);
      PolicyRules.checkClaims(claims);
      PolicyRules.checkScopes("acr_values", acrValues);
      if (maxAuthAge != null && maxAuthAge.isNegative()) {
        throw PolicyRules.invalid("max_auth_age", maxAuthAge.toString(), "a span of 0 s or more");
      }
      return new Policy(this);
    }

    /**
     * The same text for the same demand, and another for any other: control characters are refused.
     */
    private String canonical() {
      return "[issuers=%s, audiences=%s, scopes=%s, permissions=%s, claims=%s, maxAuthAge=%s, acrValues=%s]"
          .formatted(
              quoted(issuers),
              quoted(audiences),
              quoted(scopes),
              quoted(permissions),
              quotedClaims(),
              maxAuthAge,
              quoted(acrValues));
    }

    private String quotedClaims() {
      StringBuilder text = new StringBuilder();
      claims.forEach((name, values) -> text.append(quote(name)).append('=').append(quoted(values)));
      return text.toString();
    }

    private static String quoted(TreeSet<String> values) {
      StringBuilder text = new StringBuilder("[");
      values.forEach(value -> text.append(quote(value)));
      return text.append(']').toString();
    }

    private static String quote(String value) {
      return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
  }
}
