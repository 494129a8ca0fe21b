package dev.sessiond.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Writes results, one on each line. */
final class Results {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();

  private final PrintStream out;

  Results(PrintStream out) {
    this.out = new PrintStream(out, false, StandardCharsets.UTF_8);
  }

  void say(Command command, JsonObject result) {
    result.addProperty("id", command.id());
    say(result);
  }

  synchronized void say(JsonObject line) {
    out.println(GSON.toJson(line));
    out.flush();
  }
}
