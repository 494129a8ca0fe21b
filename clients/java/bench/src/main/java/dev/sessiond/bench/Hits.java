package dev.sessiond.bench;

import dev.sessiond.Policy;
import dev.sessiond.SessiondClient;
import dev.sessiond.UnavailableException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;

/** What one of each costs: a digest, an answer from memory, and a verification. */
final class Hits {
  private static final int TIMES = 100_000;
  private static final int VERIFICATIONS = 500;
  private static final int STRIDE = 7_919; // a prime: tokens do not follow as they do in memory

  private final SessiondClient client;
  private final String[] tokens;
  private final Verifier verifier;

  Hits(SessiondClient client, Given given) throws Exception {
    this.client = client;
    this.tokens = given.tokens().toArray(new String[0]);
    this.verifier = new Verifier(given.issuer(), given.jwk());
  }

  Map<String, Object> measure() throws Exception {
    MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    long before = client.numbers().hits();
    double digest = each(TIMES, token -> sha256.digest(token.getBytes(StandardCharsets.UTF_8)));
    double hit = each(TIMES, this::validate);
    double verify = each(VERIFICATIONS, verifier::verify);
    long misses = TIMES - (client.numbers().hits() - before);
    return Map.of(
        "digest", digest, "hits", Map.of("validate", hit), "verify", verify, "misses", misses);
  }

  /** Where the server is unavailable, it was no hit. */
  private Object validate(String token) {
    try {
      return client.validate(token, Policy.NOTHING);
    } catch (UnavailableException error) {
      return error;
    }
  }

  /** Does something with so many tokens, in turn; gives the microseconds for one of them. */
  private double each(int times, Step step) throws Exception {
    long began = Cpu.nanos();
    for (int i = 0; i < times; i++) {
      kept = step.of(tokens[(int) ((long) i * STRIDE % tokens.length)]);
    }
    return (Cpu.nanos() - began) / 1e3 / times;
  }

  private interface Step {
    Object of(String token) throws Exception;
  }

  /** What is made stays within reach: otherwise a compiler leaves it out. */
  static Object kept;
}
