package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PolicyTest {
  @Test
  void neitherOrderNorRepetitionCounts() {
    Policy one = Policy.builder().scopes("a", "b").claim("c", "1", "2").build();
    Policy other = Policy.builder().scopes("b", "a", "b").claim("c", "2").claim("c", "1").build();
    assertEquals(one, other);
    assertEquals(one.hashCode(), other.hashCode());
    assertEquals(one.requirements(), other.requirements());
  }

  @Test
  void whatIsRequiredTellsPoliciesApart() {
    List<Policy> all =
        List.of(
            Policy.NOTHING,
            Policy.builder().issuers("a").build(),
            Policy.builder().audiences("a").build(),
            Policy.builder().scopes("a").build(),
            Policy.builder().scopes("a", "b").build(),
            Policy.builder().permissions("a").build(),
            Policy.builder().permissions("a\"\"b").build(),
            Policy.builder().permissions("a", "b").build(),
            Policy.builder().acrValues("a").build(),
            Policy.builder().claim("a", "b").build(),
            Policy.builder().claim("a", "b", "c").build(),
            Policy.builder().claim("a", "b").claim("c", "c").build(),
            Policy.builder().maxAuthAge(Duration.ZERO).build(),
            Policy.builder().maxAuthAge(Duration.ofSeconds(1)).build());
    for (Policy one : all) {
      for (Policy other : all) {
        if (one != other) {
          assertNotEquals(one, other);
        }
      }
    }
  }

  @Test
  void whatAServerWouldRefuseIsRefusedWithItsName() {
    refuses("scopes[0]", Policy.builder().scopes("a b"));
    refuses("scopes[0]", Policy.builder().scopes(""));
    refuses("acr_values[0]", Policy.builder().acrValues("\""));
    refuses("issuers[0]", Policy.builder().issuers(""));
    refuses("audiences[0]", Policy.builder().audiences("a\u0085"));
    refuses("permissions[0]", Policy.builder().permissions("x".repeat(256)));
    refuses("permissions[0]", Policy.builder().permissions("\ud83e"));
    refuses("claims[\"c\"]", Policy.builder().claim("c"));
    refuses("max_auth_age", Policy.builder().maxAuthAge(Duration.ofNanos(-1)));
    String[] many = IntStream.range(0, 65).mapToObj(Integer::toString).toArray(String[]::new);
    refuses("scopes: found 65 items", Policy.builder().scopes(many));
  }

  @Test
  void whatIsAtALimitIsTaken() {
    Policy.builder().permissions("🦉".repeat(255)).scopes("x".repeat(256)).build();
  }

  private static void refuses(String named, Policy.Builder builder) {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, builder::build, named);
    assertTrue(error.getMessage().startsWith(named), error.getMessage());
  }
}
