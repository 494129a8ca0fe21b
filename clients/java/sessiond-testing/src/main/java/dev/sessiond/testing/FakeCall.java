package dev.sessiond.testing;

import java.util.List;

/**
 * A call that reached a fake. Its text does not show the tokens.
 *
 * @param method such as {@code ValidateToken}
 * @param tokens the tokens that it is about
 * @param key that of who called; empty without one
 */
public record FakeCall(String method, List<String> tokens, String key) {
  @Override
  public String toString() {
    return "FakeCall[" + method + "]";
  }
}
