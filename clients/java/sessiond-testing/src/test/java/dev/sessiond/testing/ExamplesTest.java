package dev.sessiond.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.SessionExample;
import dev.sessiond.SessiondClient;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.Verdict;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is said of an example is what a server says of a token with the same claims. */
class ExamplesTest {
  private static final Instant LOGIN = Instant.now().minus(Duration.ofHours(1));
  private static final Map<String, Object> PLAN = Map.of("plan", List.of("free", "old"));
  private static final Session EXAMPLE =
      SessionExample.of("alice")
          .scopes("orders:read")
          .permissions("refund")
          .acr("pwd")
          .authTime(LOGIN)
          .claims(PLAN)
          .build();
  private static final List<Policy> GOOD =
      List.of(
          Policy.NOTHING,
          Policy.builder().scopes("orders:read").permissions("refund").build(),
          Policy.builder().issuers(FakeSessiond.ISSUER).audiences(FakeSessiond.AUDIENCE).build(),
          Policy.builder().claim("plan", "free", "paid").acrValues("phr", "pwd").build(),
          Policy.builder().maxAuthAge(Duration.ofHours(2)).build());
  private static final List<Policy> BAD =
      List.of(
          Policy.builder().issuers("https://login.example").build(),
          Policy.builder().audiences("another").build(),
          Policy.builder().scopes("orders:read", "orders:write").build(),
          Policy.builder().permissions("ship").build(),
          Policy.builder().claim("plan", "paid").build(),
          Policy.builder().claim("none", "paid").build(),
          Policy.builder().acrValues("phr").maxAuthAge(Duration.ofHours(2)).build(),
          Policy.builder().maxAuthAge(Duration.ofMinutes(1)).build(),
          Policy.builder().scopes("other").audiences("another").build());

  @Test
  void anExampleIsJudgedAsATokenIs() {
    Validator examples = Validator.accepting(EXAMPLE);
    try (FakeSessiond fake = FakeSessiond.start();
        SessiondClient client = fake.client()) {
      String token =
          fake.sign(
              Map.of(
                  "scope", "orders:read",
                  "permissions", List.of("refund"),
                  "acr", "pwd",
                  "auth_time", LOGIN.getEpochSecond(),
                  "plan", PLAN.get("plan")));
      for (Policy policy : BAD) {
        assertEquals(client.validate(token, policy), judged(examples, policy), policy::toString);
      }
      for (Policy policy : GOOD) {
        assertInstanceOf(Session.class, client.validate(token, policy), policy::toString);
        assertEquals(EXAMPLE, judged(examples, policy), policy::toString);
      }
    }
  }

  private static Verdict judged(Validator validator, Policy policy) {
    return validator.validate("any", policy, ValidateOptions.DEFAULT);
  }
}
