package dev.sessiond.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonPrimitive;

/** Whether a value is as expected, by the rules of the suite. */
final class Expectation {
  private Expectation() {}

  static void check(String where, JsonElement expected, JsonElement found) {
    if (expected.isJsonArray()) {
      checkItems(where, expected.getAsJsonArray(), found);
    } else if (expected.isJsonObject()) {
      for (var rule : expected.getAsJsonObject().entrySet()) {
        checkMember(where, rule.getKey(), rule.getValue(), found);
      }
    } else {
      assertEquals(plain(expected), plain(found), where);
    }
  }

  private static void checkItems(String where, JsonArray expected, JsonElement found) {
    assertTrue(found.isJsonArray(), where);
    assertEquals(expected.size(), found.getAsJsonArray().size(), where);
    for (int i = 0; i < expected.size(); i++) {
      check(where + "[" + i + "]", expected.get(i), found.getAsJsonArray().get(i));
    }
  }

  private static void checkMember(String where, String name, JsonElement rule, JsonElement found) {
    switch (name) {
      case "$absent" -> assertEquals(rule.getAsBoolean(), found.isJsonNull(), where);
      case "$contains" -> {
        String text = found.getAsString();
        assertTrue(text.contains(rule.getAsString()), () -> where + ": found " + text);
      }
      case "$at_least" ->
          assertTrue(found.getAsDouble() >= rule.getAsDouble(), () -> where + ": found " + found);
      default -> check(where + "." + name, rule, member(found, name));
    }
  }

  private static JsonElement member(JsonElement of, String name) {
    boolean isThere = of.isJsonObject() && of.getAsJsonObject().has(name);
    return isThere ? of.getAsJsonObject().get(name) : JsonNull.INSTANCE;
  }

  /** A number is the same with and without a fraction of zero. */
  private static Object plain(JsonElement value) {
    return value instanceof JsonPrimitive primitive && primitive.isNumber()
        ? (Object) primitive.getAsDouble()
        : value;
  }
}
