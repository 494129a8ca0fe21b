package dev.sessiond.examples;

import dev.sessiond.Policy;
import dev.sessiond.Rejection;
import dev.sessiond.Session;
import dev.sessiond.SessiondClient;
import dev.sessiond.Verdict;
import java.time.Duration;

/** Asks a sessiond about the access token in the environment variable ACCESS_TOKEN. */
public final class Validate {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private Validate() {}

  /** Takes the address of the server as its argument. */
  public static void main(String[] arguments) {
    String target = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    String token = System.getenv().getOrDefault("ACCESS_TOKEN", "");
    try (SessiondClient client = SessiondClient.builder(target).timeout(PATIENCE).build()) {
      client.ready(PATIENCE);
      Verdict verdict = client.validate(token, Policy.NOTHING);
      if (verdict instanceof Session session) {
        System.out.println("accepted: " + session.subject());
      } else if (verdict instanceof Rejection rejection) {
        System.out.println("rejected: " + rejection.reason());
        System.exit(1);
      }
    }
  }
}
