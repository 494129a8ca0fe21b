package dev.sessiond.internal.credentials;

/** A token as it was presented; without a token it is none. Its text does not show the token. */
public record Credential(Scheme scheme, String token) {
  /** No token. */
  public static final Credential NONE = new Credential(Scheme.BEARER, "");

  /** Whether there is no token. */
  public boolean isNone() {
    return token.isEmpty();
  }

  @Override
  public String toString() {
    return "Credential[hidden]";
  }
}
