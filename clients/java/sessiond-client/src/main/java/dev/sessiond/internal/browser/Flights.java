package dev.sessiond.internal.browser;

import dev.sessiond.Bearer;
import dev.sessiond.CertificateProof;
import dev.sessiond.Tokens;
import dev.sessiond.internal.hashedid.HashedId;
import io.grpc.Context;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;

/** Spends each refresh token once at a time, for all who bring it. */
public final class Flights {
  /** Bounds what strangers who leave at once can have under way: a refresh goes on without them. */
  private static final int MOST = 1024;

  private final Map<Key, CompletableFuture<Tokens>> flying = new HashMap<>();

  /** What the server recognizes a repeated refresh by. No token is in it. */
  private record Key(String hash, String userAgent, String label, String certificate) {
    static Key of(String refreshToken, Bearer bearer) {
      byte[] hash = HashedId.digest(refreshToken.getBytes(StandardCharsets.UTF_8));
      String certificate =
          bearer.proof() instanceof CertificateProof proof
              ? HexFormat.of().formatHex(proof.sha256())
              : "";
      return new Key(
          HexFormat.of().formatHex(hash),
          bearer.device().userAgent(),
          bearer.device().label(),
          certificate);
    }
  }

  /**
   * Joins the refresh of the same token by the same device, or makes it; empty where too many are
   * under way. Another device is another matter: the server would not give it the same tokens, and
   * nor must this.
   *
   * <p>Whoever leaves does not end it: its answer would be lost, and the token is spent.
   */
  public Optional<CompletableFuture<Tokens>> refresh(
      String refreshToken, Bearer bearer, Callable<CompletableFuture<Tokens>> spend) {
    Key key = Key.of(refreshToken, bearer);
    CompletableFuture<Tokens> flight = new CompletableFuture<>();
    synchronized (flying) {
      CompletableFuture<Tokens> found = flying.get(key);
      if (found != null) {
        return Optional.of(found);
      }
      if (flying.size() >= MOST) {
        return Optional.empty();
      }
      flying.put(key, flight);
    }
    begin(spend)
        .whenComplete(
            (tokens, error) -> {
              synchronized (flying) {
                flying.remove(key);
              }
              if (error == null) {
                flight.complete(tokens);
              } else {
                flight.completeExceptionally(error);
              }
            });
    return Optional.of(flight);
  }

  /** Makes a call that does not end with the one on whose behalf it is made. */
  private static CompletableFuture<Tokens> begin(Callable<CompletableFuture<Tokens>> spend) {
    try {
      return Context.current().fork().call(spend);
    } catch (Exception error) {
      return CompletableFuture.failedFuture(error);
    }
  }
}
