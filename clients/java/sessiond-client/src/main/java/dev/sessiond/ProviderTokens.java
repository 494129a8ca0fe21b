package dev.sessiond;

/**
 * What a login at a provider gave out. Its text does not show the tokens.
 *
 * @param accessToken the access token
 * @param refreshToken the refresh token; providers give one for the scope {@code offline_access}
 *     alone
 * @param idToken the ID token; null or empty where there is none
 */
public record ProviderTokens(String accessToken, String refreshToken, String idToken) {
  @Override
  public String toString() {
    return "ProviderTokens[hidden]";
  }
}
