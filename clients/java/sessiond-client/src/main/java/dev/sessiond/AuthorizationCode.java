package dev.sessiond;

/**
 * What a login at a provider gave out, for the server to exchange. Its text does not show it.
 *
 * @param code the code
 * @param redirectUri exactly one of the issuer's configured redirect addresses
 * @param codeVerifier the verifier, which is required (RFC 7636)
 * @param nonce what the ID token must carry; null or empty where it need not
 */
public record AuthorizationCode(
    String code, String redirectUri, String codeVerifier, String nonce) {
  @Override
  public String toString() {
    return "AuthorizationCode[hidden]";
  }
}
