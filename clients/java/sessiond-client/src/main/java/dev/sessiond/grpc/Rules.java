package dev.sessiond.grpc;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** What is required of the methods of a server. */
final class Rules {
  private static final Pattern NAME = Pattern.compile("/[^/*]+/(?:[^/*]+|\\*)");

  private final Map<String, Rule> byName = new HashMap<>();
  private Rule others; // of what is not named; null denies it

  Rules() {
    byName.put("/grpc.health.v1.Health/*", Rule.PUBLIC);
    byName.put("/grpc.reflection.v1.ServerReflection/*", Rule.PUBLIC);
    byName.put("/grpc.reflection.v1alpha.ServerReflection/*", Rule.PUBLIC);
  }

  /** The same, for whoever changes it no more. */
  Rules copy() {
    Rules copied = new Rules();
    copied.byName.putAll(byName);
    copied.others = others;
    return copied;
  }

  void put(String name, Rule rule) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "method: found " + name + ", allowed is /package.Service/Method or /package.Service/*");
    }
    byName.put(name, rule);
  }

  void putOthers(Policy policy) {
    others = new Rule(policy, ValidateOptions.DEFAULT);
  }

  /**
   * What is required of a method by its full name, without a slash before it; null where nobody
   * says.
   */
  Rule of(String fullName) {
    Rule found = byName.get("/" + fullName);
    if (found == null) {
      found = byName.get("/" + fullName.substring(0, fullName.lastIndexOf('/') + 1) + "*");
    }
    return found == null ? others : found;
  }
}
