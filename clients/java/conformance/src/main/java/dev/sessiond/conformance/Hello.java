package dev.sessiond.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.List;

/** What the testee says of itself. */
final class Hello {
  private static final List<String> GROUPS =
      List.of(
          "verdicts",
          "errors",
          "deadlines",
          "retries",
          "batches",
          "connection",
          "live",
          "cache",
          "watch",
          "flights",
          "http",
          "browser",
          "grpc");
  private static final List<String> FEATURES =
      List.of("cancel", "clock", "key_file", "mtls", "ready", "repeated_metadata", "tls_reload");

  private Hello() {}

  static JsonObject line() {
    JsonObject line = new JsonObject();
    line.addProperty("testee", "java " + Runtime.version());
    line.add("groups", new Gson().toJsonTree(GROUPS));
    line.add("features", new Gson().toJsonTree(FEATURES));
    return line;
  }
}
