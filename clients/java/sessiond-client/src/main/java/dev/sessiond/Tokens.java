package dev.sessiond;

import java.time.Instant;

/**
 * What a login or a refresh gives out. Its text does not show the tokens.
 *
 * @param accessToken the access token
 * @param accessExpireTime when that expires; null if unknown
 * @param refreshToken the refresh token
 * @param refreshExpireTime when that expires; null if unknown
 * @param session whose they are
 * @param replayed says that an earlier call with the same token got the same tokens
 */
public record Tokens(
    String accessToken,
    Instant accessExpireTime,
    String refreshToken,
    Instant refreshExpireTime,
    Session session,
    boolean replayed) {
  @Override
  public String toString() {
    return "Tokens[of " + session.principal() + "]";
  }
}
