package dev.sessiond;

import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/** Refuses what a server would of a policy, with the names that it has for the fields. */
final class PolicyRules {
  private static final int MOST_ITEMS = 64;
  private static final int LONGEST_NAME = 255;
  // What RFC 6749 section 3.3 calls a scope-token.
  private static final Pattern SCOPE = Pattern.compile("[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,256}");

  private PolicyRules() {}

  static void checkNames(String field, Set<String> values) {
    check(field, values, PolicyRules::checkName);
  }

  static void checkScopes(String field, Set<String> values) {
    check(
        field,
        values,
        (name, value) -> {
          if (!SCOPE.matcher(value).matches()) {
            throw invalid(
                name,
                '"' + value + '"',
                "1 to 256 printable ASCII characters but space, quote and backslash");
          }
        });
  }

  static void checkClaims(Map<String, TreeSet<String>> claims) {
    checkCount("claims", claims.keySet());
    claims.forEach(
        (name, values) -> {
          String field = "claims[\"" + name + "\"]";
          checkName(field, name);
          if (values.isEmpty()) {
            throw invalid(field, "no value", "1 to " + MOST_ITEMS + " values");
          }
          checkNames(field, values);
        });
  }

  static IllegalArgumentException invalid(String field, String found, String allowed) {
    return new IllegalArgumentException(field + ": found " + found + ", allowed is " + allowed);
  }

  private static void check(String field, Set<String> values, BiConsumer<String, String> rule) {
    checkCount(field, values);
    int i = 0;
    for (String value : values) {
      rule.accept(field + "[" + i++ + "]", value);
    }
  }

  private static void checkCount(String field, Collection<String> values) {
    if (values.size() > MOST_ITEMS) {
      throw invalid(field, values.size() + " items", "at most " + MOST_ITEMS);
    }
  }

  private static void checkName(String field, String value) {
    int length = value.codePointCount(0, value.length());
    if (length < 1 || length > LONGEST_NAME) {
      throw invalid(field, length + " characters", "1 to " + LONGEST_NAME + " characters");
    }
    if (value.chars().anyMatch(Character::isISOControl)) {
      throw invalid(field, "a control character", "characters that are not control characters");
    }
    if (!Texts.isWellFormed(value)) {
      throw invalid(field, "half of a character", "whole characters");
    }
  }
}
