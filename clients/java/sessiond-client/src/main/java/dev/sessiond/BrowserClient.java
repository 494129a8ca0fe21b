package dev.sessiond;

import java.util.concurrent.CompletableFuture;

/** What keeping browsers' sessions needs of a client: a {@link SessiondClient}, or a fake. */
public interface BrowserClient extends Validator {
  /** Spends a refresh token without blocking; what is returned has to end by itself. */
  CompletableFuture<Tokens> refreshAsync(String refreshToken, Bearer bearer);

  /** Revokes a target, for a logout. */
  RevocationResult revoke(Target target);
}
