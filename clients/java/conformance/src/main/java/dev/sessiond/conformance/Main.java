package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sessiond.Policy;
import dev.sessiond.internal.clock.Clock;
import dev.sessiond.testing.FakeSessiond;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Carries out the commands of the suite that every client must pass; tests/conformance/README.md
 * has its protocol.
 */
public final class Main {
  private static final double NANOS_PER_SECOND = 1e9;

  private static final Logger CONTAINER = Logger.getLogger("org.apache");

  private final Results results = new Results(System.out);
  private final Clients clients = new Clients();
  private final Running running = new Running(results);

  private Main() {}

  /** Reads commands from standard input until it ends. */
  public static void main(String[] arguments) throws IOException {
    // The container tells of cookies that are none by showing them.
    CONTAINER.setLevel(Level.WARNING);
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    warmUp();
    Main main = new Main();
    main.results.say(Hello.line());
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      main.begin(new Command(JsonParser.parseString(line).getAsJsonObject()));
    }
    main.clients.closeAll();
    System.exit(0);
  }

  /** A call of a cold process takes longer than a case may have time to spare. */
  private static void warmUp() {
    try (FakeSessiond fake = FakeSessiond.start()) {
      fake.client().validate("", Policy.NOTHING);
    }
  }

  private void begin(Command command) {
    switch (command.name()) {
      // Others rely on these that come later.
      case "new", "cancel", "advance" -> results.say(command, atOnce(command));
      case "close" -> {
        clients.endBackends(command.text("client"));
        running.begin(command, clients.of(command));
      }
      case "serve_http", "serve_grpc" -> running.begin(command, () -> serve(command));
      default -> running.begin(command, clients.of(command));
    }
  }

  private JsonObject atOnce(Command command) {
    try {
      switch (command.name()) {
        case "new" -> clients.make(command);
        case "cancel" -> running.cancel(command.integer("of"));
        default -> advance(command);
      }
      return Outcomes.done();
    } catch (RuntimeException error) {
      return Outcomes.failure(error);
    }
  }

  private JsonObject serve(Command command) {
    JsonObject target = new JsonObject();
    target.addProperty("target", clients.serve(command));
    JsonObject result = new JsonObject();
    result.add("serving", target);
    return result;
  }

  private static void advance(Command command) {
    long nanos = (long) (command.number("seconds") * NANOS_PER_SECOND);
    String clock = command.text("clock");
    Clock.SYSTEM.move(clock.equals("wall") ? 0 : nanos, clock.equals("steady") ? 0 : nanos);
  }
}
